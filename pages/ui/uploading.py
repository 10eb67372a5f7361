"""Uploads on their way to a shared server: until their page is closed they lie in its memory, which is everybody's."""

from collections import Counter
from typing import Any

import streamlit as st
from starlette.responses import PlainTextResponse

from core import settings

_ENDPOINT = "/_stcore/upload_file/"
_SHARE = 2  # of what all may have there, half is a single page's


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
