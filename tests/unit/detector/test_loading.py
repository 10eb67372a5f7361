"""A detector on its way: how far it is can be asked, and what stands in its way is said where it is asked for."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from core import paths
from core.detector import Detector
from core.detector import file as detector_file
from core.detector.loading import Arriving
from core.detector.model_card import read_card
from core.errors import ModelError
from core.operating_point import DISTANCES


def test_every_digit_is_ready_with_a_picture_when_the_detector_is_there(
    tiny_detector_any_file: Path, tiny_detector_any: Detector
) -> None:
    arriving = Arriving(tiny_detector_any_file)

    assert arriving.wait(60)
    assert arriving.detector().fingerprint == tiny_detector_any.fingerprint
    assert arriving.digits_ready == len(arriving.normal) == len(tiny_detector_any.card_.normal)
    sheet = arriving.sheet()
    assert sheet.shape == (arriving.digits_ready, 28, 28)
    assert all(picture.max() > 0.2 for picture in sheet)


def test_what_is_not_ready_is_blank_paper(tiny_detector_any_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detector_file, "load", lambda path, watcher: None)

    arriving = Arriving(tiny_detector_any_file)

    assert arriving.wait(60)
    assert arriving.digits_ready == 0
    assert arriving.so_far() is None
    assert not arriving.sheet().any()


def test_a_file_that_is_damaged_inside_is_refused_where_the_detector_is_asked_for(
    tiny_detector_any_file: Path, tmp_path: Path
) -> None:
    (tmp_path / "cut.safetensors").write_bytes(tiny_detector_any_file.read_bytes()[:-1_000])

    with pytest.raises(ModelError, match="cut"):
        Arriving(tmp_path / "cut.safetensors").detector()


def test_digits_are_in_the_files_order_however_they_get_ready(tiny_detector_any_file: Path, state_dir: Path) -> None:
    class Backwards(Arriving):
        def choose(self, waiting: Sequence[str]) -> str:
            return waiting[-1]

    arriving = Backwards(tiny_detector_any_file)

    detector = arriving.detector()

    assert tuple(detector.scorers_) == detector.card_.normal
    assert arriving.digits_ready == len(detector.card_.normal)


def test_by_the_digits_that_are_ready_nothing_is_less_odd_than_by_all(
    tiny_detector_any_file: Path, tiny_detector_any: Detector, monkeypatch: pytest.MonkeyPatch
) -> None:
    arriving, seen = Arriving(tiny_detector_any_file), []
    images = tiny_detector_any.sample(12, seed=1)
    noted = arriving.ready

    def note(label: str) -> None:
        noted(label)
        if (detector := arriving.so_far()) is not None:
            seen.append(detector.inspect(images))

    monkeypatch.setattr(arriving, "ready", note)
    whole = arriving.detector().inspect(images)

    assert seen
    for part in seen:
        for evidence in DISTANCES:
            assert (part.p_values[evidence] <= whole.p_values[evidence]).all()
    assert np.array_equal(seen[-1].p_value, whole.p_value)


def test_the_digit_that_an_image_is_likeliest_to_be_comes_first(tiny_detector_any_file: Path) -> None:
    arriving = Arriving(tiny_detector_any_file)
    state = detector_file.load(tiny_detector_any_file)
    arriving.begun(state)
    guesses = {}
    for label, scorer in state.scorers.items():
        image = scorer.sample(1, seed=0)[0]
        arriving.expect(image)
        guesses[label] = arriving.choose(list(state.scorers))

    assert sum(label == guess for label, guess in guesses.items()) >= len(guesses) - 1


def test_a_server_that_is_ended_does_not_wait_for_digits_that_nobody_will_see(state_dir: Path) -> None:
    leave = "from pathlib import Path; from core.detector.loading import Arriving; import time\n"
    leave += "a = Arriving(Path({!r})); a.begin()\nwhile not a.digits_ready: time.sleep(0.02)"
    file = paths.CHECKPOINTS / "mnist-any.safetensors"

    subprocess.run([sys.executable, "-c", leave.format(str(file))], cwd=paths.ROOT, check=True, timeout=120)

    assert 1 <= len(list((state_dir / "cache").iterdir())) < len(read_card(file).normal)


def test_a_memory_is_the_same_however_many_threads_the_server_uses(tiny_detector_any_file: Path) -> None:
    import torch

    before, seen = torch.get_num_threads(), []
    try:
        for threads in (1, 4):
            torch.set_num_threads(threads)
            for cached in (detector_file.paths.state_dir() / "cache").glob("*"):
                cached.unlink()
            memories = [s.bank.points for s in detector_file.load(tiny_detector_any_file).scorers.values()]
            seen.append(torch.cat(memories))
    finally:
        torch.set_num_threads(before)
    assert torch.equal(*seen)
