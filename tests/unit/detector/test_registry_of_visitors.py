"""The registry on a shared server: everyone's models are everyone's, a visitor's own are nobody else's."""

from pathlib import Path

import pytest

from core.detector import registry
from core.errors import ModelError
from tests.unit.detector.test_registry import put


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

    for name in ("of-anna", str(theirs), f"../anna/models/{theirs.name}", "nothing"):
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
