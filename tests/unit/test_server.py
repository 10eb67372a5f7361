"""The server of one person's machine: it listens to that machine alone, and answers to its names alone."""

import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from core import paths
from tests.support.waiting import wait_for

HANDSHAKE = "GET /_stcore/stream HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
HANDSHAKE += "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"


def listens(port: int) -> bool:
    with socket.socket() as trial:
        return not trial.connect_ex(("127.0.0.1", port))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Path]]:
    """The dashboard as README starts it, on a free port; its port and what it says."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    said = tmp_path_factory.mktemp("server") / "said"
    command = [sys.executable, "-m", "streamlit", "run", "dashboard.py"]
    command += ["--server.headless", "true", "--server.port", str(port)]
    with said.open("w") as file:
        process = subprocess.Popen(command, cwd=paths.ROOT, stdout=file, stderr=file)
    try:
        wait_for(lambda: "URL:" in said.read_text() or process.poll() is not None, 60)
        assert process.poll() is None, said.read_text()
        wait_for(lambda: listens(port), 30)  # the address is said a moment before
        yield port, said
    finally:
        process.terminate()
        process.wait(30)


def test_it_listens_to_this_machine_alone(server: tuple[int, Path]) -> None:
    port, said = server

    assert re.findall(r"https?://\S+", said.read_text()) == [f"http://127.0.0.1:{port}"]
    with pytest.raises(OSError):  # noqa: PT011 - refused or unreachable, as the system has it
        socket.create_connection(("127.0.0.2", port), timeout=5).close()


@pytest.mark.parametrize(("host", "status"), [("localhost", 101), ("127.0.0.1", 101), ("evil.example.com", 403)])
def test_it_answers_to_no_name_of_another_site(host: str, status: int, server: tuple[int, Path]) -> None:
    port, _ = server

    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(HANDSHAKE.format(host=f"{host}:{port}").encode())
        assert connection.recv(100).decode().startswith(f"HTTP/1.1 {status} ")
