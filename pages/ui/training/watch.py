"""Watching training jobs: how far they are, and the orders one can give."""

import time
from collections.abc import Callable
from pathlib import Path

import streamlit as st

from core import paths
from core.detector import registry
from core.errors import OddDigitError
from core.training import queue, snapshots
from core.training.job import Job, Report, State, forget_upload, frames_folder
from core.words import say_duration
from pages.ui import chrome
from pages.ui.training import pictures
from pages.ui.training.models import JUST_DONE
from pages.ui.visitor import visitor

REDRAW_SECONDS = 0.7
_SIGNS = {
    State.WAITING: ":material/hourglass_empty:",
    State.RUNNING: ":material/model_training:",
    State.PAUSED: ":material/pause:",
    State.INTERRUPTED: ":material/power_off:",
    State.FAILED: ":material/error:",
    State.DONE: ":material/check_circle:",
}
_FAILED, _SEEN, _FRONT = "job_failed", "jobs_done", "watch_front"
_RECORDED = paths.ASSETS / "learning"
# What is being redrawn stays as it is until the new has come, instead of fading twice a second.
_NO_FADING = "<style>.st-key-training_watch [data-stale=true] {opacity: 1 !important; transition: none}</style>"


def show() -> None:
    """All of this visitor's jobs, redrawn by themselves."""
    st.session_state[_SEEN] = _done(queue.of_server().of(visitor()))
    st.html(_NO_FADING)
    with st.container(key="training_watch"):
        st.fragment(_show, run_every=REDRAW_SECONDS)()


def _show() -> None:
    found = queue.of_server().of(visitor())
    # The list of models follows. For nothing less: a click that meets the rerun of a whole page can be lost.
    if done := _done(found) ^ st.session_state[_SEEN]:
        st.session_state[JUST_DONE] = [job.spec.name for job in found if job.id in done]
        st.rerun()
    if failed := st.session_state.pop(_FAILED, None):
        chrome.refuse(failed)
    unfinished = [job for job in found if job.state is not State.DONE]
    for job in sorted(unfinished, key=lambda job: job.state is not State.RUNNING):
        _row(job)
    watchable = [job for job in found if snapshots.frames(_frames_folder(job))]
    if watchable:
        job = _chosen(watchable)
        if job.state is State.DONE:
            _finished(job)
        losses = queue.of_server().report(job.id).losses if job.state is State.RUNNING else {}
        pictures.show(job.id, _frames_folder(job), losses)
    elif not unfinished:
        _nothing_yet()


def _done(found: list[Job]) -> set[str]:
    return {job.id for job in found if job.state is State.DONE}


def _nothing_yet() -> None:
    """What one would see here, recorded."""
    st.info(
        "Nothing is being trained. Choose what is normal and press Train: it goes on in the background, also when "
        "this page is closed.",
        icon=":material/school:",
    )
    if snapshots.frames(_RECORDED):
        st.markdown("**This is what you will see**, recorded while a generator learnt 5s. Move the slider.")
        pictures.show("recorded", _RECORDED, {})


def _finished(job: Job) -> None:
    """A job that is done: what came of it, as long as it is called what the job called it."""
    if job.spec.name not in {model.name for model in registry.shelf(visitor())}:
        return
    text, draw = st.columns([5, 1.4], vertical_alignment="center")
    text.markdown(
        f"{_SIGNS[job.state]} **{job.spec.name}** · done: calibrated, evaluated and ready on every page. Its card is "
        "among the models below."
    )
    if draw.button("Draw with it", icon=":material/draw:", key=f"draw-{job.id}", width="stretch"):
        st.switch_page("dashboard.py", query_params={"model": job.spec.name})


def _row(job: Job) -> None:
    """One unfinished job: what it is doing and what can be done about it."""
    report = queue.of_server().report(job.id)
    text, *buttons = st.columns([5, 1, 1.6, 1], vertical_alignment="bottom")
    with text:
        if job.state in (State.RUNNING, State.PAUSED):
            share, _ = report.standing(_now(job, report))
            st.progress(share, f"{_SIGNS[job.state]} **{job.spec.name}** · {_say(job, report)}")
        else:
            st.markdown(f"{_SIGNS[job.state]} **{job.spec.name}** · {_say(job, report)}")
    server = queue.of_server()
    if job.state in (State.RUNNING, State.WAITING):
        _button(buttons[0], "Pause", server.pause, job)
    else:
        _button(buttons[0], "Resume", server.resume, job)
    if not job.finishing:
        _button(buttons[1], "Stop and keep it", server.stop, job, "End here; what it has learnt becomes a detector.")
    with buttons[2].popover("Delete", width="stretch", key=f"delete-{job.id}"):
        st.markdown(f"What **{job.spec.name}** has learnt so far will be gone.")
        st.button("Delete it", key=f"delete-{job.id}-sure", type="primary", on_click=_delete, args=(job,))


def _say(job: Job, report: Report) -> str:
    match job.state:
        case State.RUNNING:
            return _say_running(job, report)
        case State.WAITING:
            ahead = queue.of_server().ahead(job.id)
            return "starts now" if not ahead else f"waiting, {ahead} before it"
        case State.PAUSED:
            return f"paused after epoch {report.epoch} of {report.epochs}" if report.epochs else "paused"
        case State.INTERRUPTED:
            return f"interrupted: {job.cause} It can go on from its last finished epoch."
        case _:
            return f"failed: {job.cause}"


def _say_running(job: Job, report: Report) -> str:
    if not report.epochs:
        return f"{report.stage}…"
    _, left = report.standing(_now(job, report))
    wait = f" · {say_duration(left)} left" if left is not None else ""
    if report.stage == "evaluating" or report.fraction >= 1:
        return f"learnt; calibrating and evaluating{wait}"
    digit = f"{report.stage.removesuffix(': training')}, " if ":" in report.stage else ""
    epoch = f"{digit}epoch {min(report.epoch + 1, report.epochs)} of {report.epochs}"
    return f"{epoch} · stopping, and keeping what it has learnt" if job.finishing else epoch + wait


def _now(job: Job, report: Report) -> float:
    """Time goes on for a running job alone."""
    return time.time() if job.state is State.RUNNING else report.written


def _button(
    place: "st.delta_generator.DeltaGenerator", word: str, order: Callable[[str], Job], job: Job, help: str = ""
) -> None:
    key = f"{word.split()[0].lower()}-{job.id}"
    place.button(word, key=key, on_click=_give, args=(order, job), width="stretch", help=help or None)


def _give(order: Callable[[str], Job], job: Job) -> None:
    try:
        order(job.id)
    except OddDigitError as error:
        st.session_state[_FAILED] = error


def _delete(job: Job) -> None:
    try:
        queue.of_server().delete(job.id)
        forget_upload(job.spec.dataset)
    except OddDigitError as error:
        st.session_state[_FAILED] = error


def _chosen(watchable: list[Job]) -> Job:
    """Which job's pictures are shown: the running one, or whichever is asked for."""
    running = [job for job in watchable if job.state is State.RUNNING]
    default = (running or watchable)[-1]
    if len(watchable) == 1:
        return default
    by_id = {job.id: job for job in watchable}
    # A job that has just begun to draw comes to the front; otherwise the choice stays.
    if st.session_state.get("watch_job") not in by_id or st.session_state.get(_FRONT) != default.id:
        st.session_state["watch_job"] = st.session_state[_FRONT] = default.id
    chosen = st.selectbox("Watch", list(by_id), key="watch_job", format_func=lambda i: by_id[i].spec.name, width=300)
    return by_id[chosen]


def _frames_folder(job: Job) -> Path:
    return frames_folder(queue.of_server().folder(job.id))
