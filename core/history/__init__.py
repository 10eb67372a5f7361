"""The history of verdicts: one SQLite file from which every result is found again, marked, exported and deleted.

``History`` is the door.
"""

from core.history.filter import EVERYTHING, Filter
from core.history.history import Counts, History, Period
from core.history.verdict import Damaged, Verdict

__all__ = ["EVERYTHING", "Counts", "Damaged", "Filter", "History", "Period", "Verdict"]
