"""The Threshold page as Streamlit runs it, without a browser: what it shows, what moves it, what is missing."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from streamlit.runtime.scriptrunner import StopException
from streamlit.testing.v1 import AppTest

from core import datasets
from core.calibration.evaluation import Evaluation
from core.detector import Detector, registry
from core.errors import DatasetError
from core.operating_point import OperatingPoint
from tests.support import opened
from tests.support.opened import checked, components, text

pytestmark = pytest.mark.usefixtures("tiny_shelf")


def open_page(**query: str) -> AppTest:
    return opened.open_page("pages/1_Threshold.py", **({"model": "tiny-5"} | query))


def drawn(page: AppTest) -> dict[str, Any]:
    """What the live component was given to draw."""
    (explorer,) = components(page, "explorer")
    return explorer


def point(page: AppTest) -> OperatingPoint:
    query = {key: value if isinstance(value, str) else value[0] for key, value in page.query_params.items()}
    return OperatingPoint.from_query(query)


def let_go(threshold: dict[str, float], **query: str) -> AppTest:
    """What happens when the thumb is let go in the browser: the component's callback, with the threshold it sends."""
    script = """
import streamlit as st
from pages.ui.threshold import explorer
st.session_state[explorer.KEY] = {"line": LINE}
explorer._take()
"""
    sent = AppTest.from_string(script.replace("LINE", repr(threshold)), default_timeout=30)
    for key, value in query.items():
        sent.query_params[key] = value
    return checked(sent.run())


def test_the_page_opens_at_five_percent_with_promise_histogram_all_five_curves_and_every_image_oddest_first() -> None:
    page = open_page()
    data = drawn(page)

    assert "of normal 5s by the writers of scikit-learn's digits are flagged" in data["sentence"]
    assert data["setting"][data["row"]] == 0.05
    assert data["nNormal"] == len(datasets.load("digits", "test").of("5"))
    assert data["nNormal"] + data["nAnomaly"] == 397
    assert len(data["curves"]) == 5
    assert {label["name"] for label in data["labels"]} == set("012346789")
    table = next(frame.value for frame in page.dataframe if "true label" in frame.value)
    assert len(table) == 397
    assert "**tiny-5** is weak. It learnt 5 from 99 images only" in text(page)
    assert table["score"].is_monotonic_decreasing
    assert table["image"].str.startswith("digits:test:").all()


@pytest.mark.parametrize(
    ("label", "there"),
    [
        pytest.param("1 %", OperatingPoint("tiny-5", "fused", 0.01), id="one percent"),
        pytest.param("10 %", OperatingPoint("tiny-5", "fused", 0.1), id="ten percent"),
        pytest.param("the original's 0.20", OperatingPoint("tiny-5", "pixel", None, 0.2), id="the original's line"),
        pytest.param("the original's 0.08", OperatingPoint("tiny-5", "pixel", None, 0.08), id="its other line"),
    ],
)
def test_a_named_threshold_moves_the_operating_point_and_the_link(label: str, there: OperatingPoint) -> None:
    page = open_page()

    checked(page.button(key=f"line-{label}").click().run())

    assert point(page) == there


@pytest.mark.parametrize("label", ["10 %", "best balance (needs labels)"])
def test_a_named_threshold_undoes_nothing_that_was_chosen_just_before_it(label: str) -> None:
    page = open_page()

    page.segmented_control(key="evidence_choice Where do you draw the line?").set_value("gradient")
    page.selectbox(key="own_choice Where do you draw the line?").set_value("tiny-any")
    checked(page.button(key=f"line-{label}").click().run())  # the browser says all three in one breath

    best = Detector.load("tiny-any").evaluation_.best_balance("gradient")  # type: ignore[union-attr]
    there = OperatingPoint("tiny-any", "gradient", 0.1)
    assert point(page) == (there if label == "10 %" else there.at_threshold(float(best or 0)))


def test_from_the_originals_threshold_a_rate_leads_back_to_the_evidence_before_and_both_ways_are_said() -> None:
    page = open_page(evidence="manifold")

    checked(page.button(key="line-the original's 0.20").click().run())
    there, said = point(page), text(page)
    checked(page.button(key="line-5 %").click().run())

    assert (there.evidence, point(page)) == ("pixel", OperatingPoint("tiny-5", "manifold", 0.05))
    assert "no longer manifold" in said
    assert "no longer pixel" in text(page)


def test_a_threshold_that_cannot_come_along_to_another_model_is_said_to_stay_behind() -> None:
    page = open_page(threshold="0.31")

    checked(page.selectbox(key="own_choice Where do you draw the line?").set_value("tiny-any").run())

    assert point(page) == OperatingPoint("tiny-any", "fused", 0.05)
    assert "The line at score 0.31 belongs to tiny-5" in text(page)


def test_the_best_balance_is_marked_as_needing_labels_and_sets_a_fixed_threshold() -> None:
    page = open_page()
    best = Detector.load("tiny-5").evaluation_.best_balance("fused")  # type: ignore[union-attr]

    checked(page.button(key="line-best balance (needs labels)").click().run())

    assert point(page).threshold == best
    data = drawn(page)
    assert data["threshold"][data["row"]] == pytest.approx(best)


@pytest.mark.parametrize(
    ("sent", "there"),
    [
        pytest.param({"alpha": 0.2}, OperatingPoint("tiny-5", "fused", 0.2), id="a line an alpha gives"),
        pytest.param({"threshold": 12.5}, OperatingPoint("tiny-5", "fused", None, 12.5), id="a fixed line"),
        pytest.param({"alpha": 7}, OperatingPoint("tiny-5", "fused", 0.05), id="an impossible alpha changes nothing"),
        pytest.param({"alpha": "x"}, OperatingPoint("tiny-5", "fused", 0.05), id="nonsense changes nothing"),
        pytest.param({}, OperatingPoint("tiny-5", "fused", 0.05), id="nothing changes nothing"),
    ],
)
def test_the_threshold_that_is_let_go_becomes_the_operating_point(sent: dict[str, Any], there: OperatingPoint) -> None:
    page = let_go(sent, model="tiny-5", evidence="fused", alpha="0.05")

    assert point(page) == there


def test_a_link_opens_at_its_threshold_and_choosing_another_evidence_keeps_alpha_and_draws_its_scores() -> None:
    page = open_page(evidence="manifold", alpha="0.1")
    data = drawn(page)
    assert (data["of"], data["setting"][data["row"]]) == ("tiny-5 manifold", 0.1)

    checked(page.segmented_control(key="evidence_choice Where do you draw the line?").set_value("pixel").run())

    assert point(page) == OperatingPoint("tiny-5", "pixel", 0.1)
    assert drawn(page)["curves"][0]["name"] == "pixel"


def test_too_few_calibration_digits_for_an_alpha_say_how_many_it_takes_and_several_digits_are_explored_like_one() -> (
    None
):
    assert "too few for 0.1 %, so nothing is flagged; 999 are needed." in drawn(open_page(alpha="0.001"))["noLine"]
    assert "of normal 0s, 5s and 8s by" in drawn(open_page(model="tiny-any"))["sentence"]


def test_the_digits_at_the_threshold_are_shown_and_one_opens_its_full_reading_with_the_second_opinion(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    page = open_page()
    for title in ("Just inside the line", "Just outside the line", "Worst misses", "Worst false alarms"):
        assert title in text(page)
    outside = components(page, "tiles")[1]["tiles"][0]

    opened.press(monkeypatch, "line-Just outside the line", outside["id"])
    checked(page.run())

    assert "in its data set." in text(page)
    assert "look at least this odd" in text(page)
    # Its model was asleep until the digit was pressed; what it says of an anomaly is never nothing.
    assert "network that knows all ten digits" in text(page)
    assert "is waking" not in text(page)


def test_the_originals_threshold_tells_the_story_and_draws_again_on_demand(monkeypatch: pytest.MonkeyPatch) -> None:
    # The small evaluation set holds fewer than 50 normal digits.
    assert "The experiment takes 50 normal digits and 54 others" in text(open_page(evidence="pixel", threshold="0.2"))
    monkeypatch.setattr("core.views.fixed_threshold.NORMALS", 20)
    page = open_page(evidence="pixel", threshold="0.2")

    assert "caught 0 of 54 anomalies: the line lay above all of them" in text(page)
    before = page.table[0].value.to_dict()
    checked(page.button(key="original_again").click().run())

    assert list(before["line"].values())[:2] == ["mean squared error over 0.20", "mean squared error over 0.08"]
    assert page.session_state["original_draw"] == 1


def open_without_pictures(monkeypatch: pytest.MonkeyPatch) -> AppTest:
    """The page of a model that was evaluated on a data set which is not here."""
    evaluation = Detector.load("tiny-5").evaluation_
    assert evaluation is not None
    remake(replace(evaluation, sources=("mnist:test",)))
    monkeypatch.setenv("ODD_DIGIT_DATASETS", "/nowhere")
    return open_page()


def test_without_the_data_set_everything_but_pictures_works_and_a_download_is_offered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    page = open_without_pictures(monkeypatch)

    assert "MNIST is not on this machine" in text(page)
    assert page.button(key="download-mnist").label == "Download MNIST (12 MB)"
    assert len(drawn(page)["curves"]) == 5
    assert "Just inside the line" in text(page)


def test_a_download_that_was_pressed_goes_on_after_a_run_that_was_ended_and_what_stops_it_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    page = open_without_pictures(monkeypatch)
    fetched: list[str] = []
    here = datasets.load

    def load(name: str, *given: Any, progress: object = None, **more: Any) -> datasets.Dataset:
        if progress is None:
            return here(name, *given, **more)
        fetched.append(name)
        if len(fetched) == 1:
            raise StopException  # as where a newer press ends the run
        raise DatasetError("The line is dead.")

    monkeypatch.setattr("core.datasets.load", load)
    page.button(key="download-mnist").click().run()
    said = text(checked(page.run()))
    checked(page.run())

    assert fetched == ["mnist", "mnist"]
    assert "The line is dead." in said
    assert "The line is dead." not in text(page)


def remake(evaluation: Evaluation | None) -> None:
    """Give the shelf's tiny-5 another evaluation."""
    state = Detector.load("tiny-5").state_
    Detector.of(replace(state, evaluation=evaluation)).save(registry.find("tiny-5", "").path)


def test_a_model_never_evaluated_shows_its_promise_and_says_what_is_missing() -> None:
    remake(None)

    page = open_page()

    assert "not evaluated on digits it never used" in text(page)
    assert drawn(page)["nNormal"] == 0
    assert "flagged" in drawn(page)["sentence"]


def test_a_model_without_anomalies_says_that_there_is_no_roc_curve() -> None:
    evaluation = Detector.load("tiny-5").evaluation_
    assert evaluation is not None
    kept = ~evaluation.anomaly
    arrays = {name: getattr(evaluation, name)[kept] for name in ("source", "position", "label", "anomaly")}
    scores = {name: values[kept] for name, values in evaluation.scores.items()}
    remake(Evaluation(evaluation.sources, label_names=evaluation.label_names, scores=scores, **arrays))

    page = open_page()

    assert "Evaluated on normal digits only (" in text(page)
    assert drawn(page)["curves"] == []
    assert not [button for button in page.button if "best balance" in button.label]


def test_a_broken_model_file_is_an_error_in_words(tiny_shelf: tuple[str, str]) -> None:
    Path(registry.find(tiny_shelf[0], "").path).write_bytes(b"broken")

    page = open_page()

    assert "tiny-5.safetensors" in text(page)


def test_a_visitors_own_digit_stands_on_its_side_of_the_threshold(monkeypatch: pytest.MonkeyPatch) -> None:
    image = datasets.load("digits", "test").of("5")[0]
    page = open_page()
    assert not any(tile["id"] < 0 for group in components(page, "tiles") for tile in group["tiles"])

    page.session_state["last_digit"] = image
    checked(page.run())

    score = Detector.load("tiny-5").inspect(image[None]).scores["fused"][0]
    (own, group) = next((g["tiles"][0], g["title"]) for g in components(page, "tiles") if g["tiles"][0]["id"] < 0)
    assert own["lines"] == ["yours", f"{score:.3g}"]
    opened.press(monkeypatch, f"line-{group}", own["id"])
    checked(page.run())
    assert "The digit you gave last." in text(page)


def test_the_link_changes_all_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every change is a step of the browser's way back."""
    from streamlit.runtime.state.query_params import QueryParams

    page = open_page(alpha="0.01", evidence="fused")
    sent = []
    monkeypatch.setattr(QueryParams, "_send_query_param_msg", lambda params: sent.append(dict(params._query_params)))

    checked(page.button(key="line-the original's 0.20").click().run())

    assert [set(one) - {"model", "evidence"} for one in sent] == [{"threshold"}]
