"""The history's file: opened, created, brought up to date, and set aside when it is damaged. SQLite in WAL mode."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from core.errors import HistoryError
from core.history.verdict import CHECKED, NARROW, WIDE, checksum

T = TypeVar("T")

APPLICATION_ID = 0x0DD_D161  # marks the file as ours, so that another program's database is never written to
_CHECKED_FILES: set[Path] = set()  # by this process
_NOT_EVEN_A_LOCK = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL)
PAUSE = 0.02  # seconds between two tries at a lock that SQLite's own waiting does not cover

SELECT = f"""SELECT v.id, {", ".join(f"v.{name}" for name in NARROW)}, {", ".join(f"r.{name}" for name in WIDE)}
    FROM verdicts v JOIN readings r ON r.id = v.id"""
# The columns of a row as its checksum takes them; in the triggers below it follows whatever changes the row.
CHECK_ALL = f"""UPDATE readings SET checksum = (SELECT checksum({", ".join(f"v.{name}" for name in NARROW)},
    {", ".join(f"readings.{name}" for name in WIDE[:-1])}) FROM verdicts v WHERE v.id = readings.id)"""

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
    (
        "ALTER TABLE verdicts ADD COLUMN second_opinion TEXT",
        "ALTER TABLE readings ADD COLUMN checksum BLOB",
        CHECK_ALL,
        f"""CREATE TRIGGER changed_verdict AFTER UPDATE OF {", ".join(NARROW)} ON verdicts
            BEGIN {CHECK_ALL} WHERE id = NEW.id; END""",
        f"""CREATE TRIGGER changed_reading AFTER UPDATE OF {", ".join(WIDE[:-1])} ON readings
            BEGIN {CHECK_ALL} WHERE id = NEW.id; END""",
    ),
)


def transact(path: Path, work: Callable[[sqlite3.Connection], T], *, timeout: float, write: bool) -> T:
    """Do some work in one transaction: all of it or nothing.

    A connection is opened for each transaction and closed after it: threads and processes share nothing but the file,
    and a file that was removed meanwhile is simply made again.

    Args:
        path: the history's file; made when missing and written to.
        work: called with a connection inside a transaction; may be called again when the file was locked.
        timeout: seconds to wait for other writers.
        write: whether the work writes; reading waits for no one.

    Raises:
        HistoryError: locked for too long, no room, not writable, newer than this program, foreign, or damaged. A
            damaged file is set aside under another name first, and every row of it that is whole goes into a new one.
    """
    deadline = time.monotonic() + timeout
    frozen = False
    while True:
        version: int | None = None
        try:
            version = path.stat().st_ino if path.exists() else None
            if write:
                path.parent.mkdir(parents=True, exist_ok=True)
            # Reading makes no file: what is not there yet is read as empty.
            place = _uri(path) if write or version is not None else "file::memory:"
            with _connection(f"{place}?immutable=1" if frozen else place, timeout) as connection:
                _bring_up_to_date(connection, path)
                if version is not None:
                    _check_once(connection, path)
                with _transaction(connection, "IMMEDIATE" if write else "DEFERRED"):
                    return work(connection)
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF
            if code == sqlite3.SQLITE_BUSY and time.monotonic() < deadline:
                time.sleep(PAUSE)
                continue
            # Where nothing can be written, not even SQLite's own lock, nobody else changes the file.
            if code in _NOT_EVEN_A_LOCK and not write and not frozen:
                frozen = True
                continue
            raise HistoryError(_explain(error, code, path, version)) from error
        except OSError as error:
            raise HistoryError(
                f"The history at {path} cannot be opened ({error.strerror}): make the folder writable or set"
                " ODD_DIGIT_STATE to one that is."
            ) from error


def _uri(path: Path) -> str:
    return path.absolute().as_uri()


@contextmanager
def _connection(uri: str, timeout: float) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(uri, timeout=timeout, isolation_level=None, uri=True)
    try:
        connection.row_factory = sqlite3.Row
        connection.create_function("checksum", -1, checksum, deterministic=True)
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


def _check_once(connection: sqlite3.Connection, path: Path) -> None:
    """Look through the whole file when a process first meets it: damage is found before it is written over."""
    if path not in _CHECKED_FILES:
        said = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if said != "ok":
            damage = sqlite3.DatabaseError(said)
            damage.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
            raise damage
        _CHECKED_FILES.add(path)


def _read(connection: sqlite3.Connection, pragma: str) -> int:
    return int(connection.execute(f"PRAGMA {pragma}").fetchone()[0])


def _explain(error: sqlite3.Error, code: int, path: Path, version: int | None) -> str:
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        try:
            return f"The history at {path} was damaged and has been set aside{_set_aside(path, version)}."
        except (OSError, sqlite3.Error) as trouble:
            return (
                f"The history at {path} is damaged, and cannot be set aside ({trouble}): make its folder writable, or"
                " set ODD_DIGIT_STATE to one that is."
            )
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return f"The history at {path} is held by another program, so nothing was recorded: close that program."
    if code == sqlite3.SQLITE_FULL:
        return f"The disk that holds the history ({path}) is full, so nothing was recorded: make room there."
    if code in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
        return (
            f"The history at {path} cannot be written, so nothing was recorded: make its folder writable or set"
            " ODD_DIGIT_STATE to one that is."
        )
    return f"The history at {path} cannot be used ({error}): check that the folder exists and is writable."


def _set_aside(path: Path, version: int | None) -> str:
    """Rename the damaged file and its write-ahead log, unless another process was quicker, and save what is whole."""
    if not path.exists() or path.stat().st_ino != version:
        return ""
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S-%f")
    aside = path.with_name(f"{path.stem}.damaged-{stamp}{path.suffix}")
    for ending in ("", "-wal", "-shm"):
        part = path.with_name(path.name + ending)
        if part.exists():
            part.rename(aside.with_name(aside.name + ending))
    _CHECKED_FILES.discard(path)
    saved = _salvage(aside, path)
    return (
        f" as {aside}; {saved:,} rows of it were whole and stand in a new one"
        if saved
        else f" as {aside}; a new one begins"
    )


def _salvage(aside: Path, path: Path) -> int:
    """Put every row of a damaged file that can be read and is what was written into a new file; how many those are."""
    rows = [row for row in _whole_rows(aside) if row["checksum"] == checksum(*(row[name] for name in CHECKED))]
    with _connection(_uri(path), 15.0) as connection:
        _bring_up_to_date(connection, path)
        with _transaction(connection, "IMMEDIATE"):
            for table, columns in (("verdicts", NARROW), ("readings", WIDE)):
                connection.executemany(
                    f"INSERT OR IGNORE INTO {table}(id, {', '.join(columns)}) VALUES (?{', ?' * len(columns)})",
                    ((row["id"], *(row[name] for name in columns)) for row in rows),
                )
    return len(rows)


def _whole_rows(aside: Path) -> Iterator[sqlite3.Row]:
    """Rows that can be read, one by one: a page that cannot be read takes only its own rows with it."""
    try:
        with _connection(_uri(aside), 15.0) as connection:
            last = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'verdicts'").fetchone()
            for row_id in range(1, (last[0] if last else 0) + 1):
                with suppress(sqlite3.DatabaseError):
                    if row := connection.execute(
                        f"{SELECT} WHERE v.id = ? AND v.deletion IS NULL", [row_id]
                    ).fetchone():
                        yield row
    except sqlite3.DatabaseError:
        return
