"""A mirror on this machine that behaves as badly as a test needs."""

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Mirror:
    """Serves ``files`` by name; ``breaks_after`` cuts that many answers short, after that many bytes each."""

    url: str
    files: dict[str, bytes]
    resumes: bool = True
    breaks_after: list[int] = field(default_factory=list)
    asked: list[tuple[str, str | None]] = field(default_factory=list)

    def answer(self, request: http.server.BaseHTTPRequestHandler) -> None:
        name, asked_range = request.path.rsplit("/", 1)[-1], request.headers.get("Range")
        self.asked.append((name, asked_range))
        if name not in self.files:
            request.send_error(404)
            return
        body, start = self.files[name], 0
        if asked_range and self.resumes:
            start = int(asked_range.removeprefix("bytes=").removesuffix("-"))
            if start >= len(body):
                request.send_error(416)
                return
        request.send_response(206 if start else 200)
        if start:
            request.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        request.send_header("Content-Length", str(len(body) - start))
        request.end_headers()
        end = start + self.breaks_after.pop(0) if self.breaks_after else None
        request.wfile.write(body[start:end])


@contextmanager
def serve(files: dict[str, bytes], **behaviour: object) -> Iterator[Mirror]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            mirror.answer(self)

        def log_message(self, *ignored: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    mirror = Mirror(f"http://127.0.0.1:{server.server_port}/", files, **behaviour)  # type: ignore[arg-type]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield mirror
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
