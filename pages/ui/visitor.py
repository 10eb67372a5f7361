"""The visitor of a shared server: a cookie of this app's own, or whom the proxy in front says is there.

The cookie is random, long-lived and out of reach of scripts; its hash is what stands in files. It is compared on every
run, so that the id of a session, should anyone learn it, opens nobody's work.
"""

import hashlib
import re
import secrets
from http.cookies import SimpleCookie
from typing import Any

import streamlit as st
from starlette.middleware import Middleware

from core import quota, settings
from pages.ui.style import Styled, asks_for_page
from pages.ui.uploading import UploadLimit

ONE_PERSON = "local"
COOKIE = "odd_digit_visitor"
_LIFETIME = 400 * 24 * 3600  # seconds; browsers keep no cookie longer. It begins anew with every page that is opened
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
_OF_SESSION, _ALONE = "visitor", "visitor_without_cookie"
_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"content-security-policy", b"frame-ancestors 'self'"),
)


def visitor() -> str:
    """Who is visiting, on every run anew; a session that comes with another visitor's cookie begins from nothing."""
    if not settings.shared_server():
        return ONE_PERSON
    known_by, present = next((by, whose) for by, who in _WAYS.items() if (whose := who()))
    if _OF_SESSION not in st.session_state:
        quota.seen(present, known_by)
    if st.session_state.get(_OF_SESSION, present) != present:
        st.session_state.clear()
    st.session_state[_OF_SESSION] = present
    return present


class Visitors:
    """ASGI middleware: a cookie for whoever opens a page of a shared server, security headers for every answer."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Pass on, adding to the head of what is answered."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def answer(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                head = [*message.get("headers", ()), *_HEADERS]
                if asks_for_page(scope) and settings.shared_server():
                    head.append((b"set-cookie", _cookie(scope).encode("latin-1")))
                message = {**message, "headers": head}
            await send(message)

        await self.app(scope, receive, answer)


MIDDLEWARE = (Middleware(Visitors), Middleware(UploadLimit), Middleware(Styled))


def _cookie(scope: dict[str, Any]) -> str:
    given = {name: value.decode("latin-1") for name, value in scope["headers"]}
    present = SimpleCookie(given.get(b"cookie", "")).get(COOKIE)
    token = present.value if present is not None and _TOKEN.fullmatch(present.value) else secrets.token_urlsafe(32)
    secure = "; Secure" if "https" in (scope.get("scheme"), given.get(b"x-forwarded-proto")) else ""
    return f"{COOKIE}={token}; Path=/; Max-Age={_LIFETIME}; HttpOnly; SameSite=Lax{secure}"


def _from_proxy() -> str:
    """The proxy's user (``server.trustedUserHeaders``), hashed; empty where no proxy says who is there."""
    if not st.get_option("server.trustedUserHeaders"):
        return ""
    said = sorted((key, str(value)) for key, value in st.user.to_dict().items() if value)
    return _hashed(f"user:{said}") if said else ""


def _from_cookie() -> str:
    token = str(st.context.cookies.get(COOKIE, ""))
    return _hashed(f"visitor:{token}") if _TOKEN.fullmatch(token) else ""


def _of_this_session_alone() -> str:
    """Where cookies are refused a visitor lives as long as the session."""
    return str(st.session_state.setdefault(_ALONE, _hashed(secrets.token_urlsafe(32))))


_WAYS = {"proxy": _from_proxy, "cookie": _from_cookie, "session": _of_this_session_alone}


def _hashed(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]
