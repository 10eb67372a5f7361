"""Two visitors of a shared server: nothing that one keeps there is on any page of the other, whatever the link says."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core import paths, quota, settings
from core.batch import store as batches
from core.batch.run import begin
from core.batch.store import batches_dir
from core.datasets import uploads
from core.detector import Detector, registry
from core.history import History
from core.operating_point import OperatingPoint
from core.training.job import Job, State, jobs_folder, write_job
from core.training.run import RunSpec
from pages.ui import visitor
from tests.support.opened import open_page, text
from tests.support.piles import digits, png
from tests.support.recorded import verdict

SECRET = "annaskeptthis"  # a word without anything that Markdown would have escaped
MARKED = f"**{SECRET}** <b>[x](http://x)</b>"
PAGES = ("dashboard.py", *(f"pages/{file.name}" for file in sorted((paths.ROOT / "pages").glob("[0-9]_*.py"))))


def everything(page: AppTest) -> str:
    """All that the page hands to the browser: every text, label, option, table and link."""
    return "\n".join(str(getattr(element, "proto", "")) for element in page._tree)


@pytest.fixture
def visit(
    tiny_shelf: tuple[str, str], tiny_detector_file: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., AppTest]:
    """Opens a page as a visitor, on a server where Anna keeps one of everything, all with a name that says so."""
    monkeypatch.setenv("ODD_DIGIT_SHARED", "1")
    monkeypatch.setattr(paths, "CHECKPOINTS", registry.own_folder("").rename(paths.state_dir() / "shipped"))
    model = registry.import_model(tiny_detector_file.read_bytes(), "anna", SECRET)
    detector = Detector.load(model.path)
    set_of_hers = uploads.folder("anna") / f"{SECRET}-set.npz"
    for name, state in (("failed", State.FAILED), ("done", State.DONE), ("paused", State.PAUSED)):
        spec = RunSpec(f"{SECRET}-{name}", ("5",), f"npz:{set_of_hers}", visitor="anna")
        write_job(jobs_folder() / name, Job(name, spec, state, cause=f"{SECRET} was why."))
    ours = replace(detector.card_, name=f"{SECRET}-pen", calibrated_on=f"{SECRET}'s own ink")
    registry.add(replace(detector.state_, card=ours), ours.name, "anna")
    uploads.keep([(f"{SECRET}/five.png", png(digits(1)[0][0]))], "", "anna")
    asked = batches.Job(f"{MARKED}.png", OperatingPoint(SECRET), visitor="anna", names=(f"{MARKED}.png",))
    begin(batches_dir() / "hers", asked, detector)
    (batches_dir() / "hers" / "corrections.json").write_text(f'{{"0": "{SECRET}"}}', encoding="utf-8")
    hers = verdict(1, visitor="anna", source=f"upload: {MARKED}.png", model=SECRET, true_label=SECRET)
    assert History(visitor="anna").record(hers) == 1

    def open_as(who: str, file: str, **query: str) -> AppTest:
        monkeypatch.setitem(visitor._WAYS, "cookie", lambda: who)
        return open_page(file, **query)

    return open_as


@pytest.mark.parametrize("file", PAGES)
def test_no_page_shows_anything_of_another_visitors_whatever_the_link_says(
    file: str, visit: Callable[..., AppTest]
) -> None:
    links = (
        {},
        {"model": "tiny-5", "row": "1", "batch": "hers", "job": "done", "visitor": "anna", "ids": "1"},
        {
            "by_model": SECRET,
            "by_source": SECRET,
            "review": "true",
            "sample": "20",
        },
        {"model": str(registry.own_folder("anna") / f"{SECRET}.safetensors"), "digit": "5", "latent": "0"},
    )
    shown = "\n".join(everything(visit("ben", file, **link)) for link in links)

    assert SECRET not in re.sub(rf"models/{SECRET}\\*\.safetensors", "", shown)  # which is the link's own word
    assert "tiny-5" in shown.replace("\\", "") or file == "pages/4_History.py", "the page shows what is everyone's"


@pytest.mark.parametrize("file", ["pages/1_Threshold.py", "pages/5_Generator.py"])
def test_two_models_of_one_name_are_each_its_owners(
    file: str, visit: Callable[..., AppTest], tiny_detector_file: Path
) -> None:
    ours = Detector.load(registry.import_model(tiny_detector_file.read_bytes(), "ben", f"{SECRET}-pen").path)
    card = replace(ours.card_, calibrated_on="ben's own ink")
    registry.delete(f"{SECRET}-pen", "ben")
    registry.add(replace(ours.state_, card=card), f"{SECRET}-pen", "ben")

    shown = [everything(visit(who, file, model=f"{SECRET}-pen")) for who in ("anna", "ben")]
    hers, his = (page.replace("\\", "") for page in shown)

    assert f"{SECRET}'s own ink" in hers
    assert f"{SECRET}'s own ink" not in his
    assert "ben's own ink" in his


def test_a_name_that_only_another_visitor_has_is_no_name(visit: Callable[..., AppTest]) -> None:
    page = visit("ben", "pages/1_Threshold.py", model=SECRET)

    assert f"no model '{SECRET}'" in text(page)
    assert text(page).count(SECRET) == 1


@pytest.mark.parametrize("file", ["pages/2_Training.py", "pages/3_Batch.py", "pages/4_History.py"])
def test_whose_it_is_finds_it_all(file: str, visit: Callable[..., AppTest]) -> None:
    assert SECRET in everything(visit("anna", file))


@pytest.mark.parametrize("file", ["pages/2_Training.py", "pages/4_History.py"])
def test_a_visitor_is_told_how_much_of_how_much_they_keep_and_what_to_delete(
    file: str, visit: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch
) -> None:
    said = text(visit("anna", file))
    monkeypatch.setattr(settings, "VISITOR_MB", 1)

    assert re.search(r"You keep \d+ of 2,000 MB on this server \(models \d.*\), and 1 of 100,000 verdicts", said)
    assert "That is nearly all" not in said
    assert "nearly all you may keep: delete models" in text(visit("anna", file))
    assert "You keep 0 of 1 MB on this server, and 0 of 100,000" in text(visit("ben", file))


def test_who_waits_too_long_for_others_files_is_told_on_the_page_and_judged_the_next_time(
    visit: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "OPENED", 1)
    monkeypatch.setattr(quota, "TURN_SECONDS", 0.01)
    page = visit("ben", "dashboard.py")
    page.session_state["way_in"] = "Upload"
    page.run()
    page.file_uploader(key="uploads").set_value([("five.png", png(digits(1)[0][0]), "image/png")])

    with quota.turn("anna"):
        busy = text(page.run())

    assert "so many visitors' files are just being opened: hand these in again in a moment" in busy
    assert "hand these in again" not in text(page.run())
