"""Presses, each taken whole: what one changes is changed before Streamlit looks at what was pressed after it.

Streamlit lets a newer request end the callbacks of an older one wherever they touch the session's state, and counts the
older press as taken: on a busy server the second of two quick presses undid the first, or half of it.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.state.safe_session_state import SafeSessionState


def take_whole() -> None:
    """Have it so in every session of this process."""
    setattr(SafeSessionState, "on_script_will_rerun", undisturbed(SafeSessionState.on_script_will_rerun))  # noqa: B010


def undisturbed(take: Callable[..., None]) -> Callable[..., None]:
    """The same, but nothing newer is looked at until it is done."""

    @wraps(take)
    def run(*args: Any, **kwargs: Any) -> None:
        context = get_script_run_ctx()
        waiting = vars(context.script_requests) if context and context.script_requests else {}
        waiting["on_scriptrunner_yield"] = lambda: None
        try:
            take(*args, **kwargs)
        finally:
            del waiting["on_scriptrunner_yield"]

    return run
