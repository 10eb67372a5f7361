"""A press is taken whole, whatever comes after it."""

from types import SimpleNamespace

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from pages.ui import presses


def _leaves(title: str) -> None:
    import streamlit as st

    from pages.ui import presses

    presses.arrive(title)
    st.button("Go", on_click=presses.go, args=("pages/3_Batch.py",), kwargs={"model": "mnist-5"})


@pytest.mark.parametrize("back", [False, True])
def test_the_browsers_way_back_closes_the_reading_that_is_open(back: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presses, "get_script_run_ctx", lambda: SimpleNamespace(is_history_navigation=back))
    page = AppTest.from_function(_leaves, args=("Batch",))
    page.session_state["page"], page.session_state["opened"] = "Batch", ("a batch", 7)

    assert ("opened" in page.run().session_state) is not back


def test_a_button_that_leads_to_the_page_it_stands_on_leads_there_once(monkeypatch: pytest.MonkeyPatch) -> None:
    went = []
    monkeypatch.setattr(st, "switch_page", lambda path, query_params: went.append(path))
    pages = {"here": {"script_path": "/app/pages/3_Batch.py"}}
    run = SimpleNamespace(page_script_hash="here", pages_manager=SimpleNamespace(get_pages=lambda: pages))
    monkeypatch.setattr(presses, "get_script_run_ctx", lambda: run)

    AppTest.from_function(_leaves, args=("Batch",)).run().button[0].click().run()

    assert went == ["pages/3_Batch.py"]
