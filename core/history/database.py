"""The history's file: opened, created, brought up to date, and set aside when it is damaged. SQLite in WAL mode."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from core.errors import HistoryError

T = TypeVar("T")

APPLICATION_ID = 0x0DD_D161  # marks the file as ours, so that another program's database is never written to
PAUSE = 0.02  # seconds between two tries at a lock that SQLite's own waiting does not cover

# Filters, counts and ordering touch the narrow table alone; the wide one is read for the rows on show. The two covering
# indices answer them without reading even that, and leave deleted rows out.
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE deletions (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            visitor TEXT NOT NULL,
            time REAL NOT NULL
        )""",
        """CREATE TABLE verdicts (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            time REAL NOT NULL,
            last_seen REAL NOT NULL,
            visitor TEXT NOT NULL,
            drawing TEXT NOT NULL,
            source TEXT NOT NULL,
            source_kind TEXT NOT NULL,
            model TEXT NOT NULL,
            model_hash TEXT NOT NULL,
            evidence TEXT NOT NULL,
            alpha REAL,
            threshold REAL,
            p_value REAL NOT NULL,
            class_id INTEGER NOT NULL,
            true_label TEXT,
            mark TEXT,
            identity BLOB NOT NULL,
            deletion INTEGER REFERENCES deletions(id) ON DELETE CASCADE
        )""",
        """CREATE TABLE readings (
            id INTEGER PRIMARY KEY REFERENCES verdicts(id) ON DELETE CASCADE,
            scores TEXT NOT NULL,
            p_values TEXT NOT NULL,
            digits TEXT NOT NULL,
            image BLOB NOT NULL
        )""",
        "CREATE UNIQUE INDEX one_identity ON verdicts(visitor, identity) WHERE deletion IS NULL",
        "CREATE UNIQUE INDEX one_drawing ON verdicts(visitor, drawing) WHERE deletion IS NULL AND drawing <> ''",
        """CREATE INDEX by_time ON verdicts(last_seen, model, class_id, source_kind, mark)
            WHERE deletion IS NULL""",
        """CREATE INDEX by_visitor ON verdicts(visitor, last_seen, model, class_id, source_kind, mark)
            WHERE deletion IS NULL""",
        "CREATE INDEX by_model ON verdicts(model, visitor, last_seen) WHERE deletion IS NULL",
        "CREATE INDEX by_kind ON verdicts(source_kind, visitor, last_seen) WHERE deletion IS NULL",
        "CREATE INDEX by_deletion ON verdicts(deletion) WHERE deletion IS NOT NULL",
    ),
)


def transact(path: Path, work: Callable[[sqlite3.Connection], T], *, timeout: float, write: bool) -> T:
    """Do some work in one transaction: all of it or nothing.

    A connection is opened for each transaction and closed after it: threads and processes share nothing but the file,
    and a file that was removed meanwhile is simply made again.

    Args:
        path: the history's file; made when missing.
        work: called with a connection inside a transaction; may be called again when the file was locked.
        timeout: seconds to wait for other writers.
        write: whether the work writes; reading waits for no one.

    Raises:
        HistoryError: locked for too long, no room, not writable, newer than this program, foreign, or damaged. A
            damaged file is set aside under another name first, so that the next transaction starts a new one.
    """
    deadline = time.monotonic() + timeout
    while True:
        found: int | None = None
        try:
            found = path.stat().st_ino if path.exists() else None
            with _connection(path, timeout) as connection:
                _bring_up_to_date(connection, path)
                with _transaction(connection, "IMMEDIATE" if write else "DEFERRED"):
                    return work(connection)
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF
            if code == sqlite3.SQLITE_BUSY and time.monotonic() < deadline:
                time.sleep(PAUSE)
                continue
            raise HistoryError(_explain(error, code, path, found)) from error
        except OSError as error:
            raise HistoryError(
                f"The history at {path} cannot be opened ({error.strerror}): make the folder writable or set"
                " ODD_DIGIT_STATE to one that is."
            ) from error


@contextmanager
def _connection(path: Path, timeout: float) -> Iterator[sqlite3.Connection]:
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path, timeout=timeout, isolation_level=None)
    try:
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = NORMAL")
        yield connection
    finally:
        connection.close()


@contextmanager
def _transaction(connection: sqlite3.Connection, kind: str) -> Iterator[None]:
    connection.execute(f"BEGIN {kind}")
    try:
        yield
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _bring_up_to_date(connection: sqlite3.Connection, path: Path) -> None:
    newest = len(MIGRATIONS)
    if _read(connection, "user_version") == newest and _read(connection, "application_id") == APPLICATION_ID:
        return
    if _read(connection, "user_version") == 0:
        connection.execute("PRAGMA journal_mode = WAL")
    with _transaction(connection, "IMMEDIATE"):  # read again under the lock: another process may have been quicker
        version = _read(connection, "user_version")
        empty = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0] == 0
        if _read(connection, "application_id") != APPLICATION_ID and not (version == 0 and empty):
            raise HistoryError(f"{path} is another program's database: move it, or set ODD_DIGIT_STATE elsewhere.")
        if version > newest:
            raise HistoryError(
                f"The history at {path} was written by a newer version of this program (format {version}, this one"
                f" reads up to {newest}): update the program, or set ODD_DIGIT_STATE elsewhere."
            )
        for statements in MIGRATIONS[version:]:
            for statement in statements:
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {newest}")


def _read(connection: sqlite3.Connection, pragma: str) -> int:
    return int(connection.execute(f"PRAGMA {pragma}").fetchone()[0])


def _explain(error: sqlite3.Error, code: int, path: Path, found: int | None) -> str:
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return f"The history at {path} was damaged and has been set aside{_set_aside(path, found)}; a new one begins."
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return f"The history at {path} is held by another program, so nothing was recorded: close that program."
    if code == sqlite3.SQLITE_FULL:
        return f"The disk that holds the history ({path}) is full, so nothing was recorded: make room there."
    return f"The history at {path} cannot be used ({error}): check that the folder exists and is writable."


def _set_aside(path: Path, found: int | None) -> str:
    """Rename the damaged file and its write-ahead log, unless another process was quicker; say under which name."""
    if not path.exists() or path.stat().st_ino != found:
        return ""
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S-%f")
    aside = path.with_name(f"{path.stem}.damaged-{stamp}{path.suffix}")
    for ending in ("", "-wal", "-shm"):
        part = path.with_name(path.name + ending)
        if part.exists():
            part.rename(aside.with_name(aside.name + ending))
    return f" as {aside}"
