"""Which of the recorded verdicts are meant: a filter, and the SQL condition that says the same."""

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Filter:
    """Which verdicts; what is None does not narrow.

    Attributes:
        model: name of the model that judged.
        class_id: 0 normal, 1 anomaly.
        source_kind: ``"canvas"``, ``"upload"``, ``"camera"``, ``"batch"`` or ``"cli"``.
        since: last judged at or after, UTC seconds since 1970.
        until: last judged before, UTC seconds since 1970.
        mark: ``"right"``, ``"wrong"``, or ``"none"`` for those that nobody has marked.
        ids: these rows alone.

    >>> Filter(model="mnist-5", class_id=1).condition("ann")
    ('deletion IS NULL AND visitor = ? AND model = ? AND class_id = ?', ['ann', 'mnist-5', 1])
    """

    model: str | None = None
    class_id: int | None = None
    source_kind: str | None = None
    since: float | None = None
    until: float | None = None
    mark: str | None = None
    ids: tuple[int, ...] | None = None

    def condition(self, visitor: str | None) -> tuple[str, list[Any]]:
        """The condition on table ``verdicts`` and its values; deleted rows never match.

        Args:
            visitor: whose rows; None for everybody's.
        """
        terms: list[str] = ["deletion IS NULL"]
        values: list[Any] = []
        for column, value in (
            ("visitor = ?", visitor),
            ("model = ?", self.model),
            ("class_id = ?", self.class_id),
            ("source_kind = ?", self.source_kind),
            ("last_seen >= ?", self.since),
            ("last_seen < ?", self.until),
            ("mark = ?", None if self.mark == "none" else self.mark),
            ("id IN (SELECT value FROM json_each(?))", None if self.ids is None else json.dumps(self.ids)),
        ):
            if value is not None:
                terms.append(column)
                values.append(value)
        if self.mark == "none":
            terms.append("mark IS NULL")
        return " AND ".join(terms), values


EVERYTHING = Filter()
