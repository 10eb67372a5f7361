"""The history of verdicts: one SQLite file from which every result is found again, marked, exported and deleted.

``History`` is the door.
"""

from core.history.filter import Filter
from core.history.history import History

__all__ = ["Filter", "History"]
