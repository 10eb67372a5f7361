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
        pytest.param(b"", "not a whole model file.*fetch it again", id="empty"),
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

    refused(path, r"cut\.safetensors is not a whole model file .*: fetch it again\.")


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


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda text: text.pop("structure"), id="no structure"),
        pytest.param(lambda text: text.update(structure=""), id="empty structure"),
        pytest.param(lambda text: text.update(structure="{not json"), id="structure is no JSON"),
        pytest.param(lambda text: text.update(structure="[" * 100_000), id="structure nested too deep"),
        pytest.param(lambda text: text.update(structure="[]"), id="structure is a list"),
        pytest.param(lambda text: text.update(structure="null"), id="structure is null"),
        pytest.param(lambda text: text.update(card="{}"), id="empty card"),
        pytest.param(lambda text: text.update(card="[" * 100_000), id="card nested too deep"),
        pytest.param(lambda text: text.pop("card"), id="no card"),
        pytest.param(lambda text: text.update(odd_digit="model"), id="another magic word"),
    ],
)
def test_text_inside_that_cannot_be_read_is_refused(
    change: Callable[[dict[str, str]], object], copy_with: Callable[..., Path]
) -> None:
    refused(copy_with(metadata=change))


def meta(change: dict[str, Any]) -> Callable[[Structure], object]:
    """Changes the settings of the first digit's networks."""
    return lambda structure: structure["scorers"][0]["meta"]["settings"].update(change)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(meta({"architecture": "transformer"}), id="an unknown architecture"),
        pytest.param(meta({"architecture": "conv"}), id="another architecture than the weights'"),
        pytest.param(meta({"architecture": ["conv"]}), id="architecture is a list"),
        pytest.param(meta({"latent_size": 10**9}), id="a billion latents"),
        pytest.param(meta({"latent_size": -1}), id="less than no latents"),
        pytest.param(meta({"latent_size": 31}), id="another latent width"),
        pytest.param(meta({"latent_size": "32"}), id="latent width is text"),
        pytest.param(meta({"latent_size": 32.0}), id="latent width is a float"),
        pytest.param(meta({"command": "rm"}), id="an unknown setting"),
        pytest.param(lambda s: s["scorers"][0]["meta"].update(settings=None), id="no settings"),
        pytest.param(lambda s: s["scorers"][0].update(meta=[]), id="meta is a list"),
        pytest.param(lambda s: s["scorers"][0]["meta"].update(features_version=99), id="other features"),
        pytest.param(lambda s: s["scorers"][0]["meta"].update(fusion={}), id="no fusion"),
        pytest.param(lambda s: s["scorers"][0]["meta"]["fusion"].update(manifold=[0, float("nan")]), id="NaN fusion"),
        pytest.param(lambda s: s["scorers"][0]["meta"]["fusion"].update(manifold=[0, 0]), id="fusion without spread"),
        pytest.param(lambda s: s["scorers"][0]["meta"]["fusion"].update(manifold=[10**400, 1]), id="fusion too large"),
        pytest.param(lambda s: s.update(scorers=[]), id="no digits"),
        pytest.param(lambda s: s.update(scorers=s["scorers"] * 1_000), id="3,000 digits"),
        pytest.param(lambda s: s.update(scorers=s["scorers"][:2]), id="a digit less than on the card"),
        pytest.param(lambda s: s["scorers"].append(s["scorers"][0]), id="a digit twice"),
        pytest.param(lambda s: s["scorers"][0].update(label="9"), id="another digit than on the card"),
        pytest.param(lambda s: s.update(scorers="abc"), id="digits are letters"),
        pytest.param(lambda s: s.update(standards={}), id="no standards"),
        pytest.param(lambda s: s["standards"]["0"].update(fused=[0.0, 0.0]), id="a standard without scale"),
        pytest.param(lambda s: s["standards"]["0"].update(fused=["a", "b"]), id="a standard of letters"),
        pytest.param(lambda s: s["evaluation"].update(label_names=["0"]), id="labels without names"),
        pytest.param(lambda s: s["evaluation"].update(sources=[]), id="no sources"),
        pytest.param(lambda s: s.update(evaluation=7), id="evaluation is a number"),
    ],
)
def test_a_structure_that_does_not_fit_is_refused(
    change: Callable[[Structure], object], copy_with: Callable[..., Path]
) -> None:
    refused(copy_with(structure=change))


def put(name: str, tensor: torch.Tensor) -> Callable[[Tensors], object]:
    return lambda tensors: tensors.update({name: tensor})


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(put("scorer.0.latents", torch.zeros(0, 32, dtype=torch.int8)), id="no latents"),
        pytest.param(put("scorer.0.latents", torch.zeros(1, 32, dtype=torch.int8)), id="a single latent"),
        pytest.param(put("scorer.0.latents", torch.zeros(9, 31, dtype=torch.int8)), id="latents of another width"),
        pytest.param(put("scorer.0.latents", torch.zeros(10**6, 1, dtype=torch.int8)), id="latents that broadcast"),
        pytest.param(put("scorer.0.latents", torch.zeros(10**6, 32, dtype=torch.int8)), id="a million latents"),
        pytest.param(put("scorer.0.latents", torch.zeros((), dtype=torch.int8)), id="latents of no dimension"),
        pytest.param(put("scorer.0.latents_scale", torch.ones(10**6, 32)), id="steps that broadcast"),
        pytest.param(put("scorer.0.latents_scale", torch.full((32,), 3e38)), id="steps beyond all numbers"),
        pytest.param(put("scorer.0.latents_scale", torch.full((32,), torch.nan)), id="NaN steps"),
        pytest.param(put("calibration.fused", torch.tensor([0.1, torch.nan])), id="NaN calibration"),
        pytest.param(put("calibration.fused", torch.zeros(0)), id="no calibration scores"),
        pytest.param(put("calibration.fused", torch.zeros(3, 3)), id="a table of calibration scores"),
        pytest.param(put("calibration.fused", torch.zeros(2 * 10**6)), id="two million calibration scores"),
        pytest.param(put("digit.1.pixel", torch.tensor([torch.inf])), id="infinite digit calibration"),
        pytest.param(put("evaluation.label", torch.full((397,), -1, dtype=torch.int16)), id="negative labels"),
        pytest.param(put("evaluation.label", torch.zeros(396, dtype=torch.uint8)), id="a label short"),
        pytest.param(put("evaluation.source", torch.full((397,), 200, dtype=torch.uint8)), id="unknown sources"),
        pytest.param(put("evaluation.anomaly", torch.zeros(397, 1, dtype=torch.uint8)), id="a column for a row"),
        pytest.param(put("evaluation.fused", torch.full((397,), torch.inf)), id="infinite evaluation scores"),
    ],
)
def test_tensors_that_do_not_fit_are_refused(
    change: Callable[[Tensors], object], copy_with: Callable[..., Path]
) -> None:
    refused(copy_with(tensors=change))


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
