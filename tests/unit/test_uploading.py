"""Uploads: none is lost to a page drawn meanwhile; no page, and no program in its place, fills a server's memory."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.forward_msg_queue import ForwardMsgQueue
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import UploadedFileRec

from core import settings
from pages.ui import uploading
from pages.ui.uploading import UploadLimit


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> MemoryUploadedFileManager:
    """What lies in the memory of a shared server that takes 2 MB in all: 600 kB of the page "anna"."""
    monkeypatch.setenv("ODD_DIGIT_SHARED", "1")
    monkeypatch.setattr(settings, "UPLOADED_MB", 2)
    files = MemoryUploadedFileManager("/_stcore/upload_file")
    files.add_file("anna", UploadedFileRec("1", "1.png", "image/png", bytes(600_000)))
    monkeypatch.setattr("streamlit.runtime.get_instance", lambda: SimpleNamespace(uploaded_file_mgr=files))
    return files


def status(session: str, length: bytes | None, method: str = "PUT", meanwhile: UploadLimit | None = None) -> int:
    """What an upload of so many bytes is answered; 200 where it is let through."""
    sent: list[int] = []

    async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def send(message: dict[str, Any]) -> None:
        sent.append(message.get("status", 0))

    headers = [] if length is None else [(b"content-length", length)]
    scope = {"type": "http", "method": method, "path": f"/_stcore/upload_file/{session}/2", "headers": headers}
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, (meanwhile or UploadLimit(app))(scope, None, send)).result()
    return sent[0]


@pytest.mark.usefixtures("held")
@pytest.mark.parametrize(
    ("page", "length", "answer"),
    [
        pytest.param("anna", b"300000", 200, id="what leaves a page below its half"),
        pytest.param("anna", b"500000", 413, id="more than that"),
        pytest.param("ben", b"500000", 200, id="another page, which still has room"),
        pytest.param("ben", b"1100000", 413, id="more than half at once"),
        *(pytest.param("ben", length, 411, id=f"of the length {length!r}") for length in (None, b"", b"-5", b"many")),
    ],
)
def test_a_page_may_hold_half_of_what_all_may_and_says_how_much_it_brings(
    page: str, length: bytes | None, answer: int
) -> None:
    assert status(page, length) == answer


def test_all_together_may_hold_so_much_and_what_is_taken_away_makes_room(held: MemoryUploadedFileManager) -> None:
    held.add_file("ben", UploadedFileRec("1", "1.png", "image/png", bytes(900_000)))

    assert status("cleo", b"600000") == 413
    held.remove_session_files("anna")
    assert status("cleo", b"600000") == 200


@pytest.mark.usefixtures("held")
def test_what_is_still_on_its_way_counts_and_is_forgotten_when_it_has_come() -> None:
    answers: list[int] = []

    async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
        if not answers:
            answers.append(0)
            answers.append(status("ben", b"500000", meanwhile=limit))
        await send({"type": "http.response.start", "status": 200, "headers": []})

    limit = UploadLimit(app)

    assert status("ben", b"600000", meanwhile=limit) == 200
    assert answers[1] == 413
    assert status("ben", b"900000", meanwhile=limit) == 200


def test_one_persons_machine_takes_what_it_is_given(
    held: MemoryUploadedFileManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert held
    monkeypatch.delenv("ODD_DIGIT_SHARED")

    assert status("anna", b"90000000") == 200


@pytest.mark.parametrize(("fragments", "rest"), [(None, ["session_status_changed"]), (["a part"], None)])
def test_a_page_that_begins_to_be_drawn_keeps_the_answer_that_a_chosen_file_waits_for_and_nothing_twice(
    fragments: list[str] | None, rest: list[str] | None
) -> None:
    queue = ForwardMsgQueue()
    for kind in ("file_urls_response", "delta", "session_status_changed"):
        message = ForwardMsg()
        getattr(message, kind).SetInParent()
        queue.enqueue(message)

    uploading.with_answers(ForwardMsgQueue.clear)(queue, retain_lifecycle_msgs=True, fragment_ids_this_run=fragments)

    kinds = [message.WhichOneof("type") for message in queue.flush()]
    assert kinds.count("file_urls_response") == 1
    assert rest is None or kinds == ["file_urls_response", *rest]
