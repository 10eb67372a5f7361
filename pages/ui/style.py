"""The app's own style, in the page before its first paint: sent with a page's elements it comes half a second later."""

from typing import Any

from core import paths

SHEET = paths.ASSETS / "style.html"
_END = b"</body>"  # after the styles of Streamlit's own, which ours go before where both say something
# What is answered is made of a file: not a part of it, nor packed, nor "as you had it".
_OF_THE_FILE = (b"range", b"if-none-match", b"if-modified-since", b"accept-encoding")
_ABOUT_THE_FILE = (b"content-length", b"etag", b"last-modified", b"accept-ranges")


def asks_for_page(scope: dict[str, Any]) -> bool:
    """Whether an HTTP request is for a page, whichever it is, rather than for what a page is made of."""
    return scope["method"] == "GET" and not scope["path"].startswith(("/_stcore", "/static", "/media"))


class Styled:
    """ASGI middleware: every page holds the style sheet."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Pass on; a page is held back until it is whole."""
        if scope["type"] != "http" or not asks_for_page(scope):
            await self.app(scope, receive, send)
            return
        head: dict[str, Any] = {}
        body = bytearray()

        async def answer(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start" and _is_page(message):
                head.update(message)
            elif not head:
                await send(message)
            else:
                body.extend(message.get("body", b""))
                if not message.get("more_body"):
                    page = bytes(body).replace(_END, SHEET.read_bytes() + _END)
                    length = (b"content-length", str(len(page)).encode())
                    await send({**head, "headers": [*_without(_ABOUT_THE_FILE, head["headers"]), length]})
                    await send({"type": "http.response.body", "body": page})

        await self.app({**scope, "headers": _without(_OF_THE_FILE, scope["headers"])}, receive, answer)


def _is_page(start: dict[str, Any]) -> bool:
    return any(name == b"content-type" and value.startswith(b"text/html") for name, value in start["headers"])


def _without(names: tuple[bytes, ...], headers: Any) -> list[tuple[bytes, bytes]]:
    return [(name, value) for name, value in headers if name not in names]
