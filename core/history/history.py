"""The history: every verdict ever given, found again, marked, counted, deleted and brought back."""

import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from core import paths, settings
from core.detector.readings import ANOMALY
from core.errors import HistoryError
from core.history.database import SELECT, transact
from core.history.filter import EVERYTHING, Filter
from core.history.verdict import NARROW, WIDE, Damaged, Verdict, check_mark, from_row, to_rows
from core.words import clean_text

T = TypeVar("T")

KEPT_FOR_UNDO = 24 * 3600.0  # seconds; what was deleted longer ago is gone for good
CLOCK_LEAPS = 30 * KEPT_FOR_UNDO  # seconds between two looks at the clock that are no day's work but a wrong clock
TOGETHER = 2000  # rows a transaction: a batch of 100,000 must not lock others out for its whole length
UPSERT = f"""INSERT INTO verdicts({", ".join(NARROW)}) VALUES ({", ".join("?" * len(NARROW))})
    ON CONFLICT (visitor, identity) WHERE deletion IS NULL
    DO UPDATE SET last_seen = max(last_seen, excluded.last_seen),
    second_opinion = coalesce(excluded.second_opinion, second_opinion) RETURNING id"""
READING = f"INSERT OR IGNORE INTO readings(id, {', '.join(WIDE)}) VALUES (?, {', '.join('?' * len(WIDE))})"
_narrow, _wide = itemgetter(*NARROW), itemgetter(*WIDE)


@dataclass(frozen=True)
class Counts:
    """How many verdicts there are, how many of them anomalies, and how many a person has marked right and wrong."""

    judged: int
    anomalies: int
    right: int
    wrong: int

    @property
    def marked(self) -> int:
        """How many a person has marked either way."""
        return self.right + self.wrong


@dataclass(frozen=True)
class Period:
    """How many digits were judged, and how many were anomalies, from ``start`` (UTC seconds since 1970) on."""

    start: float
    judged: int
    anomalies: int


class History:
    """The record of verdicts in one SQLite file. It holds no connection: any number of threads and processes may write.

    On a shared server (``settings.shared_server``) only the visitor's own rows are seen, counted, marked and deleted;
    otherwise all rows are one person's. Every method raises ``HistoryError`` when the file cannot be used.

    Args:
        path: the file; None takes ``history.sqlite`` in the state folder.
        visitor: who looks; needed on a shared server for everything but recording.
        timeout: seconds to wait while others write.
    """

    def __init__(self, path: Path | None = None, visitor: str = "", timeout: float = 15.0) -> None:
        self.path = path or paths.state_dir() / "history.sqlite"
        self.visitor = clean_text(visitor)
        self.timeout = timeout

    def record(self, verdict: Verdict) -> int:
        """Record a verdict and return its row's id.

        The same image, model and operating point by the same visitor is one row, last seen now. A drawing (where
        ``verdict.drawing`` is given) is one row too, which follows its strokes; once a person has marked it, it stays
        as it is and further strokes begin another row.
        """
        return self.record_all([verdict])[0]

    def record_all(self, verdicts: Iterable[Verdict]) -> list[int]:
        """Record many verdicts and return their rows' ids, in order."""
        remaining = iter(verdicts)
        ids: list[int] = []
        while rows := to_rows(list(islice(remaining, TOGETHER))):
            ids += self._write(partial(_record_within_quota, rows))
        return ids

    def browse(self, which: Filter = EVERYTHING, *, limit: int = 50, offset: int = 0) -> list[Verdict | Damaged]:
        """Verdicts, the last seen first; what stands in a damaged row is not told."""
        condition, values = which.condition(self._whose())
        page = f"SELECT id FROM verdicts WHERE {condition} ORDER BY last_seen DESC, id DESC LIMIT ? OFFSET ?"
        query = f"{SELECT} WHERE v.id IN ({page}) ORDER BY v.last_seen DESC, v.id DESC"
        return [from_row(dict(row)) for row in self._rows(query, [*values, limit, offset])]

    def each(self, which: Filter = EVERYTHING) -> Iterator[Verdict | Damaged]:
        """All matching verdicts, the first recorded first, damaged ones named; some thousand in memory at a time."""
        condition, values = which.condition(self._whose())
        page = f"SELECT id FROM verdicts WHERE id > ? AND {condition} ORDER BY id LIMIT {TOGETHER}"
        query = f"{SELECT} WHERE v.id IN ({page}) ORDER BY v.id"
        last = 0
        while rows := self._rows(query, [last, *values]):
            for row in rows:
                yield from_row(dict(row))
            last = rows[-1]["id"]

    def get(self, row_id: int) -> Verdict:
        """One verdict.

        Raises:
            HistoryError: there is no such row, it is another visitor's, or it is damaged.
        """
        page = self.browse(Filter(ids=(row_id,)), limit=1)
        if not page:
            raise HistoryError(f"The history has no row {row_id} any more: it was deleted, or is another visitor's.")
        if isinstance(page[0], Damaged):
            raise HistoryError(f"Row {row_id} of the history is damaged: delete that row to go on.")
        return page[0]

    def count(self, which: Filter = EVERYTHING) -> Counts:
        """How many verdicts match, and how they fell."""
        condition, values = which.condition(self._whose())
        query = f"""SELECT count(*), coalesce(sum(class_id = {ANOMALY}), 0), coalesce(sum(mark = 'right'), 0),
            coalesce(sum(mark = 'wrong'), 0) FROM {self._narrow()} WHERE {condition}"""
        return Counts(*self._rows(query, values)[0])

    def models(self) -> list[str]:
        """Names of the models that have judged something, in alphabetical order."""
        return self._distinct("model")

    def source_kinds(self) -> list[str]:
        """Kinds of sources that something came from, in alphabetical order."""
        return self._distinct("source_kind")

    def mark(self, row_id: int, mark: str | None, true_label: str | None = None) -> None:
        """Say that a verdict was ``"right"`` or ``"wrong"`` (None: take that back), and what the digit truly was.

        Raises:
            HistoryError: the mark is unknown, or there is no such row.
        """
        check_mark(mark)
        condition, values = Filter(ids=(row_id,)).condition(self._whose())
        label = clean_text(true_label) if true_label else None
        query = f"UPDATE verdicts SET mark = ?, true_label = ? WHERE {condition}"
        if self._write(lambda connection: connection.execute(query, [mark, label, *values]).rowcount) == 0:
            raise HistoryError(f"Row {row_id} cannot be marked: it was deleted, or is another visitor's.")

    def delete(self, which: Filter) -> int:
        """Delete all that match and return how many; ``undo_delete`` brings the last deletion back for a day."""
        condition, values = which.condition(self._whose())

        def work(connection: sqlite3.Connection) -> int:
            whose, owner = self._deletions()
            _forget_old_deletions(connection)
            connection.execute(f"DELETE FROM deletions WHERE {whose}", owner)
            row = ("INSERT INTO deletions(visitor, time) VALUES (?, ?)", (self.visitor, time.time()))
            deletion = connection.execute(*row).lastrowid
            query = f"UPDATE verdicts SET deletion = ? WHERE {condition}"
            return connection.execute(query, [deletion, *values]).rowcount

        return self._write(work)

    def forget(self) -> None:
        """Remove all that is the visitor's for good, deleted rows too; nothing is made where there is no history."""
        if self._whose() is not None and self.path.exists():
            for table in ("verdicts", "deletions"):
                self._write(lambda c, table=table: c.execute(f"DELETE FROM {table} WHERE visitor = ?", [self.visitor]))  # type: ignore[misc]

    def undo_delete(self) -> int:
        """Bring the last deletion back and return how many rows came back; 0 when there is none left to undo.

        A row whose image, model and operating point have been judged anew meanwhile stays as the newer one.
        """
        whose, owner = self._deletions()
        chosen = f"deletion IN (SELECT id FROM deletions WHERE {whose})"

        def work(connection: sqlite3.Connection) -> int:
            query = f"""UPDATE OR IGNORE verdicts SET deletion = NULL, drawing = CASE WHEN EXISTS (
                SELECT 1 FROM verdicts other WHERE other.visitor = verdicts.visitor AND other.drawing = verdicts.drawing
                AND other.deletion IS NULL) THEN '' ELSE drawing END WHERE {chosen}"""
            restored = connection.execute(query, owner).rowcount
            connection.execute(f"DELETE FROM deletions WHERE {whose}", owner)
            return restored

        return self._write(work)

    def can_undo(self) -> int:
        """How many rows ``undo_delete`` would look at; 0 when there is no deletion to undo."""
        whose, owner = self._deletions()
        query = f"SELECT count(*) FROM verdicts WHERE deletion IN (SELECT id FROM deletions WHERE {whose})"
        return int(self._rows(query, owner)[0][0])

    def anomalies_over_time(
        self, which: Filter = EVERYTHING, *, step: float = 86400.0, seconds_east: float = 0.0
    ) -> list[Period]:
        """How many were judged and how many were anomalies, period by period; periods without any are left out.

        Args:
            which: which verdicts.
            step: length of a period, seconds.
            seconds_east: how far local time is ahead of UTC, seconds, so that a day begins at the reader's midnight.
        """
        condition, values = which.condition(self._whose())
        query = f"""SELECT CAST((last_seen + ?) / ? AS INTEGER) AS period, count(*), sum(class_id = {ANOMALY})
            FROM {self._narrow()} WHERE {condition} GROUP BY period ORDER BY period"""
        rows = self._rows(query, [seconds_east, step, *values])
        return [Period(number * step - seconds_east, judged, anomalies) for number, judged, anomalies in rows]

    def draw_sample(self, n: int, seed: int, which: Filter = EVERYTHING) -> tuple[int, ...]:
        """Ids of ``n`` verdicts drawn at random (fewer when there are fewer), for a person to review all of them.

        Each row is ranked by a hash of the seed and its id, and the first n are the sample: the same seed draws the
        same rows, and deleting or adding one row changes at most one of them.
        """
        condition, values = which.condition(self._whose())
        rows = self._rows(f"SELECT id FROM {self._narrow()} WHERE {condition}", values)
        ids = np.array([row[0] for row in rows], dtype=np.uint64)
        chosen = ids[np.argsort(_scatter(ids, seed), kind="stable")[: max(n, 0)]]
        return tuple(int(row_id) for row_id in chosen)

    def _whose(self) -> str | None:
        if not settings.shared_server():
            return None
        if not self.visitor:
            raise HistoryError("This server is shared, and your visitor id is missing: reload the page to get one.")
        return self.visitor

    def _narrow(self) -> str:
        """The table by way of the index that holds every column that is filtered or counted."""
        return f"verdicts INDEXED BY {'by_time' if self._whose() is None else 'by_visitor'}"

    def _deletions(self) -> tuple[str, list[str]]:
        visitor = self._whose()
        return ("1", []) if visitor is None else ("visitor = ?", [visitor])

    def _distinct(self, column: str) -> list[str]:
        # One step down the column's index for each name, where SELECT DISTINCT would read every row.
        condition, values = EVERYTHING.condition(self._whose())
        query = f"""WITH RECURSIVE names(name) AS (
            SELECT min({column}) FROM verdicts WHERE {condition} UNION ALL
            SELECT (SELECT min({column}) FROM verdicts WHERE {condition} AND {column} > name) FROM names
            WHERE name IS NOT NULL)
            SELECT name FROM names WHERE name IS NOT NULL"""
        return [row[0] for row in self._rows(query, [*values, *values])]

    def _rows(self, query: str, values: list[Any]) -> list[sqlite3.Row]:
        return transact(self.path, lambda c: c.execute(query, values).fetchall(), timeout=self.timeout, write=False)

    def _write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return transact(self.path, work, timeout=self.timeout, write=True)


def _record_within_quota(rows: list[dict[str, Any]], connection: sqlite3.Connection) -> list[int]:
    _forget_old_deletions(connection)
    ids = [_record_drawing(connection, row) if row["drawing"] else _put(connection, row) for row in rows]
    if settings.shared_server():
        query = "SELECT count(*) FROM verdicts INDEXED BY by_visitor WHERE visitor = ? AND deletion IS NULL"
        for visitor in {row["visitor"] for row in rows}:
            kept = connection.execute(query, (visitor,)).fetchone()[0]
            if kept > settings.ROWS:
                raise HistoryError(
                    f"Not recorded: with it your history would have {kept:,} verdicts, and a visitor keeps "
                    f"{settings.ROWS:,} here: delete some on the History page."
                )
    return ids


def _put(connection: sqlite3.Connection, row: dict[str, Any]) -> int:
    """Record a row or find that it is there, by one statement a table: piles are large."""
    row_id = int(connection.execute(UPSERT, _narrow(row)).fetchone()[0])
    connection.execute(READING, (row_id, *_wide(row)))
    return row_id


def _forget_old_deletions(connection: sqlite3.Connection) -> None:
    """What was deleted more than a day ago goes for good; where the clock has leapt, the day begins anew."""
    now = time.time()
    leapt = (now, now - CLOCK_LEAPS, now + KEPT_FOR_UNDO)
    connection.execute("UPDATE deletions SET time = ? WHERE time < ? OR time > ?", leapt)
    connection.execute("DELETE FROM deletions WHERE time < ?", (now - KEPT_FOR_UNDO,))


def _record_drawing(connection: sqlite3.Connection, row: dict[str, Any]) -> int:
    """Record a row that follows its drawing, unless a person has marked it."""
    query = "SELECT id, mark FROM verdicts WHERE visitor = ? AND drawing = ? AND deletion IS NULL"
    drawn = connection.execute(query, (row["visitor"], row["drawing"])).fetchone()
    query = "SELECT id FROM verdicts WHERE visitor = ? AND identity = ? AND deletion IS NULL"
    same = connection.execute(query, (row["visitor"], row["identity"])).fetchone()
    if same is not None:
        if drawn is not None and drawn["id"] != same["id"] and drawn["mark"] is None:
            connection.execute("DELETE FROM verdicts WHERE id = ?", (drawn["id"],))
        return _put(connection, row | {"drawing": ""})  # which is seen once more, whatever it was drawn as
    if drawn is not None and drawn["mark"] is None:
        _update(connection, "verdicts", {name: row[name] for name in NARROW if name != "time"}, drawn["id"])
        _update(connection, "readings", {name: row[name] for name in WIDE}, drawn["id"])
        return int(drawn["id"])
    if drawn is not None:
        connection.execute("UPDATE verdicts SET drawing = '' WHERE id = ?", (drawn["id"],))
    return _put(connection, row)


def _update(connection: sqlite3.Connection, table: str, row: dict[str, Any], row_id: int) -> None:
    columns = ", ".join(f"{name} = ?" for name in row)
    connection.execute(f"UPDATE {table} SET {columns} WHERE id = ?", [*row.values(), row_id])


def _scatter(ids: np.ndarray, seed: int) -> np.ndarray:
    """A well-mixed number for each id (the finaliser of SplitMix64), uint64 in and out."""
    mixed = ids * np.uint64(0x9E3779B97F4A7C15) + np.uint64(seed * 0xD1B54A32D192ED03 % 2**64)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
