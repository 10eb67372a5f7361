"""Requests that meet lose and undo nothing."""

from types import SimpleNamespace

import pytest
from streamlit.runtime.scriptrunner_utils.script_requests import RerunData, ScriptRequests

from pages.ui import reruns

ask = reruns.not_twice(ScriptRequests.request_rerun)
POLL = RerunData(fragment_id="progress", is_auto_rerun=True, page_script_hash="training")


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> ScriptRequests:
    """Those of the run that is going on."""
    requests = ScriptRequests()
    monkeypatch.setattr(reruns, "get_script_run_ctx", lambda: SimpleNamespace(script_requests=requests))
    return requests


def test_a_newer_press_is_looked_at_once_the_one_before_it_has_been_taken(requests: ScriptRequests) -> None:
    requests.request_rerun(RerunData(page_script_hash="threshold"))
    seen = []

    reruns.taken_whole(lambda: seen.append(requests.on_scriptrunner_yield()))()

    assert seen == [None]
    newer = requests.on_scriptrunner_yield()
    assert newer is not None
    assert newer.rerun_data.page_script_hash == "threshold"


@pytest.mark.parametrize(("rerun", "taken"), [(POLL, []), (RerunData(fragment_id="a button of a part"), ["it"])])
def test_what_polls_takes_nothing_once_something_newer_has_ended_it_and_a_press_is_taken(
    rerun: RerunData, taken: list[str], requests: ScriptRequests
) -> None:
    requests.request_rerun(rerun)
    requests.on_scriptrunner_ready()
    requests.request_stop()
    seen: list[str] = []

    reruns.taken_whole(seen.append)("it")

    assert seen == taken


def test_what_polls_does_not_lead_back_to_its_page_while_another_is_about_to_be_drawn() -> None:
    requests = ScriptRequests()
    ask(requests, RerunData(page_script_hash="draw"))

    assert ask(requests, POLL)

    assert requests.on_scriptrunner_ready().rerun_data == RerunData(page_script_hash="draw")
    assert ask(requests, POLL)
    assert requests.on_scriptrunner_ready().rerun_data.fragment_id_queue == ["progress"]


@pytest.mark.parametrize("there", ["draw", "training", ""])
def test_a_part_of_a_page_that_was_left_is_run_as_one_of_the_page_that_is_there(there: str) -> None:
    context = SimpleNamespace(page_script_hash=there, query_string="model=mnist-5")
    runner = SimpleNamespace(_get_script_run_ctx=lambda: context)
    ran: list[RerunData] = []

    reruns.on_its_page(lambda _, rerun: ran.append(rerun))(
        runner, RerunData(fragment_id_queue=["progress"], page_script_hash="training")
    )

    assert ran[0].fragment_id_queue == ["progress"]
    assert ran[0].page_script_hash == (there or "training")


def test_a_link_is_run_as_the_page_it_leads_to() -> None:
    runner = SimpleNamespace(_get_script_run_ctx=lambda: SimpleNamespace(page_script_hash="draw", query_string=""))
    ran: list[RerunData] = []

    reruns.on_its_page(lambda _, rerun: ran.append(rerun))(runner, RerunData(page_script_hash="training"))

    assert ran[0].page_script_hash == "training"
