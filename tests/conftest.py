"""What all tests share: a state folder for each, small real models, and what a test may need from the machine."""

import hashlib
import importlib.util
import os
import shutil
import sys
import time
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from filelock import FileLock

# Before anything imports torch: several test processes with several threads each only wait for one another.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from core import datasets, paths
from core.detector import registry
from core.detector.registry import SUFFIX

# Torch takes seconds to import, and most tests need none.
if TYPE_CHECKING:
    from core.detector import Detector

MARKERS = {"datasets": "needs MNIST's files", "ray": "needs Ray", "browser": "needs a real browser"}
# As many as CI has cores.
PROCESSES = 2
A_DAY = 24 * 60 * 60.0
# The files that take longest begin first, so that short ones fill the end; browsers and computing take turns.
LONGEST = (
    "browser/test_training.py",
    "batch/test_ray.py",
    "browser/test_walkthroughs.py",
    "training/test_worker.py",
    "training/test_queue_in_any_order.py",
    "browser/test_accessibility.py",
    "batch/test_run.py",
    "pages/test_training_page.py",
    "browser/test_first_page.py",
    "cli/test_app.py",
    "browser/test_shared_server.py",
    "browser/test_threshold.py",
    "training/test_run.py",
    "browser/test_batch.py",
    "batch/test_pool.py",
    "detector/test_scikit.py",
    "scoring/test_scorer.py",
    "unit/test_sudden_death.py",
    "unit/test_packaging.py",
)
LEFT_OUT = pytest.StashKey[Counter[str]]()


def missing(marker: str) -> str | None:
    """What to do so that tests with this marker can run here; None when they can."""
    if marker == "datasets" and not datasets.available("mnist"):
        return f"set ODD_DIGIT_DATASETS to a folder with MNIST/raw (now {paths.datasets_dir()})"
    if marker == "ray" and not importlib.util.find_spec("ray"):
        return "pip install -r requirements-ray.txt"
    if marker == "browser":
        if not importlib.util.find_spec("pytest_playwright"):
            return "pip install pytest-playwright"
        if chromium() is None:
            return "install Chromium, or name one with CHROMIUM=/path/to/chromium"
    return None


def chromium() -> str | None:
    """The browser to test with."""
    return os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """All tests at once are shared out between processes, a file to each; `pytest -n 0` has them in one."""
    everything = config.args_source is pytest.Config.ArgsSource.TESTPATHS and not hasattr(config, "workerinput")
    if everything and config.pluginmanager.hasplugin("xdist") and config.option.numprocesses is None:
        config.option.numprocesses, config.option.dist = PROCESSES, "loadfile"
        config.option.loadscopereorder = False  # it would be by number of tests, not by how long they take


def pytest_configure(config: pytest.Config) -> None:
    for marker, what in MARKERS.items():
        config.addinivalue_line("markers", f"{marker}: {what}")
    config.stash[LEFT_OUT] = Counter()


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Browser tests import Playwright on their first lines, so without it not even their names can be read."""
    if collection_path.name != "browser" or importlib.util.find_spec("playwright"):
        return None
    _leave_out(config, "browser", 1, "the folder tests/browser")
    return True


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for marker in MARKERS:
        needing = [item for item in items if item.get_closest_marker(marker)]
        if needing and missing(marker):
            _leave_out(config, marker, len(needing), f"{len(needing)} tests")
            items[:] = [item for item in items if item not in needing]
            config.hook.pytest_deselected(items=needing)
    items.sort(key=_place)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for marker, count in config.stash[LEFT_OUT].items():
        terminalreporter.write_line(
            f"LEFT OUT: {count} tests marked '{marker}'. To run them: {missing(marker)}.", yellow=True, bold=True
        )


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: object, error: object) -> None:
    """Under pytest-xdist the workers collect; every one of them leaves out the same tests."""
    left_out = getattr(node, "workeroutput", {}).get("left_out", {})
    node.config.stash[LEFT_OUT] |= Counter(left_out)  # type: ignore[attr-defined]


def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["left_out"] = dict(session.config.stash[LEFT_OUT])


def _place(item: pytest.Item) -> int:
    """Where a test's file stands among those that take longest, or after them all."""
    return LONGEST.index(name) if (name := "/".join(item.path.parts[-2:])) in LONGEST else len(LONGEST)


def _leave_out(config: pytest.Config, marker: str, count: int, what: str) -> None:
    if os.environ.get("CI") == "true":
        raise pytest.UsageError(f"CI leaves no test out, but {what} cannot run: {missing(marker)}.")
    config.stash[LEFT_OUT][marker] += count


@pytest.fixture(scope="session", autouse=True)
def _state_of_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What is made once for all tests leaves no trace in anyone's own state either."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ODD_DIGIT_STATE", str(tmp_path_factory.mktemp("session-state")))
        patch.delenv("ODD_DIGIT_SHARED", raising=False)
        yield


@pytest.fixture(scope="session", autouse=True)
def _no_waiting_for_disks() -> Iterator[None]:
    """What a test writes need not outlive a failure of the machine's power."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)
        yield


@pytest.fixture(autouse=True)
def state_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where this test, and no other, keeps history, jobs and models; nothing is in it yet."""
    folder = tmp_path / "state"
    monkeypatch.setenv("ODD_DIGIT_STATE", str(folder))
    monkeypatch.delenv("ODD_DIGIT_SHARED", raising=False)
    # A page that is tested takes the main module's place, and processes that are started import the main module.
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
    return folder


@pytest.fixture
def shared_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is tested runs on a server of many visitors."""
    monkeypatch.setenv("ODD_DIGIT_SHARED", "1")


@pytest.fixture(scope="session")
def made_once(pytestconfig: pytest.Config) -> Path:
    """A folder for what is made once for all processes and runs of the same code: tiny models, decoded memory banks.

    Another run of other code may be using its own in the same tree, so a folder goes only after a day without a run.
    """
    code = hashlib.sha256()
    for file in sorted([*(paths.ROOT / "core").rglob("*.py"), *paths.ROOT.glob("requirements*.txt")]):
        code.update(file.read_bytes())
    folder = pytestconfig.cache.mkdir(f"made-{code.hexdigest()[:16]}")
    folder.touch()
    for other in folder.parent.glob("made-*"):
        if time.time() - other.stat().st_mtime > A_DAY:
            shutil.rmtree(other, ignore_errors=True)
    return folder


@pytest.fixture(scope="session")
def memory_banks(made_once: Path) -> Path:
    """A cache folder: what a detector remembers is decoded once into it, for all tests that have it in their state."""
    folder = made_once / "cache"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture
def decoded_before(state_dir: Path, memory_banks: Path) -> None:
    """For tests with a shipped model: their state holds the memory banks that an earlier test has had decoded."""
    state_dir.mkdir()
    (state_dir / "cache").symlink_to(memory_banks, target_is_directory=True)


@pytest.fixture(scope="session")
def tiny_detector_file(made_once: Path) -> Path:
    """``tiny-5.safetensors``: a real detector whose normal digit is 5, trained for one epoch on about 140 digits."""
    return _trained(made_once / f"tiny-5{SUFFIX}", ("5",), "conv")


@pytest.fixture(scope="session")
def tiny_detector_any_file(made_once: Path) -> Path:
    """``tiny-any.safetensors``: a real detector of the digits 0, 5 and 8, of the quickest architecture."""
    return _trained(made_once / f"tiny-any{SUFFIX}", ("0", "5", "8"), "dense")


@pytest.fixture(scope="session")
def tiny_detector(tiny_detector_file: Path) -> "Detector":
    """The detector of ``tiny_detector_file``; shared, so change nothing in it."""
    from core.detector import Detector

    return Detector.load(tiny_detector_file)


@pytest.fixture(scope="session")
def tiny_detector_any(tiny_detector_any_file: Path) -> "Detector":
    """The detector of ``tiny_detector_any_file``; shared, so change nothing in it."""
    from core.detector import Detector

    return Detector.load(tiny_detector_any_file)


@pytest.fixture
def tiny_shelf(state_dir: Path, tiny_detector_file: Path, tiny_detector_any_file: Path) -> tuple[str, str]:
    """Both tiny models on this test's own shelf; gives their names, "tiny-5" and "tiny-any"."""
    folder = registry.own_folder("")
    folder.mkdir(parents=True, exist_ok=True)
    for file in (tiny_detector_file, tiny_detector_any_file):
        shutil.copy(file, folder)
    return tiny_detector_file.stem, tiny_detector_any_file.stem


@pytest.fixture(scope="session", autouse=True)
def short_epochs() -> Iterator[None]:
    """Detectors of tests learn for some steps an epoch instead of 65; processes of their own are not changed."""
    from core.detector import estimator

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(estimator, "TrainingSettings", partial(estimator.TrainingSettings, steps=4))
        yield


def _trained(path: Path, normal: tuple[str, ...], architecture: str) -> Path:
    from core.detector import Detector
    from core.training import run

    with FileLock(path.with_suffix(".lock")):
        if not path.exists():
            images, labels, _ = run.normal_images(datasets.load("digits", "train"), normal)
            detector = Detector(architecture, epochs=1).fit(images, labels)
            run.finish(detector, path.stem, "digits", [datasets.load("digits", "test")]).save(path)
    return path
