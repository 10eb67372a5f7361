"""The app's style is in every page that the server answers, and in nothing else."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from pages.ui.style import SHEET, Styled

PAGE = "<html><body><div id=root></div>" + " " * 2_000 + "</body></html>"
ABOUT = {"etag": '"of the file"', "last-modified": "Sat, 28 Nov 2026 12:00:00 GMT"}


def page(request: Any) -> Response:
    return Response(status_code=304) if "if-none-match" in request.headers else HTMLResponse(PAGE, headers=ABOUT)


def answer(path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], str]:
    """Status, head and body of the answer that a request gets through the middleware; packed as Streamlit packs it."""
    routes = [Route("/Batch", page), Route("/data", lambda _: JSONResponse({"html": "</body>"}))]
    routes.append(Route("/_stcore/page", page))
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    named = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": method, "path": path, "headers": named, "query_string": b""}
    app = Styled(GZipMiddleware(Starlette(routes=routes)))
    with ThreadPoolExecutor(1) as thread:  # of its own: where a browser is tested, a loop runs in this one
        thread.submit(asyncio.run, app(scope, receive, send)).result()
    head = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], head, b"".join(part.get("body", b"") for part in sent[1:]).decode()


def test_a_page_holds_the_style_at_its_end_and_says_its_new_length() -> None:
    status, head, body = answer("/Batch", accept_encoding="gzip", if_none_match='"of the file"', range="bytes=0-9")

    assert status == 200
    assert body == PAGE.replace("</body>", SHEET.read_text(encoding="utf-8") + "</body>")
    assert int(head["content-length"]) == len(body.encode())
    assert not {"content-encoding", "etag", "last-modified"} & head.keys()


@pytest.mark.parametrize(("path", "method"), [("/data", "GET"), ("/_stcore/page", "GET"), ("/Batch", "HEAD")])
def test_what_is_no_page_is_passed_on_as_it_is(path: str, method: str) -> None:
    status, head, body = answer(path, method)

    assert status == 200
    assert "<style>" not in body
    assert int(head["content-length"]) == len(body) or method == "HEAD"
