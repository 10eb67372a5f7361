"""A batch keeps the pile's order and number, takes bad files in its stride, and goes on where it was killed."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from core import datasets
from core.batch import run as running
from core.batch.findings import Review, Rule
from core.batch.notes import Note
from core.batch.run import key, resume, run
from core.batch.store import Job, Store
from core.detector import Detector
from core.errors import BatchError
from core.operating_point import OperatingPoint
from core.readers import sources
from core.readers.items import AS_FOUND, Manner
from tests.support.judging import judged_batch
from tests.support.pens import beside_a_faint_stroke, folded
from tests.support.piles import digits, folder_of, sheet

ROOT = Path(__file__).resolve().parents[3]
TIMES = 5  # 390 digits over again: enough to kill a run between its parts, on any machine
POINT = OperatingPoint("tiny-any", "fused", 0.1)
TOGETHER = Manner(together=True)


def begin(folder: Path, detector: Detector) -> Store:
    return running.begin(folder, Job("a pile", POINT), detector)


def judge(folder: Path, detector: Detector, *paths: Path, manner: Manner = AS_FOUND) -> Review:
    return judged_batch(folder, detector, POINT, *paths, manner=manner)


def test_a_batch_says_what_inspect_says_of_each_digit_in_the_piles_order(
    tmp_path: Path, tiny_detector_any: Detector
) -> None:
    images, _ = digits(40)
    readings = tiny_detector_any.inspect(images / np.float32(255))

    review = judge(tmp_path / "batch", tiny_detector_any, folder_of(tmp_path / "pile", images))

    assert [Path(source).name for source in review.source] == [f"{i:04d}.png" for i in range(40)]
    np.testing.assert_allclose(review.score, readings.scores["fused"], rtol=1e-5)
    np.testing.assert_array_equal(review.p_value, readings.p_values["fused"])
    np.testing.assert_array_equal(review.digits, np.stack(list(readings.digits.values()), axis=1))
    np.testing.assert_array_equal(review.flagged, readings.class_id(POINT).astype(bool))
    np.testing.assert_array_equal(review.store.pictures([39, 0, 17]), readings.images[[39, 0, 17]])


def test_a_stack_and_the_same_images_as_files_give_the_same_rows(tmp_path: Path, tiny_detector_any: Detector) -> None:
    images, _ = digits(20)
    images[3] = 255 - images[3]
    np.save(tmp_path / "pile.npy", images)

    stack = judge(tmp_path / "stack", tiny_detector_any, tmp_path / "pile.npy")
    files = judge(tmp_path / "files", tiny_detector_any, folder_of(tmp_path / "pile", images), manner=TOGETHER)

    rows = list(range(20))
    np.testing.assert_array_equal(stack.store.pictures(rows), files.store.pictures(rows))
    np.testing.assert_array_equal(stack.boxes, files.boxes)
    np.testing.assert_array_equal(stack.p_value, files.p_value)


@pytest.mark.parametrize("lie", ["off centre", "dark on light", "both", "enlarged", "shares"])
def test_training_and_a_batch_make_the_same_of_the_same_digits(
    lie: str, tmp_path: Path, tiny_detector_any: Detector
) -> None:
    images, labels = digits(12)
    moved = np.roll(images, (2, -3), axis=(1, 2))
    ways = {"off centre": moved, "dark on light": 255 - images, "both": 255 - moved, "shares": moved / 254.7}
    np.savez(tmp_path / "a.npz", images=ways.get(lie, np.kron(images, np.ones((1, 2, 2), np.uint8))), labels=labels)
    own = datasets.load(f"npz:{tmp_path / 'a.npz'}", "all")

    review = judge(tmp_path / "batch", tiny_detector_any, tmp_path / "a.npz")

    assert review.p_value.tolist() == tiny_detector_any.scores(own.images).p_values["fused"].tolist()


def test_a_sheet_of_digits_gives_a_row_each_in_reading_order_with_its_box_or_is_one_digit(
    tmp_path: Path, tiny_detector_any: Detector
) -> None:
    page, boxes = sheet("0123456789", columns=4)
    page.save(tmp_path / "sheet.png")

    review = judge(tmp_path / "batch", tiny_detector_any, tmp_path / "sheet.png")

    assert len(review) == 10
    assert set(review.item) == {0}
    np.testing.assert_allclose(review.boxes, boxes, atol=6)
    assert len(judge(tmp_path / "one", tiny_detector_any, tmp_path / "sheet.png", manner=TOGETHER)) == 1


def test_a_stopped_batch_goes_on_to_the_same_rows(tmp_path: Path, tiny_detector_any: Detector) -> None:
    pile = sources.places([folder_of(tmp_path / "pile", digits(30)[0])])
    straight, stopped = begin(tmp_path / "straight", tiny_detector_any), begin(tmp_path / "stopped", tiny_detector_any)
    asked = iter([False] * 12 + [True])

    list(run(straight, pile, tiny_detector_any))
    list(run(stopped, pile, tiny_detector_any, stop=lambda: next(asked)))
    assert stopped.done == (12, 12)
    assert not stopped.finished
    list(run(stopped, pile, tiny_detector_any))

    first, second = Review(straight, Rule(POINT)), Review(stopped, Rule(POINT))
    assert stopped.finished
    assert first.source.tolist() == second.source.tolist()
    np.testing.assert_allclose(first.score, second.score, rtol=1e-5)


def test_a_command_goes_on_where_it_was_interrupted_and_killed_and_loses_and_doubles_nothing(
    tmp_path: Path, state_dir: Path, tiny_shelf: tuple[str, str]
) -> None:
    np.save(tmp_path / "pile.npy", np.concatenate([digits(390)[0]] * TIMES))
    command = [sys.executable, "-m", "core", "batch", str(tmp_path / "pile.npy"), "--model", "tiny-any"]
    command += ["--output", str(tmp_path / "found.csv"), "--no-history"]
    said = []

    def parts() -> int:
        return len(list(state_dir.glob("batches/*/part-*.parquet")))

    for how, code in ((signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)):
        before = parts()
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # tests started with & inherit a deaf ear
        )
        while process.poll() is None and parts() == before:
            time.sleep(0.02)
        process.send_signal(how)
        said.append(process.communicate()[1])
        assert not (tmp_path / "found.csv").exists(), "it was over before it could be ended"
        assert process.returncode == code
    last = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)

    assert "the same command goes on where it was" in said[0]
    assert "Traceback" not in said[0]
    assert "Going on after" in said[1]
    assert "Going on after" in last.stderr
    lines = (tmp_path / "found.csv").read_text().splitlines()[1:]
    assert [int(line.split(",")[0]) for line in lines] == list(range(1, TIMES * 390 + 1))
    assert [line.split(",")[1].rsplit("#")[1] for line in lines] == [str(i) for i in range(1, TIMES * 390 + 1)]
    assert not list(state_dir.glob("batches/*")), "what a finished command leaves behind"


def test_neither_two_processes_nor_two_models_work_on_one_batch(
    tmp_path: Path, tiny_detector: Detector, tiny_detector_any: Detector
) -> None:
    store = begin(tmp_path / "batch", tiny_detector_any)
    pile = sources.places([folder_of(tmp_path / "pile", digits(2)[0])])

    with store.alone(), pytest.raises(BatchError, match="being worked on already"):
        list(run(store, pile, tiny_detector_any))
    with pytest.raises(BatchError, match="has changed since"):
        list(run(store, pile, tiny_detector))


def test_progress_knows_how_much_is_left(
    tmp_path: Path, tiny_detector_any: Detector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.batch.run.TOGETHER", 4)
    pile = sources.places([folder_of(tmp_path / "pile", digits(10)[0])])
    store = begin(tmp_path / "batch", tiny_detector_any)
    object.__setattr__(store.job, "total", 10)

    seen = list(run(store, pile, tiny_detector_any))

    assert [(progress.items, progress.rows) for progress in seen] == [(4, 4), (8, 8), (10, 10)]
    assert [progress.fraction for progress in seen] == [0.4, 0.8, 1.0]
    assert [progress.seconds_left for progress in seen] == pytest.approx(
        [seen[0].seconds * 6 / 4, seen[1].seconds * 2 / 8, 0.0]
    )


def test_an_unchanged_pile_has_the_same_key_and_a_changed_one_another(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "pile", digits(3)[0])
    before = key(sources.places([folder]), "hash", "fused", AS_FOUND)

    assert key(sources.places([folder]), "hash", "fused", AS_FOUND) == before
    assert key(sources.places([folder]), "hash", "pixel", AS_FOUND) != before
    (folder / "0001.png").write_bytes(b"changed")
    assert key(sources.places([folder]), "hash", "fused", AS_FOUND) != before


def test_a_batch_with_a_gap_is_begun_anew_and_never_shown_as_whole(
    tmp_path: Path, tiny_detector_any: Detector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.batch.run.TOGETHER", 4)
    places = sources.places([folder_of(tmp_path / "pile", digits(10)[0])])
    store = begin(tmp_path / "batch", tiny_detector_any)
    list(run(store, places, tiny_detector_any))
    store.parts[1].unlink()

    with pytest.raises(BatchError, match="rows after 4 are missing"):
        Review(store, Rule(POINT))
    again = resume(store.folder, Job("a pile", POINT), tiny_detector_any)
    list(run(again, places, tiny_detector_any))

    assert len(Review(again, Rule(POINT))) == 10


def test_a_flipped_bit_in_a_part_is_found(tmp_path: Path, tiny_detector_any: Detector) -> None:
    review = judge(tmp_path / "batch", tiny_detector_any, folder_of(tmp_path / "pile", digits(10)[0]))
    (part,) = review.store.parts
    whole = part.read_bytes()
    # In the rows, in what Parquet says of them at the end, and in how many items they are.
    for at in (len(whole) // 3, len(whole) - 200, whole.rindex(b"items") + 7):
        part.write_bytes(whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :])

        with pytest.raises(BatchError, match="is damaged"):
            list(review.store.tables())


def test_a_flipped_bit_in_what_a_batch_was_asked_or_calibrated_on_is_found(
    tmp_path: Path, tiny_detector_any: Detector
) -> None:
    store = begin(tmp_path / "batch", tiny_detector_any)
    scores, job = store.folder / "calibration.npy", store.folder / "job.json"
    scores.write_bytes(scores.read_bytes()[:-3] + b"\x40" + scores.read_bytes()[-2:])
    with pytest.raises(BatchError, match="checksum of its calibration differs"):
        _ = store.calibration

    job.write_text(job.read_text().replace('"alpha": 0.', '"alpha": 0.1', 1))
    with pytest.raises(BatchError, match="its checksum differs"):
        Store(store.folder)


def test_a_batch_of_before_there_were_checksums_is_read(tmp_path: Path, tiny_detector_any: Detector) -> None:
    review = judge(tmp_path / "batch", tiny_detector_any, folder_of(tmp_path / "pile", digits(4)[0]))
    (part,) = review.store.parts
    part.rename(part.with_name("part-000000000000.parquet"))
    job = review.store.folder / "job.json"
    data = json.loads(job.read_text())
    job.write_text(json.dumps({key: value for key, value in data.items() if key not in ("checksum", "calibration")}))

    again = Review(Store(review.store.folder), Rule(POINT))

    np.testing.assert_array_equal(again.p_value, review.p_value)
    assert again.threshold == review.threshold


def test_a_deleted_batch_does_not_come_back(tmp_path: Path, tiny_detector_any: Detector) -> None:
    store = begin(tmp_path / "batch", tiny_detector_any)
    steps = run(store, sources.places([folder_of(tmp_path / "pile", digits(3)[0])]), tiny_detector_any)
    store.delete()

    with pytest.raises(BatchError, match="deleted"):
        list(steps)
    assert not store.folder.exists()


def test_faint_strokes_left_out_and_folds_closed_are_counted_over_all_that_was_judged(
    tmp_path: Path, tiny_detector_any: Detector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.batch.run.TOGETHER", 1)
    page = Image.new("L", (300, 300), 255)
    pen = ImageDraw.Draw(page)
    pen.line([(100, 40), (70, 160), (180, 160)], fill=0, width=14)
    page.save(tmp_path / "plain.png")
    for name, picture in {
        "faint": beside_a_faint_stroke(),
        "faint too": beside_a_faint_stroke(),
        "folded": folded(),
    }.items():
        picture.save(tmp_path / f"{name}.png")
    files = [tmp_path / f"{name}.png" for name in ("faint", "plain", "folded", "faint too")]

    plain = judge(tmp_path / "batch", tiny_detector_any, *files)
    asked = judge(tmp_path / "asked", tiny_detector_any, *files, manner=Manner(together=True, faint=True))

    assert plain.store.notes == (Note("faint", 2), Note("fold", 1))
    assert asked.store.notes == (Note("fold", 1),)
    assert asked.store.job.manner == Manner(together=True, faint=True)


def test_notes_of_before_they_had_a_kind_are_read_still(tmp_path: Path, tiny_detector_any: Detector) -> None:
    store = begin(tmp_path / "batch", tiny_detector_any)
    said = "Gaps that are cut straight, as by a fold, were closed in one picture."
    (store.folder / "notes.txt").write_text(f"{said}\n3 files were left out.\n3 files were left out.\n")
    store.note("Two lines\nas one.")

    assert store.notes == (Note("fold", 1), Note(text="3 files were left out."), Note(text="Two lines as one."))
    assert str(store.notes[0]) == said


def test_a_batch_begun_when_one_digit_a_picture_was_called_whole_is_read_so_still() -> None:
    job = Job("a pile", POINT, None, ("1",), "hash", manner=Manner(together=True, full=True))
    old = json.loads(job.to_json())
    del old["manner"], old["checksum"]

    assert Job.from_json(json.dumps(old | {"whole": True})) == job
