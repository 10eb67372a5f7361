"""The visitor's cookie: given once, kept, out of reach of scripts; another one's session opens nothing."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from pages.ui.visitor import COOKIE, Visitors

TOKEN = "t" * 43


def head_of(path: str, cookie: str = "", forwarded: str = "", method: str = "GET") -> dict[str, str]:
    """The head of the answer that a request gets through the middleware."""
    sent: list[dict[str, Any]] = []

    async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/html")]})

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    headers = [(b"cookie", cookie.encode())] * bool(cookie)
    headers += [(b"x-forwarded-proto", forwarded.encode())] * bool(forwarded)
    scope = {"type": "http", "method": method, "path": path, "scheme": "http", "headers": headers}
    with ThreadPoolExecutor(1) as thread:  # of its own: where a browser is tested, a loop runs in this one
        thread.submit(asyncio.run, Visitors(app)(scope, None, send)).result()
    return {name.decode(): value.decode() for name, value in sent[0]["headers"]}


@pytest.mark.usefixtures("shared_server")
def test_whoever_opens_a_page_gets_a_cookie_that_no_script_reads_and_no_other_site_sends() -> None:
    first, second = head_of("/History")["set-cookie"], head_of("/")["set-cookie"]

    assert first != second
    for said in ("HttpOnly", "SameSite=Lax", "Max-Age=34560000", "Path=/"):
        assert f"; {said}" in first
    assert "Secure" not in first
    assert "; Secure" in head_of("/", forwarded="https")["set-cookie"]


@pytest.mark.usefixtures("shared_server")
@pytest.mark.parametrize("worn", [TOKEN, "", "short", "t" * 44, "../../" + "t" * 37])
def test_a_cookie_that_was_given_is_kept_for_another_year_and_any_other_replaced(worn: str) -> None:
    given, _, rest = head_of("/", f"theme=dark; {COOKIE}={worn}")["set-cookie"].partition(";")

    assert len(given.removeprefix(f"{COOKIE}=")) == 43
    assert (given == f"{COOKIE}={worn}") is (worn == TOKEN)
    assert rest.startswith(" Path=/; Max-Age")


@pytest.mark.usefixtures("shared_server")
@pytest.mark.parametrize("path", ["/_stcore/health", "/static/index.js", "/media/picture.png"])
def test_what_is_no_page_gets_no_cookie(path: str) -> None:
    assert "set-cookie" not in head_of(path)


def test_one_persons_machine_gives_no_cookie_but_every_answer_is_guarded() -> None:
    head = head_of("/")

    assert "set-cookie" not in head
    assert head["content-security-policy"] == "frame-ancestors 'self'"
    assert head["x-content-type-options"] == "nosniff"


SCRIPT = """
import streamlit as st
from pages.ui.visitor import visitor
who = visitor()
st.session_state.setdefault("kept", "of " + who)
st.write(who)
st.write(st.session_state["kept"])
"""


@pytest.mark.usefixtures("shared_server")
def test_a_session_taken_up_with_another_cookie_begins_from_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    worn = {COOKIE: TOKEN}
    monkeypatch.setattr("streamlit.runtime.context.ContextProxy.cookies", property(lambda _: worn))
    page = AppTest.from_string(SCRIPT, default_timeout=30).run()
    first = page.markdown[0].value
    again = page.run().markdown[0].value
    worn[COOKIE] = "u" * 43

    page.run()

    assert first == again
    assert page.markdown[0].value != first
    assert page.markdown[1].value == f"of {page.markdown[0].value}"


@pytest.mark.usefixtures("shared_server")
def test_without_cookies_a_visitor_is_the_session_and_nobody_else() -> None:
    one, other = (AppTest.from_string(SCRIPT, default_timeout=30).run() for _ in range(2))

    assert one.run().markdown[1].value == f"of {one.markdown[0].value}"
    assert one.markdown[0].value != other.markdown[0].value


@pytest.mark.usefixtures("shared_server")
def test_the_proxys_user_is_the_visitor_whatever_the_cookie(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamlit.get_option", lambda name: {"X-User": "name"})
    user: dict[str, str] = {"name": "anna"}
    monkeypatch.setattr("streamlit.user", type("User", (), {"to_dict": lambda self: dict(user)})())
    anna = AppTest.from_string(SCRIPT, default_timeout=30).run().markdown[0].value
    user["name"] = "ben"

    assert AppTest.from_string(SCRIPT, default_timeout=30).run().markdown[0].value != anna
