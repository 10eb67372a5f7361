"""The Batch page opened, and piles judged before it is, with the tiny model of all digits."""

from streamlit.testing.v1 import AppTest

from core.batch import queue
from core.batch.findings import Rule
from core.batch.store import Store
from core.detector import Detector
from core.operating_point import OperatingPoint
from tests.support import opened
from tests.support.waiting import wait_for

ME = "local"
RULE = Rule(OperatingPoint("tiny-any", "fused", 0.05))


def show(**query: str) -> AppTest:
    return opened.open_page("pages/3_Batch.py", **({"model": "tiny-any"} | query))


def finished(server: queue.BatchQueue, store: Store) -> Store:
    wait_for(lambda: not server.standing(store).state.busy)
    return store


def judged(detector: Detector, uploads: list[queue.Upload], keep: bool = False) -> Store:
    """A pile that was judged before the page is opened."""
    server = queue.of_server()
    return finished(server, server.submit(uploads, detector, RULE, ME, keep=keep))
