"""Requests that meet: Streamlit lets a newer one end a run wherever it stands, and what polls asks all the time.

What is lost or undone that way is mended where it happens. None of it is Streamlit's public interface: its version is
pinned, and ``tests/unit/test_reruns.py`` holds each mend.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from typing import Any

from streamlit.runtime.scriptrunner import ScriptRunner, get_script_run_ctx
from streamlit.runtime.scriptrunner_utils.script_requests import RerunData, ScriptRequests, ScriptRequestType
from streamlit.runtime.state.safe_session_state import SafeSessionState


def mend() -> None:
    """Have requests that meet lose and undo nothing, in every session of this process."""
    for owner, name, mended in (
        (SafeSessionState, "on_script_will_rerun", taken_whole),
        (ScriptRequests, "request_rerun", not_twice),
        (ScriptRunner, "_run_script", on_its_page),
    ):
        setattr(owner, name, mended(getattr(owner, name)))


def taken_whole(take: Callable[..., None]) -> Callable[..., None]:
    """Taking what the widgets of a request say: nothing newer is looked at until its callbacks are done.

    Or on a busy server the second of two quick presses would undo the first, or half of it. What polls, and has been
    ended for something newer, takes nothing: what it says of the widgets is older.
    """

    @wraps(take)
    def run(*args: Any, **kwargs: Any) -> None:
        context = get_script_run_ctx()
        requests = vars(context.script_requests) if context and context.script_requests else {}
        if requests.get("_state") is ScriptRequestType.STOP and requests["_rerun_data"].is_auto_rerun:
            return
        requests["on_scriptrunner_yield"] = lambda: None
        try:
            take(*args, **kwargs)
        finally:
            del requests["on_scriptrunner_yield"]

    return run


def not_twice(request: Callable[[ScriptRequests, RerunData], bool]) -> Callable[[ScriptRequests, RerunData], bool]:
    """Asking for a run: what polls adds nothing to a page about to be drawn, which would become the polling one."""

    @wraps(request)
    def ask(requests: ScriptRequests, rerun: RerunData) -> bool:
        waiting = vars(requests)["_rerun_data"] if vars(requests)["_state"] is ScriptRequestType.RERUN else None
        if rerun.is_auto_rerun and waiting and not waiting.fragment_id and not waiting.fragment_id_queue:
            return True
        return request(requests, rerun)

    return ask


def on_its_page(run: Callable[[Any, RerunData], None]) -> Callable[[Any, RerunData], None]:
    """Running: a part of a page that was left is run as one of the page there, which the browser would empty."""

    @wraps(run)
    def on_page(runner: Any, rerun: RerunData) -> None:
        context = runner._get_script_run_ctx()
        if rerun.fragment_id_queue and context.page_script_hash not in ("", rerun.page_script_hash):
            rerun = replace(rerun, page_script_hash=context.page_script_hash, query_string=context.query_string)
        run(runner, rerun)

    return on_page
