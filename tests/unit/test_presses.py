"""A press is taken whole, whatever comes after it."""

from types import SimpleNamespace

import pytest
from streamlit.runtime.scriptrunner_utils.script_requests import RerunData, ScriptRequests

from pages.ui import presses


def test_a_newer_press_is_looked_at_once_the_one_before_it_has_been_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    requests = ScriptRequests()
    monkeypatch.setattr(presses, "get_script_run_ctx", lambda: SimpleNamespace(script_requests=requests))
    requests.request_rerun(RerunData(page_script_hash="threshold"))
    seen = []

    presses.undisturbed(lambda: seen.append(requests.on_scriptrunner_yield()))()

    assert seen == [None]
    newer = requests.on_scriptrunner_yield()
    assert newer is not None
    assert newer.rerun_data.page_script_hash == "threshold"
