"""Requests that meet lose and undo nothing, and the page asked for last is the one that is drawn."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.WidgetStates_pb2 import WidgetState, WidgetStates
from streamlit.runtime.scriptrunner_utils.script_requests import RerunData, ScriptRequests
from streamlit.runtime.scriptrunner_utils.script_run_context import ThreadState
from streamlit.runtime.state import session_state
from streamlit.runtime.state.common import WidgetMetadata
from streamlit.runtime.state.safe_session_state import SafeSessionState
from streamlit.runtime.state.session_state import SessionState

from pages.ui import reruns

POLL = RerunData(fragment_id="progress", is_auto_rerun=True, page_script_hash="training")
ask = reruns.not_twice(ScriptRequests.request_rerun)


def chosen(text: str) -> WidgetState:
    """What a browser says of the choice on the Batch page."""
    return WidgetState(id="choice on batch", string_value=text)


def states(*of: WidgetState) -> WidgetStates:
    return WidgetStates(widgets=of)


PRESSED = WidgetState(id="button on batch", trigger_value=True)


class Window:
    """A browser window's session, in which the Batch page is shown."""

    id = "a window"

    def __init__(self) -> None:
        self.heard: list[ClientState] = []
        self.parts = {"a part of batch"}
        self._scriptrunner: Any = None
        self.hears(page_script_hash="batch")
        self.begins()
        self.visit.page_of = {"choice on batch": "batch", "button on batch": "batch"}

    def begins(self) -> None:
        """What was asked for begins to run."""
        self.requests = ScriptRequests()
        self._scriptrunner = SimpleNamespace(_requests=self.requests)

    @property
    def visit(self) -> reruns.Visit:
        return reruns._VISITS[self.id]

    def has_fragment(self, part: str) -> bool:
        return part in self.parts

    def hears(self, *of: WidgetState, **asked: Any) -> ClientState | None:
        """What is made of a request; None for nothing."""
        self.heard.clear()
        reruns.heard(lambda _, made: self.heard.append(made))(self, ClientState(widget_states=states(*of), **asked))
        return self.heard[0] if self.heard else None


@pytest.fixture
def window(monkeypatch: pytest.MonkeyPatch) -> Window:
    window = Window()
    for module in (reruns, session_state):
        monkeypatch.setattr(
            module,
            "get_script_run_ctx",
            lambda: SimpleNamespace(
                script_requests=window.requests,
                session_id=window.id,
                page_script_hash="batch",
                fragment_ids_this_run=None,
            ),
        )
    return window


def run(window: Window, rerun: RerunData) -> list[RerunData]:
    """What is run of a request."""
    ran: list[RerunData] = []
    reruns.on_the_page_asked_for(lambda _, rerun: ran.append(rerun))(window._scriptrunner, rerun)
    return ran


def take(window: Window, of: WidgetStates | None, by: Callable[..., None] = lambda *_, **__: None) -> None:
    reruns.taken_whole(by)(SafeSessionState(SessionState(), lambda: None), of)


@pytest.mark.parametrize("press", [chosen("5"), PRESSED])
def test_a_link_takes_along_what_was_pressed_just_before_it_and_not_taken_yet(
    press: WidgetState, window: Window
) -> None:
    window.requests.request_rerun(RerunData(widget_states=states(press)))

    link = window.hears(page_script_hash="threshold")

    assert link is not None
    assert list(link.widget_states.widgets) == [press]
    seen: list[WidgetStates] = []
    take(window, states(press), lambda _, of: seen.append(of))
    assert not seen  # or what is older would undo what is newer


def test_what_has_been_taken_or_polls_is_not_taken_along(window: Window) -> None:
    press = states(chosen("5"))
    window.requests.request_rerun(RerunData(widget_states=press))
    take(window, press)
    link = window.hears(page_script_hash="threshold")
    assert link is not None
    assert not link.widget_states.widgets

    window.begins()
    window.requests.request_rerun(RerunData(widget_states=states(chosen("7")), is_auto_rerun=True))
    link = window.hears(page_script_hash="draw")
    assert link is not None
    assert not link.widget_states.widgets


def test_of_two_choices_the_newer_counts_and_a_button_pressed_before_it_stays_pressed(window: Window) -> None:
    window.requests.request_rerun(RerunData(widget_states=states(chosen("1"), PRESSED)))

    newer = window.hears(chosen("5"), WidgetState(id=PRESSED.id), page_script_hash="batch")

    assert newer is not None
    assert list(newer.widget_states.widgets) == [chosen("5"), PRESSED]


@pytest.mark.parametrize("part", ["", "a part of batch"])
def test_what_is_pressed_on_a_page_whose_link_away_is_on_its_way_is_taken_on_the_next(
    part: str, window: Window
) -> None:
    window.hears(page_script_hash="threshold", query_string="model=mnist-1")

    late = window.hears(chosen("5"), page_script_hash="batch", query_string="model=any", fragment_id=part)

    assert late is not None
    assert (late.page_script_hash, late.query_string, late.fragment_id) == ("threshold", "model=mnist-1", "")
    assert list(late.widget_states.widgets) == [chosen("5")]
    assert window.hears(chosen("5"), page_script_hash="batch", fragment_id=part or "a part", is_auto_rerun=True) is None


@pytest.mark.parametrize(
    ("shown", "asked"),
    [
        ((), {}),  # by its link
        ((WidgetState(id="canvas on draw", json_value="[]"),), {}),  # a link on Draw says what is on Draw
        ((chosen("5"),), {"is_history_navigation": True}),
    ],
)
def test_who_goes_back_to_a_page_comes_there(
    shown: tuple[WidgetState, ...], asked: dict[str, bool], window: Window
) -> None:
    window.visit.page_of["canvas on draw"] = "draw"
    window.hears(page_script_hash="draw")

    back = window.hears(*shown, page_script_hash="batch", **asked)

    assert back is not None
    assert back.page_script_hash == "batch"


def test_a_press_on_a_part_of_the_page_that_is_gone_is_one_on_the_page_and_what_polls_there_stays(
    window: Window,
) -> None:
    press = window.hears(PRESSED, page_script_hash="batch", fragment_id="gone")
    assert press is not None
    assert press.fragment_id == ""

    polled = window.hears(page_script_hash="batch", fragment_id="gone", is_auto_rerun=True)
    assert polled is not None
    assert polled.fragment_id == "gone"


def test_what_polls_does_not_lead_back_to_its_page_while_another_is_about_to_be_drawn() -> None:
    requests = ScriptRequests()
    ask(requests, RerunData(page_script_hash="draw"))

    assert ask(requests, POLL)

    assert requests.on_scriptrunner_ready().rerun_data == RerunData(page_script_hash="draw")
    assert ask(requests, POLL)
    assert requests.on_scriptrunner_ready().rerun_data.fragment_id_queue == ["progress"]


def test_a_press_on_a_part_that_meets_what_polls_stays_a_press() -> None:
    requests = ScriptRequests()
    ask(requests, RerunData(fragment_id="a button of a part"))

    assert ask(requests, POLL)

    assert not requests.on_scriptrunner_ready().rerun_data.is_auto_rerun


def test_a_press_that_was_heard_before_a_button_led_to_another_page_is_run_there(window: Window) -> None:
    reruns.head_for("generator", {"digit": "5"})

    (ran,) = run(window, RerunData(widget_states=states(chosen("5")), page_script_hash="batch"))

    assert (ran.page_script_hash, ran.query_string) == ("generator", "digit=5")
    polled = RerunData(page_script_hash="batch", fragment_id_queue=["progress"], is_auto_rerun=True)
    assert run(window, polled) == []


def test_a_link_pressed_after_a_button_that_leads_elsewhere_is_followed(window: Window) -> None:
    reruns.head_for("generator", {})

    (ran,) = run(window, RerunData(widget_states=states(), page_script_hash="draw"))

    assert ran.page_script_hash == window.visit.page == "draw"


def test_a_run_that_ended_before_it_began_leaves_the_newer_ones_page_alone(window: Window) -> None:
    window.hears(page_script_hash="threshold")

    assert run(window, RerunData(widget_states=states(chosen("5")), page_script_hash="batch")) == []
    assert window.visit.page == "threshold"


def test_a_newer_press_is_looked_at_once_the_one_before_it_has_been_taken(window: Window) -> None:
    window.requests.request_rerun(RerunData(page_script_hash="threshold"))
    seen = []

    take(window, states(), lambda *_: seen.append(window.requests.on_scriptrunner_yield()))

    assert seen == [None]
    newer = window.requests.on_scriptrunner_yield()
    assert newer is not None
    assert newer.rerun_data.page_script_hash == "threshold"


def test_a_page_that_was_forgotten_still_knows_what_was_pressed_on_it_and_what_was_not(window: Window) -> None:
    called, behind = [], []
    state = SessionState()
    safe = SafeSessionState(state, lambda: None)
    for name in ("choice on batch", "another on batch"):

        def call(name: str = name) -> None:
            called.append(name)
            behind.append(reruns.left_behind())

        state._set_widget_metadata(WidgetMetadata(name, lambda of: of, lambda of: of, "string_value", callback=call))
        state._new_widget_state.set_from_value(name, "any")
    window.visit.page_of["another on batch"] = "batch"
    window.hears(page_script_hash="threshold")
    window.begins()
    reruns.remembered(SafeSessionState.on_script_finished)(safe, frozenset())

    ThreadState.initialize()
    late = states(chosen("5"), WidgetState(id="another on batch", string_value="any"))
    reruns.taken_whole(SafeSessionState.on_script_will_rerun)(safe, late)

    assert called == ["choice on batch"]
    assert behind == [True]
    assert not reruns.left_behind()


@pytest.mark.parametrize("part", ["", "a part of batch"])
def test_what_is_pressed_on_a_page_that_was_opened_by_its_address_is_not_late(part: str, window: Window) -> None:
    window.hears(page_name="Batch")
    window.begins()
    reruns.shown(lambda *_: None)(None, SimpleNamespace(id="button on batch"), None)
    behind: list[bool] = []

    press = window.hears(PRESSED, page_script_hash="batch", fragment_id=part)
    window.begins()
    take(window, states(PRESSED), lambda *_: behind.append(reruns.left_behind()))

    assert press is not None
    assert press.fragment_id == part
    assert behind == [False]
