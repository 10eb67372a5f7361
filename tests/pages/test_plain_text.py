"""What comes from a person is text on every page: nothing in it is taken for Markdown."""

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from core import datasets
from core.detector import Detector, registry
from core.history import History
from core.training.job import Job, State, jobs_folder, write_job
from core.training.run import RunSpec
from tests.support.opened import open_page
from tests.support.recorded import verdict

MARKED = "**bold** _slanted_ [link](http://example.org) `code` :red[hot] $x^2$ ![p](http://example.org/p.png)"
TAKEN_FOR_MARKS = ("**bold**", "_slanted_", "[link](", "`code`", ":red[", "$x^2$", "![p]")


def raw(page: AppTest) -> str:
    """All that the page hands to the browser as Markdown."""
    kinds = (page.markdown, page.caption, page.info, page.warning, page.error, page.success)
    labels = [element.label for kind in (page.button, page.expander) for element in kind]
    return "\n".join([str(element.value) for kind in kinds for element in kind] + labels)


def calibrated_by_someone_with_a_name_of_marks() -> None:
    tiny = Detector.load("tiny-5")
    tiny.calibrated(datasets.load("digits", "test").of("5")[:30], None, "marked", MARKED).save(
        registry.place_for("marked", "")
    )


def judged_under_a_name_of_marks() -> None:
    History().record(verdict(1, source=f"upload: {MARKED}.png", model=MARKED, true_label=MARKED))


def failed_for_a_reason_of_marks() -> None:
    job = Job("marked", RunSpec("mine", ("5",), "digits"), "local", State.FAILED, cause=MARKED)
    write_job(jobs_folder() / job.id, job)


def nothing() -> None:
    """The link says it all."""


@pytest.mark.parametrize(
    ("file", "arrange", "query"),
    [
        pytest.param("dashboard.py", nothing, {"model": MARKED}, id="a link's model"),
        pytest.param("dashboard.py", nothing, {"model": "tiny-5", "evidence": MARKED}, id="a link's evidence"),
        pytest.param(
            "dashboard.py", calibrated_by_someone_with_a_name_of_marks, {"model": "marked"}, id="under a verdict"
        ),
        pytest.param(
            "pages/1_Threshold.py", calibrated_by_someone_with_a_name_of_marks, {"model": "marked"}, id="threshold"
        ),
        pytest.param("pages/2_Training.py", failed_for_a_reason_of_marks, {}, id="training"),
        pytest.param("pages/3_Batch.py", nothing, {"model": MARKED}, id="batch"),
        pytest.param("pages/4_History.py", judged_under_a_name_of_marks, {}, id="history"),
        pytest.param("pages/5_Generator.py", nothing, {"model": "tiny-5", "latent": MARKED}, id="generator"),
    ],
)
@pytest.mark.usefixtures("decoded_before", "tiny_shelf")
def test_a_name_made_of_markdown_is_shown_as_it_stands(
    file: str, arrange: Callable[[], None], query: dict[str, str]
) -> None:
    arrange()

    page = open_page(file, **query)

    assert [mark for mark in TAKEN_FOR_MARKS if mark in raw(page)] == []
