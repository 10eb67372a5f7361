"""The registry: what is on the shelf, which names may be taken, and renaming, deleting, importing."""

import errno
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import load, save

from core import paths
from core.detector import Detector, file, registry
from core.errors import ModelError, WriteError
from core.files import tensors


def put(name: str) -> Path:
    """A file on one's own shelf; what is in it does not matter."""
    registry.own_folder("").mkdir(parents=True, exist_ok=True)
    path = registry.own_folder("") / f"{name}.safetensors"
    path.write_bytes(b"no model at all")
    return path


def test_the_shelf_has_shipped_models_first_and_ones_own_after_them_by_name_and_nothing_half_written(
    shipped: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put("zebra")
    put("aardvark")
    (registry.own_folder("") / ".other.safetensors.x1.part").write_bytes(b"half")

    own = [("aardvark", False), ("zebra", False)]
    assert [(model.name, model.shipped) for model in registry.models("")] == [("mnist-5", True), *own]
    monkeypatch.setattr(paths, "CHECKPOINTS", shipped / "nowhere")
    assert [(model.name, model.shipped) for model in registry.models("")] == own


def test_a_file_of_ones_own_with_a_shipped_name_never_takes_the_shipped_models_place(shipped: Path) -> None:
    put("mnist-5")

    assert [model.name for model in registry.models("")] == ["mnist-5"]
    assert registry.find("mnist-5", "").path == shipped / "mnist-5.safetensors"


@pytest.mark.parametrize(
    "name",
    ["", "mnist-11", "../mnist-5", "/etc/passwd", "no\0.safetensors", "x" * 5_000 + ".safetensors", ".safetensors"],
    ids=["empty", "unknown", "no suffix", "another file", "null byte", "5,000 letters", "suffix alone"],
)
def test_what_is_no_model_is_refused_with_a_list_of_those_there_are(name: str, shipped: Path) -> None:
    with pytest.raises(ModelError, match=r"there is no model .*The models here are mnist-5; or give"):
        registry.find(name, "")


@pytest.mark.parametrize("name", ["5", "my-5", "My_fives.v2", "a" * 64, "5..2", "any"])
def test_a_usable_name_gets_a_place_in_ones_own_folder(name: str, shipped: Path) -> None:
    assert registry.place_for(name, "") == registry.own_folder("") / f"{name}.safetensors"


HOSTILE = (
    *("", " ", ".", "..", "../x", "a/b", "a\\b", "/etc/passwd", ".hidden", "-rf", "_x", "fünf", "５", "five\n", "a b"),
    *("a\0b", "a" * 65, "trailing.", "con", "NUL.5", "lpt1", "C:x", "~", "$HOME", "*", "<b>"),
)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        *((name, "is no model name: use 1 to 64 letters") for name in HOSTILE),
        *((name, "a shipped model, which is read-only: choose another name") for name in ("mnist-5", "MNIST-5")),
        ("Own", "'Own' is the name of a model that is already here: choose another name"),
    ],
    ids=repr,
)
def test_a_name_that_could_be_a_path_or_worse_or_is_taken_in_any_case_of_letters_is_refused(
    name: str, reason: str, shipped: Path
) -> None:
    put("own")

    with pytest.raises(ModelError, match=reason):
        registry.place_for(name, "")


def test_the_name_of_an_unfinished_run_is_taken(shipped: Path) -> None:
    (registry.runs_folder("") / "begun").mkdir(parents=True)
    assert registry.place_for("begun", ""), "ended before it was written down: there is nothing to resume"
    (registry.runs_folder("") / "begun" / "spec.json").write_text("{}")

    with pytest.raises(ModelError, match="'begun' is the name of an unfinished training run: resume that"):
        registry.place_for("begun", "")


def test_a_renamed_model_is_found_under_its_new_name_only_and_reads_as_before(
    tiny_shelf: tuple[str, str], tiny_detector_file: Path
) -> None:
    before = Detector.load("tiny-5").fingerprint

    registry.rename("tiny-5", "renamed", "")

    renamed = Detector.load("renamed")
    assert renamed.fingerprint == before
    assert renamed.card_.name == "renamed"
    with pytest.raises(ModelError, match="there is no model 'tiny-5'"):
        registry.find("tiny-5", "")


def test_a_renaming_that_was_ended_on_the_way_is_brought_to_its_end(tiny_shelf: tuple[str, str]) -> None:
    registry.add(file.load(registry.find("tiny-5", "").path), "renamed", "")

    registry.rename("tiny-5", "renamed", "")

    own = [model.name for model in registry.models("") if model.own]
    assert "renamed" in own
    assert "tiny-5" not in own


def test_a_disk_that_refuses_to_delete_a_model_is_said(
    tiny_shelf: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(Path, "unlink", refuse)

    with pytest.raises(WriteError, match="the disk is read-only"):
        registry.delete("tiny-5", "")


@pytest.mark.parametrize("new", ["tiny-any", "../x", ""])
def test_a_model_that_cannot_be_renamed_stays_as_it_was(new: str, tiny_shelf: tuple[str, str]) -> None:
    with pytest.raises(ModelError):
        registry.rename("tiny-5", new, "")

    assert registry.card("tiny-5", "").name == "tiny-5"
    assert registry.card("tiny-any", "").name == "tiny-any"


def test_a_deleted_model_is_gone(shipped: Path) -> None:
    path = put("mine")

    registry.delete("mine", "")

    assert not path.exists()
    assert [model.name for model in registry.models("")] == ["mnist-5"]


def test_shipped_models_and_files_elsewhere_can_be_neither_renamed_nor_deleted(
    shipped: Path, tiny_detector_file: Path
) -> None:
    for name in ("mnist-5", str(tiny_detector_file), str(shipped / "mnist-5.safetensors")):
        with pytest.raises(ModelError, match="none of your own models"):
            registry.delete(name, "")
        with pytest.raises(ModelError, match="none of your own models"):
            registry.rename(name, "mine", "")

    assert tiny_detector_file.exists()
    assert (shipped / "mnist-5.safetensors").exists()


def test_an_imported_file_is_on_the_shelf_under_the_name_given_or_the_one_on_its_card(
    shipped: Path, tiny_detector_file: Path
) -> None:
    data = tiny_detector_file.read_bytes()

    registry.import_model(data, "")
    registry.import_model(data, "", "another")

    assert [model.name for model in registry.models("")] == ["mnist-5", "another", "tiny-5"]
    assert registry.card("another", "").name == "another"
    assert Detector.load("another").fingerprint == Detector.load("tiny-5").fingerprint


@pytest.mark.parametrize(
    ("damage", "name"),
    [
        pytest.param(lambda data: data[:-10], "", id="truncated"),
        pytest.param(lambda data: b"", "", id="empty"),
        pytest.param(lambda data: b"\x80\x04K\x05.", "", id="a pickle"),
        pytest.param(lambda data: data, "../../x", id="a name that climbs"),
        pytest.param(lambda data: data, "mnist-5", id="the name of a shipped model"),
    ],
)
def test_what_cannot_be_imported_leaves_the_shelf_and_the_disk_as_they_were(
    damage: object, name: str, shipped: Path, tiny_detector_file: Path
) -> None:
    with pytest.raises(ModelError):
        registry.import_model(damage(tiny_detector_file.read_bytes()), "", name)

    assert [model.name for model in registry.models("")] == ["mnist-5"]
    assert not list(paths.state_dir().glob("import-*"))


@pytest.mark.parametrize(("latents", "refused"), [(1, "latents of the shape"), (2, None), (3, None)])
def test_a_model_is_imported_only_if_it_can_judge(
    latents: int, refused: str | None, shipped: Path, tiny_detector_file: Path
) -> None:
    metadata, content = tensors.read(tiny_detector_file)
    few = load(content)
    for name in ("scorer.0.latents", "scorer.0.latents_held"):
        few[name] = few[name][:latents].contiguous()
    data = save(few, {key: value for key, value in metadata.items() if key != tensors.CHECKSUM})

    if refused:
        with pytest.raises(ModelError, match=refused):
            registry.import_model(data, "", "few")
    else:
        model = registry.import_model(data, "", "few")
        assert Detector.load(model.path).inspect(np.eye(28)[None]).p_value[0] <= 1


def test_a_model_that_fails_at_its_first_digit_is_refused_with_the_reason(
    shipped: Path, tiny_detector_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise IndexError("index 0 is out of bounds")

    monkeypatch.setattr("core.scoring.multi_digit.score", fail)
    with pytest.raises(ModelError, match="cannot judge a single digit"):
        registry.import_model(tiny_detector_file.read_bytes(), "", "none")


def test_of_many_who_take_one_name_at_once_one_has_it_and_the_others_are_told(
    shipped: Path, tiny_detector_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, barrier = tiny_detector_file.read_bytes(), threading.Barrier(4)
    place_for = registry.place_for

    def at_once(name: str, visitor: str) -> Path:
        place = place_for(name, visitor)
        barrier.wait()  # all have seen that the name is free
        return place

    monkeypatch.setattr(registry, "place_for", at_once)

    with ThreadPoolExecutor(4) as threads:
        tries = [threads.submit(registry.import_model, data, "", "mine") for _ in range(4)]
    refused = [str(error) for attempt in tries if (error := attempt.exception())]

    assert refused == ["'mine' is the name of a model that is already here: choose another name."] * 3
    assert registry.card("mine", "").name == "mine"


# On a shared server everyone's models are everyone's, a visitor's own are nobody else's.


@pytest.mark.usefixtures("shared_server")
def test_a_model_of_ones_own_is_on_no_other_visitors_shelf_and_the_machines_is_on_all(
    shipped: Path, tiny_detector_file: Path
) -> None:
    put("of-the-machine")

    registry.import_model(tiny_detector_file.read_bytes(), "anna", "of-anna")

    assert [model.name for model in registry.models("anna")] == ["mnist-5", "of-anna", "of-the-machine"]
    assert [model.name for model in registry.models("ben")] == ["mnist-5", "of-the-machine"]
    assert [model.name for model in registry.models("")] == ["mnist-5", "of-the-machine"]


@pytest.mark.usefixtures("shared_server")
def test_nobody_but_its_owner_renames_or_deletes_a_model(shipped: Path, tiny_detector_file: Path) -> None:
    put("of-the-machine")
    registry.import_model(tiny_detector_file.read_bytes(), "anna", "of-anna")

    for name in ("of-anna", "of-the-machine"):
        with pytest.raises(ModelError, match=r"none of your own models|there is no model"):
            registry.delete(name, "ben")
        with pytest.raises(ModelError, match=r"none of your own models|there is no model"):
            registry.rename(name, "bens", "ben")
    registry.rename("of-anna", "annas", "anna")

    assert [model.name for model in registry.models("ben")] == ["mnist-5", "of-the-machine"]
    assert [model.name for model in registry.models("anna")] == ["mnist-5", "annas", "of-the-machine"]
    registry.delete("annas", "anna")
    assert not list(registry.own_folder("anna").iterdir())


@pytest.mark.usefixtures("shared_server")
def test_another_visitors_model_is_not_opened_by_its_name_nor_its_path_and_no_error_names_it(
    shipped: Path, tiny_detector_file: Path
) -> None:
    theirs = registry.import_model(tiny_detector_file.read_bytes(), "anna", "of-anna").path

    # Of a name with ~ it is not said either whether the server's machine has such a user.
    for name in ("of-anna", str(theirs), f"../anna/models/{theirs.name}", "nothing", "~root/x", "~nobody-here/x"):
        with pytest.raises(ModelError) as said:
            registry.card(name, "ben")
        there = "The models here are mnist-5; or give a .safetensors file."
        assert str(said.value) == f"there is no model {name!r}. {there}"
    assert registry.find("of-anna", "anna").own


@pytest.mark.usefixtures("shared_server")
def test_two_visitors_may_use_one_name_and_each_has_their_own(shipped: Path, tiny_detector_file: Path) -> None:
    paths_of = {who: registry.import_model(tiny_detector_file.read_bytes(), who, "mine").path for who in ("a", "b")}

    registry.delete("mine", "a")

    assert not paths_of["a"].exists()
    assert registry.find("mine", "b").path == paths_of["b"]


@pytest.mark.usefixtures("shared_server")
def test_models_from_before_there_was_a_folder_a_visitor_stay_their_owners(shipped: Path) -> None:
    put("of-anna")
    (registry.own_folder("") / "of-anna.owner").write_text("anna")
    (registry.runs_folder("") / "begun").mkdir(parents=True)
    (registry.own_folder("") / "begun.owner").write_text("anna")

    assert [model.name for model in registry.models("ben")] == ["mnist-5"]
    assert [model.name for model in registry.models("anna")] == ["mnist-5", "of-anna"]
    assert [run.name for run in registry.runs_folder("anna").iterdir()] == ["begun"]


def test_on_ones_own_machine_every_model_is_ones_own(shipped: Path, tiny_detector_file: Path) -> None:
    registry.import_model(tiny_detector_file.read_bytes(), "local", "mine")

    assert [model.name for model in registry.models("someone else")] == ["mnist-5", "mine"]
    registry.delete("mine", "local")
    assert [model.name for model in registry.models("")] == ["mnist-5"]
