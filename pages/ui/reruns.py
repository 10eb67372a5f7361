"""Requests that meet: a newer one ends a run where it stands, what polls asks all the time, a page left is pressed on.

A browser says with every request which page it shows and what all the widgets there show. What Streamlit would lose or
undo that way, or take for a wish to stay, is mended where it happens: every press is taken once, whole, in the order of
the presses, and the page asked for last is the one that is drawn. None of it is Streamlit's public interface: its
version is pinned, and ``tests/unit/test_reruns.py`` holds each mend.
"""

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import wraps
from typing import Any
from urllib.parse import urlencode
from weakref import WeakValueDictionary

from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.WidgetStates_pb2 import WidgetStates
from streamlit.runtime.app_session import AppSession
from streamlit.runtime.scriptrunner import ScriptRunner, get_script_run_ctx
from streamlit.runtime.scriptrunner_utils.script_requests import (
    RerunData,
    ScriptRequests,
    ScriptRequestType,
    _has_active_trigger_value,
)
from streamlit.runtime.state.safe_session_state import SafeSessionState


@dataclass(eq=False)
class Visit:
    """What the requests of one browser window have to know of each other.

    Args:
        page: script hash of the page asked for last; empty before the first is known.
        query: the query of its link.
        page_of: the page of every widget that was shown, by the widget's id.
        left: what widgets with callbacks showed as their page was left, by id.
        taking: held while what a request says of the widgets is taken, and while a page's widgets are forgotten.
        late: whether a press on a page that has been left is being taken.
    """

    page: str = ""
    query: str = ""
    page_of: dict[str, str] = field(default_factory=dict)
    left: dict[str, Any] = field(default_factory=dict)
    taking: threading.RLock = field(default_factory=threading.RLock)
    late: bool = False

    def leaves(self, page: str, states: WidgetStates | None, part: bool) -> bool:
        """Whether a request of that page is a press on what is still in sight of it, while another was asked for.

        A link says nothing of the widgets of the page that it leads to.

        Args:
            page: script hash of the page that sends the request.
            states: what it says of widgets.
            part: whether it asks for a part of that page only.
        """
        if self.page in ("", page):
            return False
        return part or any(self.page_of.get(one.id) == page for one in (states.widgets if states else ()))


# Of a run's requests: the last that was taken; whether a newer run took its place; whether what is newer waits for it.
_TAKEN, _ENDED, _HOLDS = "_taken", "_ended", "_holds"
_VISITS: WeakValueDictionary[str, Visit] = WeakValueDictionary()  # by session
_ORDER = threading.Lock()  # between a request that begins to be taken and a newer one that ends its run


def mend() -> None:
    """Have requests that meet lose and undo nothing, in every session of this process."""
    for owner, name, mended in (
        (AppSession, "request_rerun", heard),
        (ScriptRequests, "request_rerun", not_twice),
        (ScriptRunner, "_run_script", on_the_page_asked_for),
        (SafeSessionState, "register_widget", shown),
        (SafeSessionState, "on_script_will_rerun", taken_whole),
        (SafeSessionState, "on_script_finished", remembered),
    ):
        setattr(owner, name, mended(getattr(owner, name)))


def head_for(page: str, query: dict[str, str]) -> None:
    """A press leads to another page: what is pressed on this one from now on does not lead back.

    Args:
        page: its script hash.
        query: of its link.
    """
    if visit := _visit():
        visit.page, visit.query = page, urlencode(query)


def left_behind() -> bool:
    """Whether what is being taken was pressed on a page that has been left, or is about to be."""
    visit = _visit()
    return visit is not None and visit.late


def heard(request: Callable[..., None]) -> Callable[..., None]:
    """A request arrives.

    One that ends the run of another takes along what that one had not taken yet. One of a page that has been left is
    taken on the page asked for. A press on a part of a page that is gone is one on the page.
    """

    @wraps(request)
    def hear(session: Any, client_state: ClientState | None) -> None:
        if client_state is None:
            request(session, client_state)
            return
        _VISITS[session.id] = visit = vars(session).setdefault("_visit", Visit())
        asked, polls = ClientState(), client_state.is_auto_rerun
        asked.CopyFrom(client_state)
        part = bool(asked.fragment_id)
        if not asked.is_history_navigation and visit.leaves(asked.page_script_hash, asked.widget_states, part):
            if polls:
                return
            asked.page_script_hash, asked.query_string, asked.fragment_id = visit.page, visit.query, ""
        elif part and not polls and not session.has_fragment(asked.fragment_id):
            asked.fragment_id = ""
        if not asked.fragment_id:
            with _ORDER:
                visit.page, visit.query = asked.page_script_hash, asked.query_string
                if (runner := session._scriptrunner) is not None:
                    asked.widget_states.CopyFrom(_with(asked.widget_states, _ended(vars(runner._requests))))
        request(session, asked)

    return hear


def not_twice(request: Callable[[ScriptRequests, RerunData], bool]) -> Callable[[ScriptRequests, RerunData], bool]:
    """Asking for a run: what polls adds nothing to a page about to be drawn, and a press it meets stays one."""

    @wraps(request)
    def ask(requests: ScriptRequests, rerun: RerunData) -> bool:
        waiting = vars(requests)["_rerun_data"] if vars(requests)["_state"] is ScriptRequestType.RERUN else None
        if rerun.is_auto_rerun and waiting:
            if not waiting.fragment_id and not waiting.fragment_id_queue:
                return True
            rerun = replace(rerun, is_auto_rerun=waiting.is_auto_rerun)
        return request(requests, rerun)

    return ask


def on_the_page_asked_for(run: Callable[[Any, RerunData], None]) -> Callable[[Any, RerunData], None]:
    """Running: once what came before has been taken, which may have led to another page."""

    @wraps(run)
    def on_page(runner: Any, rerun: RerunData) -> None:
        visit = _visit()
        if visit is None:
            run(runner, rerun)
            return
        requests, part = vars(runner._requests), bool(rerun.fragment_id_queue)
        # What is newer begins once this has been taken: it would find the page's widgets forgotten, and its query gone.
        visit.taking.acquire()
        requests[_HOLDS] = True
        try:
            with _ORDER:
                left = visit.leaves(rerun.page_script_hash, rerun.widget_states, part)
                if requests.get(_ENDED) or (left and rerun.is_auto_rerun):
                    return
                if left:
                    rerun = replace(rerun, page_script_hash=visit.page, query_string=visit.query, fragment_id_queue=[])
                elif not part:
                    visit.page, visit.query = rerun.page_script_hash, rerun.query_string
            if rerun.widget_states is None:
                _let_go(visit, requests)
            run(runner, rerun)
        finally:
            _let_go(visit, requests)

    return on_page


def shown(register: Callable[..., Any]) -> Callable[..., Any]:
    """A widget is shown, on the page that is being drawn."""

    @wraps(register)
    def show(state: Any, metadata: Any, user_key: str | None) -> Any:
        if (visit := _visit()) and (context := get_script_run_ctx()):
            visit.page_of[metadata.id] = context.page_script_hash
            visit.page = visit.page or context.page_script_hash  # a page opened by its address is asked for by name
        return register(state, metadata, user_key)

    return show


def taken_whole(take: Callable[..., None]) -> Callable[..., None]:
    """Taking what the widgets of a request say: once, and nothing newer is looked at until its callbacks are done.

    Or on a busy server the second of two quick presses would undo the first, or half of it. What has been ended for
    something newer before it came to it takes nothing: the newer has taken it along.
    """

    @wraps(take)
    def run(state: Any, fresh: WidgetStates | None = None, **kwargs: Any) -> None:
        context, visit = get_script_run_ctx(), _visit()
        if context is None or context.script_requests is None or visit is None:
            take(state, fresh, **kwargs)
            return
        requests = vars(context.script_requests)
        with visit.taking:
            with _ORDER:
                if requests.get(_ENDED):
                    _let_go(visit, requests)
                    return
                requests[_TAKEN] = fresh
            old = vars(state)["_state"]._old_state
            for one in fresh.widgets if fresh else ():
                if one.id in visit.left:
                    old.setdefault(one.id, visit.left.pop(one.id))
                visit.late |= visit.page_of.get(one.id, visit.page) != visit.page
            requests["on_scriptrunner_yield"] = lambda: None
            try:
                take(state, fresh, **kwargs)
            finally:
                visit.late = False
                del requests["on_scriptrunner_yield"]
                _let_go(visit, requests)

    return run


def remembered(finish: Callable[..., None]) -> Callable[..., None]:
    """A page's widgets are forgotten, all but what those with callbacks showed: they may be pressed yet."""

    @wraps(finish)
    def forget(state: Any, widget_ids: frozenset[str], **kwargs: Any) -> None:
        context, visit = get_script_run_ctx(), _visit()
        if context is None or context.script_requests is None or visit is None:
            finish(state, widget_ids, **kwargs)
            return
        if vars(context.script_requests).get(_ENDED):
            return  # the newer run forgets
        with visit.taking:
            of, values = vars(state)["_state"], {}
            for name, about in of._new_widget_state.widget_metadata.items():
                if name not in widget_ids and (about.callback or about.callbacks):
                    with suppress(KeyError):
                        values[name] = of._getitem(name, None)
            finish(state, widget_ids, **kwargs)
            there = of._old_state.keys() | of._new_widget_state.keys()
            if gone := {name: value for name, value in values.items() if name not in there}:
                visit.left = gone

    return forget


def _visit() -> Visit | None:
    """That of the request that is being run."""
    context = get_script_run_ctx()
    return _VISITS.get(context.session_id) if context else None


def _ended(requests: dict[str, Any]) -> WidgetStates | None:
    """What a run that ends for a newer one has not taken yet of its request, and will not take any more."""
    requests[_ENDED] = True
    waiting = requests["_rerun_data"]
    if waiting.is_auto_rerun or waiting.widget_states is requests.get(_TAKEN):
        return None
    states: WidgetStates | None = waiting.widget_states
    return states


def _let_go(visit: Visit, requests: dict[str, Any]) -> None:
    """What is newer may begin."""
    if requests.pop(_HOLDS, False):
        visit.taking.release()


def _with(newer: WidgetStates, older: WidgetStates | None) -> WidgetStates:
    """What both say of widgets; where they differ the newer, but for a press, which it no longer knows of."""
    states = {one.id: one for one in older.widgets} if older else {}
    for one in newer.widgets:
        if not (one.id in states and _has_active_trigger_value(states[one.id]) > _has_active_trigger_value(one)):
            states[one.id] = one
    return WidgetStates(widgets=states.values())
