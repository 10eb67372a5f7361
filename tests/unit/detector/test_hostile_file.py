"""Model files that are none, or were tampered with or damaged: each is refused in a line, and nothing is run."""

import contextlib
import json
import pickle
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from safetensors.torch import save as to_bytes

from core import paths
from core.detector import Detector, model_card
from core.detector import file as detector_file
from core.errors import ModelError
from core.files import tensors as tensor_files

Tensors = dict[str, torch.Tensor]
Structure = dict[str, Any]


@pytest.fixture
def copy_with(tiny_detector_any_file: Path, tmp_path: Path) -> Callable[..., Path]:
    """Makes a copy of a good file in which a change was made to tensors, structure, card or metadata."""

    def make(
        tensors: Callable[[Tensors], object] = lambda _: None,
        structure: Callable[[Structure], object] = lambda _: None,
        card: Callable[[dict[str, Any]], object] = lambda _: None,
        metadata: Callable[[dict[str, str]], object] = lambda _: None,
    ) -> Path:
        own = load_file(tiny_detector_any_file)
        with safe_open(tiny_detector_any_file, framework="numpy") as file:
            text = dict(file.metadata())
        for key, change in (("structure", structure), ("card", card)):
            content = json.loads(text[key])
            change(content)
            text[key] = json.dumps(content)
        tensors(own)
        metadata(text)
        path = tmp_path / "tampered.safetensors"
        # With the right checksum: whoever tampers with a file on purpose makes that anew.
        tensor_files.write(path, to_bytes({name: tensor.contiguous() for name, tensor in own.items()}, text))
        return path

    return make


def unchecked(path: Path) -> bytes:
    """The content of a file as it was written before there was a checksum."""
    with safe_open(path, framework="numpy") as file:
        text = {key: value for key, value in file.metadata().items() if key != tensor_files.CHECKSUM}
    return to_bytes(load_file(path), text)


def refused(path: Path, said: str | None = None) -> None:
    """It is refused, quickly, by a reason of one line that names the file; nothing else is raised."""
    started = time.process_time()  # not the clock's: other work on the machine must not fail a test
    with pytest.raises(ModelError, match=said) as error:
        detector_file.load(path)
    assert time.process_time() - started < 5
    assert path.name in str(error.value)
    assert "\n" not in str(error.value)


def test_an_untouched_copy_loads_and_a_file_of_before_there_was_a_checksum(
    copy_with: Callable[..., Path], tiny_detector_any: Detector, tmp_path: Path
) -> None:
    (tmp_path / "older.safetensors").write_bytes(unchecked(copy_with()))

    for path in (copy_with(), tmp_path / "older.safetensors"):
        assert detector_file.load(path).fingerprint == tiny_detector_any.fingerprint


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param(b"", "not a whole model file.*fetch or train it again", id="empty"),
        pytest.param(b"\0", "not a whole model file", id="one byte"),
        pytest.param(b"GIF89a" * 100, "not a whole model file", id="a picture"),
        pytest.param(b"<html>404</html>" * 50, "not a whole model file", id="a page instead of a file"),
        pytest.param(struct.pack("<Q", 2**63) + b"{}", "not a whole model file", id="a header of 9 exabytes"),
        pytest.param(struct.pack("<Q", 2) + b"{}", "not an Odd Digit Out detector", id="no tensors at all"),
        pytest.param(struct.pack("<Q", 4) + b"[[[[", "not a whole model file", id="a broken header"),
        pytest.param(struct.pack("<Q", 10**6) + b"[" * 10**6, "not a whole model file", id="a header nested too deep"),
        pytest.param(np.random.default_rng(0).bytes(5_000), "not a whole model file", id="random bytes"),
    ],
)
def test_a_file_that_is_no_model_is_refused(content: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "some.safetensors"
    path.write_bytes(content)

    refused(path, said)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.1, 0.5, 0.9, 0.9999, 1.0001])
def test_a_file_cut_or_with_something_behind_its_end_is_refused(
    share: float, tiny_detector_file: Path, tmp_path: Path
) -> None:
    whole = tiny_detector_file.read_bytes()
    path = tmp_path / "cut.safetensors"
    path.write_bytes((whole + bytes(len(whole)))[: int(share * len(whole))])

    refused(path, r"cut\.safetensors is not a whole model file .*: fetch or train it again\.")


def test_a_pickle_with_the_right_suffix_is_refused_and_never_run(tmp_path: Path) -> None:
    marker = tmp_path / "was-run"

    class Bomb:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (marker,)

    path = tmp_path / "bomb.safetensors"
    path.write_bytes(pickle.dumps(Bomb()))
    refused(path, "not a whole model file")
    torch.save({"weights": torch.zeros(3)}, path)
    refused(path, "not a whole model file")

    assert not marker.exists()


def test_what_is_no_file_too_large_or_someone_elses_is_refused_before_it_is_read(tmp_path: Path) -> None:
    refused(tmp_path / "nowhere.safetensors", "there is no such model file")
    (tmp_path / "folder.safetensors").mkdir()
    refused(tmp_path / "folder.safetensors", "not a whole model file")
    with (tmp_path / "huge.safetensors").open("wb") as file:
        file.truncate(10 * 2**30)
    refused(tmp_path / "huge.safetensors", r"huge\.safetensors has 10,240 MB; detectors are below 64 MB")
    save_file({"weight": torch.zeros(3)}, tmp_path / "llama.safetensors", {"format": "pt"})
    refused(
        tmp_path / "llama.safetensors", r"llama.* is not an Odd Digit Out detector: choose a file this app has saved"
    )


@pytest.mark.parametrize("key", ["format", "ink", "features", "scoring"])
@pytest.mark.parametrize("version", ["0", "99", "1.0", "", None])
def test_another_version_is_refused_with_both_versions_and_a_remedy(
    key: str, version: str | None, copy_with: Callable[..., Path]
) -> None:
    path = copy_with(metadata=lambda text: text.pop(key) if version is None else text.update({key: version}))

    refused(path, rf"saved with {key} version {version}, this is version \d+: train it anew .* or use the version")


def meta(change: dict[str, Any]) -> Callable[[Structure], object]:
    """Changes the settings of the first digit's networks."""
    return lambda structure: structure["scorers"][0]["meta"]["settings"].update(change)


def put(name: str, tensor: torch.Tensor) -> Callable[[Tensors], object]:
    return lambda tensors: tensors.update({name: tensor})


TEXT: dict[str, Callable[[dict[str, str]], object]] = {
    "no structure": lambda text: text.pop("structure"),
    "empty structure": lambda text: text.update(structure=""),
    "structure is no JSON": lambda text: text.update(structure="{not json"),
    "structure nested too deep": lambda text: text.update(structure="[" * 100_000),
    "structure is a list": lambda text: text.update(structure="[]"),
    "structure is null": lambda text: text.update(structure="null"),
    "empty card": lambda text: text.update(card="{}"),
    "card nested too deep": lambda text: text.update(card="[" * 100_000),
    "no card": lambda text: text.pop("card"),
    "another magic word": lambda text: text.update(odd_digit="model"),
}
STRUCTURE: dict[str, Callable[[Structure], object]] = {
    "an unknown architecture": meta({"architecture": "transformer"}),
    "another architecture than the weights'": meta({"architecture": "conv"}),
    "architecture is a list": meta({"architecture": ["conv"]}),
    "a billion latents": meta({"latent_size": 10**9}),
    "less than no latents": meta({"latent_size": -1}),
    "another latent width": meta({"latent_size": 31}),
    "latent width is text": meta({"latent_size": "32"}),
    "latent width is a float": meta({"latent_size": 32.0}),
    "an unknown setting": meta({"command": "rm"}),
    "no settings": lambda s: s["scorers"][0]["meta"].update(settings=None),
    "meta is a list": lambda s: s["scorers"][0].update(meta=[]),
    "other features": lambda s: s["scorers"][0]["meta"].update(features_version=99),
    "no fusion": lambda s: s["scorers"][0]["meta"].update(fusion={}),
    "NaN fusion": lambda s: s["scorers"][0]["meta"]["fusion"].update(manifold=[0, float("nan")]),
    "fusion without spread": lambda s: s["scorers"][0]["meta"]["fusion"].update(manifold=[0, 0]),
    "fusion too large": lambda s: s["scorers"][0]["meta"]["fusion"].update(manifold=[10**400, 1]),
    "no digits": lambda s: s.update(scorers=[]),
    "3,000 digits": lambda s: s.update(scorers=s["scorers"] * 1_000),
    "a digit less than on the card": lambda s: s.update(scorers=s["scorers"][:2]),
    "a digit twice": lambda s: s["scorers"].append(s["scorers"][0]),
    "another digit than on the card": lambda s: s["scorers"][0].update(label="9"),
    "digits are letters": lambda s: s.update(scorers="abc"),
    "no standards": lambda s: s.update(standards={}),
    "a standard without scale": lambda s: s["standards"]["0"].update(fused=[0.0, 0.0]),
    "a standard of letters": lambda s: s["standards"]["0"].update(fused=["a", "b"]),
    "labels without names": lambda s: s["evaluation"].update(label_names=["0"]),
    "no sources": lambda s: s["evaluation"].update(sources=[]),
    "evaluation is a number": lambda s: s.update(evaluation=7),
}
TENSORS: dict[str, Callable[[Tensors], object]] = {
    "no latents": put("scorer.0.latents", torch.zeros(0, 32, dtype=torch.int8)),
    "a single latent": put("scorer.0.latents", torch.zeros(1, 32, dtype=torch.int8)),
    "latents of another width": put("scorer.0.latents", torch.zeros(9, 31, dtype=torch.int8)),
    "latents that broadcast": put("scorer.0.latents", torch.zeros(10**6, 1, dtype=torch.int8)),
    "a million latents": put("scorer.0.latents", torch.zeros(10**6, 32, dtype=torch.int8)),
    "latents of no dimension": put("scorer.0.latents", torch.zeros((), dtype=torch.int8)),
    "steps that broadcast": put("scorer.0.latents_scale", torch.ones(10**6, 32)),
    "steps beyond all numbers": put("scorer.0.latents_scale", torch.full((32,), 3e38)),
    "NaN steps": put("scorer.0.latents_scale", torch.full((32,), torch.nan)),
    "NaN calibration": put("calibration.fused", torch.tensor([0.1, torch.nan])),
    "no calibration scores": put("calibration.fused", torch.zeros(0)),
    "a table of calibration scores": put("calibration.fused", torch.zeros(3, 3)),
    "two million calibration scores": put("calibration.fused", torch.zeros(2 * 10**6)),
    "infinite digit calibration": put("digit.1.pixel", torch.tensor([torch.inf])),
    "negative labels": put("evaluation.label", torch.full((397,), -1, dtype=torch.int16)),
    "a label short": put("evaluation.label", torch.zeros(396, dtype=torch.uint8)),
    "unknown sources": put("evaluation.source", torch.full((397,), 200, dtype=torch.uint8)),
    "a column for a row": put("evaluation.anomaly", torch.zeros(397, 1, dtype=torch.uint8)),
    "infinite evaluation scores": put("evaluation.fused", torch.full((397,), torch.inf)),
}
TAMPERED = {"metadata": TEXT, "structure": STRUCTURE, "tensors": TENSORS}


@pytest.mark.parametrize(("part", "what"), [(part, what) for part, changes in TAMPERED.items() for what in changes])
def test_what_was_tampered_with_is_refused(part: str, what: str, copy_with: Callable[..., Path]) -> None:
    refused(copy_with(**{part: TAMPERED[part][what]}))  # type: ignore[index]


def test_every_tensor_is_needed(copy_with: Callable[..., Path], tiny_detector_any_file: Path) -> None:
    names = list(load_file(tiny_detector_any_file))
    kinds = {name.split(".", 2)[0] + name.rsplit(".", 1)[-1]: name for name in names}

    for name in kinds.values():
        refused(copy_with(tensors=lambda tensors, gone=name: tensors.pop(gone)))


def test_what_was_measured_is_refused_where_it_does_not_fit(copy_with: Callable[..., Path]) -> None:
    for change in (put("calibration.fused", torch.tensor([0.1, torch.nan])), lambda t: t.pop("evaluation.label")):
        with pytest.raises(ModelError, match="tampered"):
            detector_file.read_measured(copy_with(tensors=change))


def test_weights_of_another_shape_or_kind_are_refused(
    copy_with: Callable[..., Path], tiny_detector_any_file: Path
) -> None:
    weight = next(name for name in load_file(tiny_detector_any_file) if name.startswith("scorer.1.weights."))

    refused(copy_with(tensors=put(weight, torch.zeros(3, 3))), "scorer|weights|damaged|incomplete")
    refused(copy_with(tensors=put(weight, torch.full((3,), torch.nan))), "holds NaN or infinity")
    refused(copy_with(tensors=put("scorer.1.weights.generator.foreign", torch.zeros(3))), "foreign")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_file_either_loads_or_is_refused_and_nothing_else(
    data: st.DataObject, tiny_detector_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = unchecked(tiny_detector_file)
    header = 8 + struct.unpack("<Q", good[:8])[0]
    damaged = bytearray(good)
    # Half of all damage goes into the header, which is small and where everything is decided.
    for _ in range(data.draw(st.integers(1, 4), label="bytes to change")):
        at = data.draw(st.one_of(st.integers(0, header - 1), st.integers(0, len(good) - 1)), label="at")
        damaged[at] = data.draw(st.integers(0, 255), label="to")
    cut = data.draw(st.one_of(st.just(len(good)), st.integers(0, len(good))), label="cut")
    path = tmp_path / "damaged.safetensors"
    path.write_bytes(damaged[:cut])
    monkeypatch.setattr(paths, "state_dir", lambda: tmp_path)

    for read in (detector_file.load, detector_file.read_measured, model_card.read_card):
        with contextlib.suppress(ModelError):
            read(path)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_file_with_a_single_flipped_bit_is_never_judged_with(
    data: st.DataObject,
    tiny_detector_file: Path,
    tiny_detector: Detector,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    content = bytearray(tiny_detector_file.read_bytes())
    header = 8 + struct.unpack("<Q", content[:8])[0]
    at = data.draw(st.one_of(st.integers(0, header - 1), st.integers(0, len(content) - 1)), label="at")
    content[at] ^= 1 << data.draw(st.integers(0, 7), label="bit")
    path = tmp_path / "flipped.safetensors"
    path.write_bytes(content)
    monkeypatch.setattr(paths, "state_dir", lambda: tmp_path)

    # In the name of the checksum or in the spaces behind the header a bit changes nothing that is judged with.
    with contextlib.suppress(ModelError):
        assert detector_file.load(path).fingerprint == tiny_detector.fingerprint
