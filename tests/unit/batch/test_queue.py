"""Batches that belong to the server go on without anyone looking, stop at a word, and outlive the server."""

import threading
from pathlib import Path

import pytest

from core.batch import worker
from core.batch.findings import Review, Rule
from core.batch.queue import BatchQueue, State, Upload
from core.batch.store import Store, stores
from core.detector import Detector, registry
from core.errors import BatchError
from core.history import History
from core.ink import apart
from core.operating_point import OperatingPoint
from tests.support import judging
from tests.support.piles import digits, idx, png
from tests.support.waiting import wait_for

RULE = Rule(OperatingPoint("tiny-any", "fused", 0.1))


def hand_in(
    uploads: list[Upload], detector: Detector, visitor: str = "ann", keep: bool = True
) -> tuple[BatchQueue, Store]:
    server = BatchQueue(judging.by(detector))
    return server, server.submit(uploads, detector, RULE, False, keep, visitor)


def some(n: int) -> list[Upload]:
    return [Upload(f"{i}.png", png(image)) for i, image in enumerate(digits(n)[0])]


def test_a_pile_is_judged_in_the_background_and_its_files_do_not_stay(tiny_detector_any: Detector) -> None:
    server, store = hand_in(some(6), tiny_detector_any)

    wait_for(lambda: not server.state(store).busy)

    review = Review(store, RULE)
    assert server.state(store).stage == "finished"
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

    wait_for(lambda: not server.state(store).busy)

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
    wait_for(lambda: not server.state(store).busy)
    stopped_at = store.done[0]
    assert server.state(store).stage == "stopped"
    assert 2 <= stopped_at < 60

    later = BatchQueue(judging.by(tiny_detector_any))
    (again,) = stores("ann")
    assert later.state(again).stage == "stopped"
    later.go_on(again)
    wait_for(lambda: not later.state(again).busy)

    assert later.state(again).stage == "finished"
    assert Review(again, RULE).source.tolist() == [f"{i}.png" for i in range(60)]


def test_what_a_stopped_batch_has_judged_is_in_the_history_once(
    tiny_detector_any: Detector, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, store = stopped_midway(tiny_detector_any, monkeypatch)
    wait_for(lambda: History(visitor="ann").count().judged == store.done[1])
    server.go_on(store)
    wait_for(lambda: not server.state(store).busy)

    assert server.state(store).stage == "finished"
    assert History(visitor="ann").count().judged == 60


def test_where_a_rate_decides_a_stopped_batch_waits_for_its_end_to_enter_the_history(
    tiny_detector_any: Detector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.batch.run.TOGETHER", 1)
    server = BatchQueue(judging.by(tiny_detector_any))
    store = server.submit(some(30), tiny_detector_any, Rule(RULE.point, 0.2), False, True, "ann")
    wait_for(lambda: store.done[0] >= 2)
    server.stop(store)
    after = server.submit(some(1), tiny_detector_any, RULE, False, False, "ann")
    wait_for(lambda: not server.state(after).busy)

    assert History(visitor="ann").count().judged == 0


def test_visitors_take_turns_however_many_batches_one_of_them_hands_in(
    tiny_detector_any: Detector, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []

    def launch(store: Store) -> judging.Thread:
        order.append(store.job.visitor)
        return judging.Thread(store, tiny_detector_any)

    work = BatchQueue._work
    monkeypatch.setattr(BatchQueue, "_work", lambda _: None)
    server = BatchQueue(launch)
    given = [server.submit(some(1), tiny_detector_any, RULE, False, False, who) for who in ("ann",) * 4 + ("bob", "cy")]
    threading.Thread(target=work, args=(server,), daemon=True).start()
    wait_for(lambda: not any(server.state(store).busy for store in given))

    assert order == ["ann", "bob", "cy", "ann", "ann", "ann"]


def test_a_long_batch_makes_way_for_another_visitor_and_goes_on_to_the_same_rows(
    tiny_detector_any: Detector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.batch.run.TOGETHER", 1)
    monkeypatch.setattr("core.settings.BATCH_SECONDS", 0)
    started: list[str] = []

    def launch(store: Store) -> judging.Thread:
        started.append(store.job.visitor)
        return judging.Thread(store, tiny_detector_any)

    server = BatchQueue(launch)
    long = server.submit(some(90), tiny_detector_any, RULE, False, False, "ann")
    wait_for(lambda: long.done[0] >= 2)
    short = server.submit(some(1), tiny_detector_any, RULE, False, False, "bob")
    wait_for(lambda: not server.state(short).busy)
    assert server.state(short).stage == "finished"
    assert started[:2] == ["ann", "bob"]
    wait_for(lambda: not server.state(long).busy)

    assert Review(long, RULE).source.tolist() == [f"{i}.png" for i in range(90)]


def test_all_visitors_together_have_a_limit_and_no_files_are_no_batch(
    tiny_detector_any: Detector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.settings.ALL_BATCHES", 1)
    monkeypatch.setattr(BatchQueue, "_work", lambda _: None)
    with pytest.raises(BatchError, match="no files"):
        hand_in([], tiny_detector_any, "ann")
    server, _ = hand_in(some(1), tiny_detector_any, "ann")

    with pytest.raises(BatchError, match="no more are taken: try again later"):
        server.submit(some(1), tiny_detector_any, RULE, False, False, "bob")


def test_visitors_see_their_own_batches_the_newest_first(tiny_detector_any: Detector) -> None:
    server, first = hand_in(some(1), tiny_detector_any)
    second = server.submit(some(2), tiny_detector_any, RULE, False, False, "ann")
    other = server.submit(some(1), tiny_detector_any, RULE, False, False, "bob")
    wait_for(lambda: not any(server.state(store).busy for store in (first, second, other)))

    assert [store.folder for store in stores("ann")] == [second.folder, first.folder]
    assert [store.folder for store in stores("bob")] == [other.folder]


def test_a_batch_that_fails_says_why_and_the_next_one_is_judged(
    tiny_detector: Detector, tiny_detector_any: Detector, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, broken = hand_in(some(2), tiny_detector_any)
    wait_for(lambda: not server.state(broken).busy)
    monkeypatch.setattr(type(tiny_detector), "scores", lambda *_: 1 / 0)
    failing = server.submit(some(2), tiny_detector_any, RULE, False, False, "ann")
    wait_for(lambda: not server.state(failing).busy)
    monkeypatch.undo()
    after = server.submit(some(2), tiny_detector_any, RULE, False, False, "ann")
    wait_for(lambda: not server.state(after).busy)

    assert server.state(failing).stage == "failed"
    assert "ZeroDivisionError" in server.state(failing).message
    assert server.state(after).stage == "finished"


def test_old_batches_make_room_and_a_deleted_one_leaves_nothing(
    tiny_detector_any: Detector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.batch.queue.KEPT", 2)
    server, first = hand_in(some(1), tiny_detector_any, keep=False)
    wait_for(lambda: not server.state(first).busy)
    for _ in range(2):
        store = server.submit(some(1), tiny_detector_any, RULE, False, False, "ann")
        wait_for(lambda store=store: not server.state(store).busy)

    assert len(stores("ann")) == 2
    assert not first.folder.exists()
    assert History(visitor="ann").count().judged == 0, "verdicts stay out of the history when asked"
    server.delete(store)
    assert not store.folder.exists()
    assert len(stores("ann")) == 1


def test_a_process_of_its_own_judges_a_batch_and_ends_at_once_when_it_is_stopped(
    tiny_shelf: tuple[str, str], tiny_detector_any: Detector
) -> None:
    server = BatchQueue()
    store = server.submit(some(6), tiny_detector_any, RULE, False, False, "ann")
    wait_for(lambda: not server.state(store).busy, 300)
    assert server.state(store) == State("finished", server.state(store).progress, "")
    assert Review(store, RULE).source.tolist() == [f"{i}.png" for i in range(6)]

    second = server.submit(some(60), tiny_detector_any, RULE, False, False, "ann")
    wait_for(lambda: server.state(second).stage == "running")
    server.stop(second)

    assert server.state(second).stage == "stopped"
    with second.alone():
        assert not second.finished


def test_a_batch_of_a_shared_server_is_judged_by_its_visitors_own_model(
    tiny_detector_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ODD_DIGIT_SHARED", "1")
    monkeypatch.setattr(apart, "cores", lambda: 0)
    monkeypatch.setattr(BatchQueue, "_work", lambda _: None)
    own = registry.import_model(tiny_detector_file.read_bytes(), "ann", "anns-own")
    rule = Rule(OperatingPoint("anns-own"))
    store = BatchQueue().submit(some(2), Detector.load(own.path), rule, False, False, "ann")

    assert worker.main(store.folder) == 0

    assert len(Review(store, rule)) == 2
