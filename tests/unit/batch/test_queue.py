"""Batches that belong to the server go on without anyone looking, stop at a word, and outlive the server."""

from pathlib import Path

import pytest

from core.batch import worker
from core.batch.findings import Review, Rule
from core.batch.queue import BatchQueue, Standing, Upload
from core.batch.store import Store, stores
from core.detector import Detector, registry
from core.errors import BatchError
from core.history import History
from core.ink import apart
from core.jobs.queue import State
from core.operating_point import OperatingPoint
from tests.support import judging
from tests.support.piles import digits, idx, png
from tests.support.waiting import wait_for

RULE = Rule(OperatingPoint("tiny-any", "fused", 0.1))


def hand_in(
    uploads: list[Upload], detector: Detector, visitor: str = "ann", keep: bool = True
) -> tuple[BatchQueue, Store]:
    server = BatchQueue(judging.by(detector))
    return server, server.submit(uploads, detector, RULE, visitor, keep=keep)


def some(n: int) -> list[Upload]:
    return [Upload(f"{i}.png", png(image)) for i, image in enumerate(digits(n)[0])]


def test_a_pile_is_judged_in_the_background_and_its_files_do_not_stay(tiny_detector_any: Detector) -> None:
    server, store = hand_in(some(6), tiny_detector_any)

    wait_for(lambda: not server.standing(store).state.busy)

    review = Review(store, RULE)
    assert server.standing(store).state is State.DONE
    assert review.source.tolist() == [f"{i}.png" for i in range(6)]
    assert not store.input.exists()
    assert History(visitor="ann").count().judged == 6


def test_files_of_one_name_and_folders_and_pairs_keep_their_meaning(tiny_detector_any: Detector) -> None:
    images, labels = digits(3)
    uploads = [
        Upload("7/scan.png", png(images[0])),
        Upload("7/scan.png", png(images[1])),
        Upload("t10k-images-idx3-ubyte", idx(images)),
        Upload("t10k-labels-idx1-ubyte", idx(labels.astype("uint8"))),
    ]
    server, store = hand_in(uploads, tiny_detector_any)

    wait_for(lambda: not server.standing(store).state.busy)

    review = Review(store, RULE)
    assert review.source[:2].tolist() == ["7/scan.png", "7/scan.png (2)"]
    assert review.label.tolist() == ["7", "7", *map(str, labels)]


def stopped_midway(detector: Detector, monkeypatch: pytest.MonkeyPatch) -> tuple[BatchQueue, Store]:
    """A batch of sixty that was stopped when at least two were judged, and the queue it is in."""
    monkeypatch.setattr("core.batch.run.TOGETHER", 1)
    server, store = hand_in(some(60), detector)
    wait_for(lambda: store.done[0] >= 2)
    server.stop(store)
    return server, store


def test_a_stopped_batch_keeps_what_it_has_and_goes_on_under_another_server(
    tiny_detector_any: Detector, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, store = stopped_midway(tiny_detector_any, monkeypatch)
    wait_for(lambda: not server.standing(store).state.busy)
    stopped_at = store.done[0]
    assert server.standing(store).state is State.PAUSED
    assert 2 <= stopped_at < 60

    later = BatchQueue(judging.by(tiny_detector_any))
    (again,) = stores("ann")
    assert later.standing(again).state is State.INTERRUPTED
    later.go_on(again)
    wait_for(lambda: not later.standing(again).state.busy)

    assert later.standing(again).state is State.DONE
    assert Review(again, RULE).source.tolist() == [f"{i}.png" for i in range(60)]


def test_what_a_stopped_batch_has_judged_is_in_the_history_once(
    tiny_detector_any: Detector, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, store = stopped_midway(tiny_detector_any, monkeypatch)
    wait_for(lambda: History(visitor="ann").count().judged == store.done[1])
    server.go_on(store)
    wait_for(lambda: not server.standing(store).state.busy)

    assert server.standing(store).state is State.DONE
    assert History(visitor="ann").count().judged == 60


def test_where_a_rate_decides_a_stopped_batch_waits_for_its_end_to_enter_the_history(
    tiny_detector_any: Detector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.batch.run.TOGETHER", 1)
    server = BatchQueue(judging.by(tiny_detector_any))
    store = server.submit(some(30), tiny_detector_any, Rule(RULE.point, 0.2), "ann")
    wait_for(lambda: store.done[0] >= 2)
    server.stop(store)
    after = server.submit(some(1), tiny_detector_any, RULE, "ann", keep=False)
    wait_for(lambda: not server.standing(after).state.busy)

    assert History(visitor="ann").count().judged == 0


def test_a_long_batch_makes_way_for_another_visitor_and_goes_on_to_the_same_rows(
    tiny_detector_any: Detector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.batch.run.TOGETHER", 1)
    monkeypatch.setattr("core.settings.BATCH_SECONDS", 0)
    started: list[str] = []

    def launch(folder: Path) -> judging.Thread:
        started.append(Store(folder).job.visitor)
        return judging.Thread(Store(folder), tiny_detector_any)

    server = BatchQueue(launch)
    long = server.submit(some(90), tiny_detector_any, RULE, "ann", keep=False)
    wait_for(lambda: long.done[0] >= 2)
    short = server.submit(some(1), tiny_detector_any, RULE, "bob", keep=False)
    wait_for(lambda: not server.standing(short).state.busy)
    assert server.standing(short).state is State.DONE
    assert started[:2] == ["ann", "bob"]
    wait_for(lambda: not server.standing(long).state.busy)

    assert Review(long, RULE).source.tolist() == [f"{i}.png" for i in range(90)]


def test_a_batch_that_is_stopped_while_it_waits_again_has_what_it_judged_in_the_history(
    tiny_detector_any: Detector, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, store = stopped_midway(tiny_detector_any, monkeypatch)
    wait_for(lambda: History(visitor="ann").count().judged == store.done[1])
    History(visitor="ann").forget()
    later = BatchQueue(judging.by(tiny_detector_any), tick_seconds=0)
    later.go_on(store)

    later.stop(store)

    wait_for(lambda: History(visitor="ann").count().judged == store.done[1])
    server.delete(store)
    assert not store.folder.exists()


def test_a_batch_whose_process_cannot_be_started_says_so_and_may_go_on(tiny_detector_any: Detector) -> None:
    def launch(_: Path) -> judging.Thread:
        raise OSError("no processes are left")

    server = BatchQueue(launch, tick_seconds=0)
    store = server.submit(some(1), tiny_detector_any, RULE, "ann", keep=False)

    server.tick()

    assert server.standing(store).state is State.FAILED
    assert "no processes are left" in server.standing(store).message
    server.go_on(store)
    assert server.standing(store).state is State.WAITING


def test_all_visitors_together_have_a_limit_and_no_files_are_no_batch(
    tiny_detector_any: Detector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.settings.ALL_BATCHES", 1)
    server = BatchQueue(tick_seconds=0)
    with pytest.raises(BatchError, match="no files"):
        server.submit([], tiny_detector_any, RULE, "ann", keep=False)
    server.submit(some(1), tiny_detector_any, RULE, "ann", keep=False)

    with pytest.raises(BatchError, match="no more are taken: try again later"):
        server.submit(some(1), tiny_detector_any, RULE, "bob", keep=False)


def test_a_batch_that_fails_says_why_and_the_next_one_is_judged(
    tiny_detector: Detector, tiny_detector_any: Detector, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, broken = hand_in(some(2), tiny_detector_any)
    wait_for(lambda: not server.standing(broken).state.busy)
    monkeypatch.setattr(type(tiny_detector), "scores", lambda *_: 1 / 0)
    failing = server.submit(some(2), tiny_detector_any, RULE, "ann", keep=False)
    wait_for(lambda: not server.standing(failing).state.busy)
    monkeypatch.undo()
    after = server.submit(some(2), tiny_detector_any, RULE, "ann", keep=False)
    wait_for(lambda: not server.standing(after).state.busy)

    assert server.standing(failing).state is State.FAILED
    assert "ZeroDivisionError" in server.standing(failing).message
    assert server.standing(after).state is State.DONE


def test_old_batches_of_ones_own_make_room_and_a_deleted_one_leaves_nothing(
    tiny_detector_any: Detector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.batch.queue.KEPT", 2)
    server, first = hand_in(some(1), tiny_detector_any, keep=False)
    wait_for(lambda: not server.standing(first).state.busy)
    second = server.submit(some(1), tiny_detector_any, RULE, "ann", keep=False)
    wait_for(lambda: not server.standing(second).state.busy)
    store = server.submit(some(1), tiny_detector_any, RULE, "ann", keep=False)
    wait_for(lambda: not server.standing(store).state.busy)

    other = server.submit(some(1), tiny_detector_any, RULE, "bob", keep=False)
    wait_for(lambda: not server.standing(other).state.busy)
    assert [ours.folder for ours in stores("ann")] == [store.folder, second.folder], "the newest first"
    assert [theirs.folder for theirs in stores("bob")] == [other.folder]
    assert not first.folder.exists()
    assert History(visitor="ann").count().judged == 0, "verdicts stay out of the history when asked"
    server.delete(store)
    assert not store.folder.exists()
    assert len(stores("ann")) == 1


def test_a_process_of_its_own_judges_a_batch_and_ends_at_once_when_it_is_stopped(
    tiny_shelf: tuple[str, str], tiny_detector_any: Detector
) -> None:
    server = BatchQueue()
    store = server.submit(some(6), tiny_detector_any, RULE, "ann", keep=False)
    wait_for(lambda: not server.standing(store).state.busy, 300)
    assert server.standing(store) == Standing(State.DONE, server.standing(store).progress)
    assert Review(store, RULE).source.tolist() == [f"{i}.png" for i in range(6)]

    second = server.submit(some(60), tiny_detector_any, RULE, "ann", keep=False)
    wait_for(lambda: server.standing(second).state is State.RUNNING)
    server.stop(second)

    assert server.standing(second).state is State.PAUSED
    with second.alone():
        assert not second.finished


def test_a_batch_of_a_shared_server_is_judged_by_its_visitors_own_model(
    tiny_detector_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ODD_DIGIT_SHARED", "1")
    monkeypatch.setattr(apart, "cores", lambda: 0)
    own = registry.import_model(tiny_detector_file.read_bytes(), "ann", "anns-own")
    rule = Rule(OperatingPoint("anns-own"))
    store = BatchQueue(tick_seconds=0).submit(some(2), Detector.load(own.path), rule, "ann", keep=False)

    assert worker.main(store.folder) == 0

    assert len(Review(store, rule)) == 2
