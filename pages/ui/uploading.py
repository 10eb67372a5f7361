"""Uploads on their way: none is lost to a page that is drawn meanwhile, and none fills a shared server's memory."""

from collections import Counter
from collections.abc import Callable
from functools import wraps
from typing import Any

import streamlit as st
from starlette.responses import PlainTextResponse
from streamlit.runtime.forward_msg_queue import ForwardMsgQueue

from core import settings

_ENDPOINT = "/_stcore/upload_file/"
_SHARE = 2  # of what all may have there, half is a single page's


def mend() -> None:
    """Have no upload lost, in every session of this process."""
    ForwardMsgQueue.clear = with_answers(ForwardMsgQueue.clear)  # type: ignore[method-assign]


def with_answers(clear: Callable[..., None]) -> Callable[..., None]:
    """Emptying what waits to be sent, as a run begins: where files are to be sent to is an answer, not of the page.

    A browser asks for that as files are chosen, and waits for the answer without end and without a word. Streamlit's
    version is pinned; ``tests/unit/test_uploading.py`` holds this.
    """

    @wraps(clear)
    def run(queue: ForwardMsgQueue, retain_lifecycle_msgs: bool = False, *args: Any, **kwargs: Any) -> None:
        waiting = [message for message in queue._queue if message.WhichOneof("type") == "file_urls_response"]
        clear(queue, retain_lifecycle_msgs, *args, **kwargs)
        if retain_lifecycle_msgs:  # otherwise nobody is there any more
            queue._queue[:0] = [message for message in waiting if message not in queue._queue]

    return run


class UploadLimit:
    """ASGI middleware: refuses an upload that would fill the memory, whoever sends it by whatever program."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self._arriving = Counter[str]()  # bytes by session

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Pass on what there is room for."""
        if scope["type"] != "http" or scope["method"] != "PUT" or not settings.shared_server():
            await self.app(scope, receive, send)
            return
        session = scope["path"].partition(_ENDPOINT)[2].partition("/")[0]
        length = dict(scope["headers"]).get(b"content-length", b"")
        if not length.isdigit():  # every browser says it
            await PlainTextResponse("Say how long the upload is.", 411)(scope, receive, send)
            return
        there, most = self._arriving + _in_memory(), settings.UPLOADED_MB * 1_000_000
        size = int(length)
        if there[session] + size > most / _SHARE or there.total() + size > most:
            said = "There is no room for more uploads just now: take files away, or hand them in one after the other."
            await PlainTextResponse(said, 413)(scope, receive, send)
            return
        self._arriving[session] += size
        try:
            await self.app(scope, receive, send)
        finally:
            self._arriving[session] -= size
            self._arriving += Counter()  # without those of whom nothing is on its way


def _in_memory() -> Counter[str]:
    """Bytes that lie there, by session."""
    files: Any = st.runtime.get_instance().uploaded_file_mgr
    kept = {session: list(of.values()) for session, of in list(files.file_storage.items())}
    return Counter({session: sum(len(file.data) for file in of) for session, of in kept.items()})
