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
from pages.ui import chrome, picker, presses
from pages.ui.text import plain
from pages.ui.training import pictures
from pages.ui.training.models import JUST_DONE
from pages.ui.visitor import visitor

REDRAW_SECONDS, PICTURES_SECONDS, IDLE_SECONDS = 0.7, 1.5, 5.0
_Standing = tuple[tuple[str, State, bool, bool], ...]
_SIGNS = {
    State.WAITING: ":material/hourglass_empty:",
    State.RUNNING: ":material/model_training:",
    State.PAUSED: ":material/pause:",
    State.INTERRUPTED: ":material/power_off:",
    State.FAILED: ":material/error:",
    State.DONE: ":material/check_circle:",
}
_MOVING = (State.RUNNING, State.WAITING)
_PLACE, _FRONT, _WATCH, _PRESSED = "jobs", "watch_front", "watch_job", "watch_pressed"
_RECORDED = paths.ASSETS / "learning"
# What is being redrawn stays as it is until the new has come, instead of fading twice a second.
_NO_FADING = "<style>.st-key-training_watch [data-stale=true] {opacity: 1 !important; transition: none}</style>"


def show() -> str:
    """All of this visitor's jobs. What can be pressed is drawn once; only what moves on its own redraws itself.

    Returns:
        the name of the finished model of which it says how it turned out; empty where it says so of none.
    """
    announced = ""
    jobs = queue.of_server().of(visitor())
    st.html(_NO_FADING)
    chrome.failed(_PLACE)
    unfinished = [job for job in jobs if job.state is not State.DONE]
    for job in sorted(unfinished, key=lambda job: job.state is not State.RUNNING):
        _row(job)
    watchable = [job for job in jobs if snapshots.frames(_frames_folder(job))]
    chosen = _chosen(watchable) if watchable else None
    if chosen is not None and chosen.state is State.DONE:
        announced = _finished(chosen)
    elif not unfinished:
        st.info(
            "Nothing is being trained. Choose what is normal and press Train: it goes on in the background, also when "
            "this page is closed.",
            icon=":material/school:",
        )
    if chosen is not None:
        running = chosen.state is State.RUNNING
        with st.container(key="training_watch"):
            st.fragment(_pictures, run_every=PICTURES_SECONDS if running else None)(chosen)
    elif snapshots.frames(_RECORDED):
        st.markdown("**This is what you will see**, recorded while a generator learnt 5s. Press play.")
        pictures.show("recorded", _RECORDED, {})
    if unfinished:
        moving = any(job.state in _MOVING for job in unfinished)
        st.fragment(_follow, run_every=REDRAW_SECONDS if moving else IDLE_SECONDS)(_standing(jobs))
    return announced


def _follow(before: _Standing) -> None:
    """Draws nothing: has the whole page drawn anew when a job has changed its state or shows its first picture."""
    jobs = queue.of_server().of(visitor())
    if (now := _standing(jobs)) != before:
        if done := _done(now) - _done(before):
            st.session_state[JUST_DONE] = [job.spec.name for job in jobs if job.id in done]
        st.rerun()


def _standing(jobs: list[Job]) -> _Standing:
    return tuple((job.id, job.state, job.finishing, bool(snapshots.frames(_frames_folder(job)))) for job in jobs)


def _done(standing: _Standing) -> set[str]:
    return {job_id for job_id, state, _, _ in standing if state is State.DONE}


def _pictures(job: Job) -> None:
    report = queue.of_server().report(job)
    learning = job.state is State.RUNNING and not _learnt(report)
    pictures.show(job.id, _frames_folder(job), report.losses if learning else {})


def _finished(job: Job) -> str:
    """A job that is done: what came of it, as long as it is called what the job called it; returns its name then."""
    name = job.spec.name
    model = next((model for model in registry.models(visitor()) if model.name == name), None)
    if model is None:
        st.caption(f"{plain(name)} is called otherwise by now, or deleted. This is how it learnt.")
        return ""
    text, draw = st.columns([5, 1.4], vertical_alignment="center")
    try:
        measured = picker.measured(model.path)
    except (OddDigitError, OSError) as error:
        chrome.refuse(error)
        return ""
    with text:
        if not chrome.weak(measured, "· done, but weak"):
            st.markdown(
                f"{_SIGNS[job.state]} **{plain(name)}** · done: calibrated, evaluated and ready on every page. Its "
                "card is among the models below."
            )
    with draw:
        chrome.link("dashboard.py", "Draw with it", ":material/draw:", model=name)
    return name


def _row(job: Job) -> None:
    """One unfinished job: what it is doing and what can be done about it."""
    text, buttons = st.columns([6.1, 3], vertical_alignment="bottom")
    with text:
        st.fragment(_progress, run_every=REDRAW_SECONDS if job.state in _MOVING else None)(job)
    server = queue.of_server()
    with buttons, st.container(horizontal=True, gap="small"):  # on a telephone, too, in one row
        if job.state in (State.RUNNING, State.WAITING):
            _button("Pause", server.pause, job)
        else:
            _button("Resume", server.resume, job)
        if not job.finishing:
            _button("Stop and keep it", server.stop, job, "End here; what it has learnt becomes a detector.")
        with st.popover("Delete", key=f"delete-{job.id}"):
            st.markdown(f"What **{plain(job.spec.name)}** has learnt so far will be gone.")
            act = (_PLACE, _delete, job)
            st.button("Delete it", key=f"delete-{job.id}-sure", type="primary", on_click=presses.attempt, args=act)


def _progress(job: Job) -> None:
    """How far a job is: the part of its row that moves."""
    report = queue.of_server().report(job)
    said = f"{_SIGNS[job.state]} **{plain(job.spec.name)}** · {_say(job, report)}"
    if job.state in (State.RUNNING, State.PAUSED):
        st.progress(report.standing(_now(job, report))[0], said)
    elif job.state is State.FAILED:
        st.error(said)
    else:
        st.markdown(said)


def _say(job: Job, report: Report) -> str:
    match job.state:
        case State.RUNNING:
            return _say_running(job, report)
        case State.WAITING:
            ahead = queue.of_server().ahead(job)
            made_way = f"{plain(job.cause)} " if job.cause else ""
            return f"{made_way}starts now" if not ahead else f"{made_way}waiting, {ahead} before it"
        case State.PAUSED:
            return f"paused after epoch {report.epoch} of {report.epochs}" if report.epochs else "paused"
        case State.INTERRUPTED:
            return f"interrupted: {plain(job.cause)} It can go on from its last finished epoch."
        case _:
            return f"failed: {plain(job.cause)}"


def _say_running(job: Job, report: Report) -> str:
    if not report.epochs:
        return f"{plain(report.stage)}…"
    _, left = report.standing(_now(job, report))
    wait = f" · {say_duration(left)} left" if left is not None else ""
    if _learnt(report):
        return f"learnt; calibrating and evaluating{wait}"
    digit = f"{plain(report.stage.removesuffix(': training'))}, " if ":" in report.stage else ""
    epoch = f"{digit}epoch {min(report.epoch + 1, report.epochs)} of {report.epochs}"
    return f"{epoch} · stopping, and keeping what it has learnt" if job.finishing else epoch + wait


def _learnt(report: Report) -> bool:
    return report.stage == "evaluating" or report.fraction >= 1


def _now(job: Job, report: Report) -> float:
    """Time goes on for a running job alone."""
    return time.time() if job.state is State.RUNNING else report.written


def _button(word: str, order: Callable[[str, str], Job], job: Job, help: str = "") -> None:
    key, act = f"{word.split()[0].lower()}-{job.id}", (_PLACE, order, job.id, visitor())
    st.button(word, key=key, on_click=presses.attempt, args=act, help=help or None)


def _delete(job: Job) -> None:
    queue.of_server().delete(job.id, visitor())
    forget_upload(job.spec.dataset, visitor())


def _chosen(watchable: list[Job]) -> Job:
    """Which job's pictures are shown: the running one, or whichever is asked for."""
    running = [job for job in watchable if job.state is State.RUNNING]
    default = (running or watchable)[-1]
    if len(watchable) == 1:
        return default
    by_id = {job.id: job for job in watchable}
    pressed = st.session_state.pop(_PRESSED, False)
    # A job that has just begun to draw comes to the front, unless someone has chosen another just then.
    shown = st.session_state.get(_WATCH)
    if shown not in by_id or (not pressed and st.session_state.get(_FRONT) != default.id):
        shown = default.id
    st.session_state[_FRONT] = default.id
    # All in sight rather than in a list to open, which closes under the hand when the page is drawn anew.
    chosen = st.pills(
        "Watch",
        list(by_id),
        required=True,
        on_change=_press,
        format_func=lambda i: plain(by_id[i].spec.name),
        **presses.steered(_WATCH, shown),
    )
    return by_id[str(chosen)]


def _press() -> None:
    st.session_state[_PRESSED] = True


def _frames_folder(job: Job) -> Path:
    return frames_folder(queue.of_server().folder(job))
