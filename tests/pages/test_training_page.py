"""The Training page: one click trains, what stands in the way is said first, and what was learnt is looked after."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import TextInput

from core import paths
from core.detector import registry
from core.training import queue, run
from core.training.job import Job, State, frames_folder, jobs_folder, write_job
from core.training.run import RunSpec
from tests.support import opened
from tests.support.opened import text
from tests.support.waiting import wait_for


def played(at: AppTest) -> dict[str, Any]:
    """What the player is given to play."""
    [player] = [each for each in at.get("bidi_component") if each.proto.component_name.endswith("player")]
    return json.loads(player.proto.json)


def choose_quickly(at: AppTest) -> AppTest:
    """The least that can be trained."""
    at.radio(key="train_architecture").set_value("dense")
    at.number_input(key="train_epochs").set_value(1)
    return at.run()


def test_without_a_network_the_bundled_digits_are_offered_and_a_recorded_training_can_be_looked_through(
    open_training_page: Callable[[], AppTest],
) -> None:
    at = open_training_page()
    assert at.selectbox(key="train_dataset").value == "digits"
    assert at.multiselect(key="train_normal-digits").value == ["5"]
    assert not at.button(key="train").disabled
    frames = played(at)["frames"]
    for words in ("About", "on this machine", "Nothing is being trained", "This is what you will see"):
        assert words in text(at)
    assert [frames[0]["say"], frames[-1]["say"]] == ["before it learns", f"epoch {len(frames) - 1}"]
    assert all(frame["sheet"].startswith("data:image/png;base64,") for frame in frames)
    assert f"**Losses** · epoch {len(frames) - 1}" in text(at)
    assert "**Fresh digits it would flag itself**, by epoch" in text(at)
    assert "100 % → " in text(at), "before it learns it draws no digits"


def name_field(at: AppTest) -> TextInput:
    return next(one for one in at.text_input if one.label == "Name")


def test_one_click_trains_the_detector_is_on_every_shelf_and_the_page_says_what_is_weak(
    open_training_page: Callable[[], AppTest], server: queue.Jobs
) -> None:
    at = choose_quickly(open_training_page())
    name = name_field(at).value
    at.button(key="train").click().run()
    assert not at.exception
    [job] = server.of("local")
    assert job.spec == RunSpec(name, ("5",), "digits", "dense", 1, 0, visitor="local")
    wait_for(lambda: server.get(job.id, "").state not in (State.WAITING, State.RUNNING))
    assert server.get(job.id, "").state is State.DONE, server.get(job.id, "").cause
    assert [model.name for model in registry.models("") if not model.shipped] == [name]
    at.run()
    assert "Sixteen digits it imagines" in text(at)
    assert "; for watching only." in text(at)
    assert name_field(at).value == f"{name}-2"
    assert f"**{name}** · done, but weak. It learnt 5 from" in text(at)
    assert "What helps: more images" in text(at)
    at.session_state["models_chosen"] = [name]
    at.run()
    assert at.table, "its card is not shown"
    assert text(at).count("What helps: more images") == 1, "its card says again what is weak"

    registry.rename(name, "renamed", "")
    at.run()

    assert f"**{name}** · done" not in text(at)
    assert f"{name} is called otherwise by now, or deleted" in text(at)


def test_a_name_in_use_or_no_files_and_no_normal_digit_are_said_before_anything_starts(
    open_training_page: Callable[[], AppTest], tiny_shelf: tuple[str, str]
) -> None:
    at = open_training_page()
    taken = "'tiny-5' is the name of a model that is already here: choose another name."
    for name, says in (("tiny-5", taken), ("", "no model name"), ("../x", "no model name")):
        name_field(at).set_value(name).run()
        assert at.button(key="train").disabled
        assert says in text(at)
    name_field(at).set_value("free").run()
    assert not at.button(key="train").disabled
    at.multiselect(key="train_normal-digits").set_value([]).run()
    assert at.button(key="train").disabled


def test_an_offered_name_follows_the_digits_and_what_was_typed_stays(open_training_page: Callable[[], AppTest]) -> None:
    at = open_training_page()
    assert at.number_input(key="train_epochs").value == 20
    at.multiselect(key="train_normal-digits").set_value(["3", "8"]).run()
    assert name_field(at).value == "my-digits-3-8"
    name_field(at).set_value("keep-me").run()
    at.number_input(key="train_epochs").set_value(7).run()
    at.multiselect(key="train_normal-digits").set_value(["3"]).run()
    assert (name_field(at).value, at.number_input(key="train_epochs").value) == ("keep-me", 7)


def test_a_full_disk_is_said_before_work_is_lost(
    open_training_page: Callable[[], AppTest], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 10_000_000})())
    at = open_training_page()
    assert at.button(key="train").disabled
    assert "only 10 MB are free" in text(at)


def kept_job(state: State, name: str = "mine", cause: str = "", learnt: bool = True) -> Job:
    """A job as an earlier server left it."""
    spec = RunSpec(name, ("5",), "digits", epochs=1)
    run.reserve(spec)
    if learnt:
        (run.folder(spec) / "digit-0.safetensors").write_bytes(b"")
    job = Job(id=f"job{name}", spec=spec, state=state, cause=cause)
    write_job(jobs_folder() / job.id, job)
    return job


def test_a_job_that_a_dead_server_was_running_is_shown_as_interrupted_and_can_go_on() -> None:
    job = kept_job(State.RUNNING)
    server = queue.of_server()
    try:
        at = opened.open_page("pages/2_Training.py")
        assert "**mine** · interrupted" in text(at)
        assert {f"resume-{job.id}", f"stop-{job.id}", f"delete-{job.id}-sure"} <= {button.key for button in at.button}
    finally:
        server.close()


def test_a_failed_job_shows_its_cause_and_can_be_deleted(
    open_training_page: Callable[[], AppTest], server: queue.Jobs
) -> None:
    job = kept_job(State.FAILED, cause="training diverged in epoch 3")
    at = open_training_page()
    assert "**mine** · failed: training diverged in epoch 3" in text(at)
    at.button(key=f"delete-{job.id}-sure").click().run()
    assert server.of("") == []
    assert not run.folder(RunSpec("mine")).exists()
    assert "**mine**" not in text(at)


def test_an_order_that_comes_too_late_is_answered_and_breaks_nothing(
    open_training_page: Callable[[], AppTest], server: queue.Jobs
) -> None:
    job = kept_job(State.FAILED, learnt=False)
    at = open_training_page()
    at.button(key=f"stop-{job.id}").click().run()
    assert not at.exception
    assert "has not finished an epoch, so there is nothing to keep" in text(at)


def test_on_a_shared_server_others_jobs_are_not_shown(
    open_training_page: Callable[[], AppTest], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ODD_DIGIT_SHARED", "1")
    kept_job(State.FAILED)
    assert "**mine**" not in text(open_training_page())


def test_a_data_set_that_is_not_offered_cannot_be_asked_for(
    open_training_page: Callable[[], AppTest], tmp_path: Path
) -> None:
    (tmp_path / "private" / "5").mkdir(parents=True)
    at = open_training_page()
    box = at.selectbox(key="train_dataset")
    box.options.append(f"folder:{tmp_path / 'private'}")  # as a browser would that sends what it likes
    box.set_value(box.options[-1]).run()
    assert not at.exception
    assert at.selectbox(key="train_dataset").value == "digits"
    assert "private" not in text(at)


def test_after_a_typed_name_was_started_the_next_one_is_offered(
    open_training_page: Callable[[], AppTest], server: queue.Jobs
) -> None:
    at = choose_quickly(open_training_page())
    field = name_field(at).set_value("typed")
    at.run()
    at.button(key="train").click().run()
    assert name_field(at).key != field.key, "what polls could give it the name that is taken now"
    assert name_field(at).value == "my-digits-5"
    assert "unfinished training run" not in text(at)


def test_what_is_pressed_to_be_watched_stays_even_if_another_job_begins_to_draw_just_then(
    open_training_page: Callable[[], AppTest], server: queue.Jobs
) -> None:
    def begin_to_draw(name: str) -> None:
        folder = frames_folder(jobs_folder() / name)
        folder.mkdir(parents=True)
        shutil.copy(next((paths.ASSETS / "learning").glob("*.safetensors")), folder)

    # Arrange: two jobs that have drawn, a third that has not yet.
    for turn, name in enumerate(("first", "second", "third")):
        job = Job(name, RunSpec(name, ("5",), "digits", visitor="local"), State.INTERRUPTED, turn, cause="No power.")
        (jobs_folder() / name).mkdir(parents=True)
        write_job(jobs_folder() / name, job)
    begin_to_draw("first")
    begin_to_draw("second")
    at = open_training_page()
    shown_at_first = at.button_group(key="watch_job").value

    # Act
    begin_to_draw("third")
    at.button_group(key="watch_job").set_value("first").run()

    # Assert
    assert shown_at_first == "second"
    assert at.button_group(key="watch_job").value == "first"
    assert at.run().button_group(key="watch_job").value == "first"
