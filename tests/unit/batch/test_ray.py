"""The Ray engine on a real local Ray: the local engine's p-values, and nothing lost or doubled when a worker dies."""

import os
import signal
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from core.batch import orientation, ray_engine, ray_partitions
from core.batch.findings import Review, Rule
from core.batch.notes import Note, added_up
from core.batch.run import begin, run
from core.batch.score import judge
from core.batch.store import Job, Store
from core.calibration.discoveries import discoveries
from core.detector import Detector
from core.errors import BatchError
from core.operating_point import OperatingPoint
from core.readers import sources
from core.readers.items import AS_FOUND, Manner
from core.readers.rows import read_item
from tests.support.pens import beside_a_faint_stroke
from tests.support.piles import digits, folder_of, idx

RULE = Rule(OperatingPoint("tiny-any", "fused", 0.1))


@pytest.fixture
def pile(tmp_path: Path) -> list[str]:
    """A folder of 20 pictures and an IDX file of 380 images with labels."""
    images, labels = digits(380)
    folder = folder_of(tmp_path / "pictures", images[:20])
    (folder / "0003.png").write_bytes(b"no picture")
    (tmp_path / "a-images-idx3-ubyte").write_bytes(idx(images))
    (tmp_path / "a-labels-idx1-ubyte").write_bytes(idx(labels.astype(np.uint8)))
    return [str(folder), str(tmp_path / "a-images-idx3-ubyte")]


def small_units(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_partitions, "UNIT_ROWS", 40)
    monkeypatch.setattr(ray_partitions, "UNIT_PICTURES", 8)


def test_units_cover_every_item_once_and_in_order(pile: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    small_units(monkeypatch)
    places = [place for name in pile for place in ray_partitions.places(name)]

    cut = ray_partitions.units(places)

    listed = [item.source for unit in cut for item in ray_partitions.items(unit)]
    assert listed == [item.source for item in sources.read(places)]
    assert [unit.order for unit in cut] == list(range(3 + 10))


def test_an_address_of_a_file_system_is_listed_and_read_like_a_path(
    pile: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    small_units(monkeypatch)
    places = ray_partitions.places(f"file://{pile[0]}")

    listed = [item for unit in ray_partitions.units(places) for item in ray_partitions.items(unit)]

    assert [place.name for place in places] == [f"file://{pile[0]}/{i:04d}.png" for i in range(20)]
    assert listed[1].picture.read() == (Path(pile[0]) / "0001.png").read_bytes()
    with pytest.raises(BatchError, match="cannot be listed"):
        ray_partitions.places(f"file://{pile[0]}/nothing-here")


@pytest.mark.ray
def test_a_worker_killed_in_the_middle_loses_and_doubles_nothing(
    pile: list[str], tiny_shelf: tuple[str, str], tiny_detector_any: Detector, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ray

    small_units(monkeypatch)
    items = [item for name in pile for item in sources.read(sources.places([Path(name)]))]
    rows = [row for at, item in enumerate(items) for row in read_item(at, item)]
    local = judge(rows, tiny_detector_any, "fused")
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    killed = []

    def kill_one() -> None:
        (victim, *_) = [pid for pid, name in descendants(os.getpid()) if name.startswith("ray::MapWorker")]
        os.kill(victim, signal.SIGKILL)
        killed.append(victim)

    try:
        store = None
        for step in ray_engine.run(pile, RULE, AS_FOUND, workers=2):
            if not killed:
                kill_one()
            store = step
        assert killed
        assert isinstance(store, Store)
    finally:
        ray.shutdown()

    review = Review(store, RULE)
    assert review.source.tolist() == local["source"].to_pylist()
    assert review.item.tolist() == local["item"].to_pylist()
    assert review.error.tolist() == local["error"].to_pylist()
    np.testing.assert_array_equal(review.p_value[review.judged], local["p_value_fused"].drop_null().to_numpy())
    assert review.summary.refused == 1


def test_units_that_are_written_already_are_not_judged_again(
    pile: list[str],
    tmp_path: Path,
    tiny_shelf: tuple[str, str],
    tiny_detector_any: Detector,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    small_units(monkeypatch)
    cut = ray_partitions.units([place for name in pile for place in ray_partitions.places(name)])
    actor = worker(tiny_shelf, str(tmp_path / "rows"))
    actor({"unit": np.array(cut, dtype=object)})

    assert ray_engine.written(str(tmp_path / "rows")) == set(range(len(cut)))
    assert list(ray_engine.score(cut, RULE, AS_FOUND, 1, str(tmp_path / "rows"))) == []


def test_what_is_said_of_a_batch_is_what_is_said_of_it_locally(
    tmp_path: Path, tiny_shelf: tuple[str, str], tiny_detector_any: Detector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(orientation, "SEVERAL", 1)
    monkeypatch.setattr(ray_partitions, "UNIT_ROWS", 40)
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for i in range(3):
        beside_a_faint_stroke().save(pictures / f"{i}.png")
    np.save(tmp_path / "a.npy", digits(120)[0].transpose(0, 2, 1))
    inputs = [pictures, tmp_path / "a.npy"]
    store = begin(tmp_path / "local", Job("", RULE.point, None), tiny_detector_any)
    for _ in run(store, sources.places(inputs), tiny_detector_any):
        pass
    cut = ray_partitions.units([place for name in inputs for place in ray_partitions.places(str(name))])
    worker(tiny_shelf, str(tmp_path / "rows"))({"unit": np.array(cut, dtype=object)})

    remarks = added_up(ray_engine.remarks(str(tmp_path / "rows"), tiny_detector_any))

    assert sorted(remarks) == sorted(store.notes)
    assert Note("faint", 3) in remarks
    assert "do they lie wrong" in remarks[-1].text


def test_the_tally_of_written_rows_is_benjamini_and_hochbergs(
    pile: list[str], tmp_path: Path, tiny_shelf: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    small_units(monkeypatch)
    cut = ray_partitions.units([place for name in pile for place in ray_partitions.places(name)])
    rows = str(tmp_path / "rows")
    worker(tiny_shelf, rows)({"unit": np.array(cut, dtype=object)})
    p_values = np.concatenate(
        [
            pq.read_table(file)["p_value_fused"].drop_null().to_numpy()
            for file in sorted((tmp_path / "rows").glob("*.parquet"))
        ]
    )

    for rate in (0.05, 0.2, 0.5, 0.9):
        counts = ray_engine.tally(rows, Rule(RULE.point, rate))
        expected = discoveries(p_values, rate)
        assert (counts["judged"], counts["refused"]) == (399, 1)
        assert counts["flagged"] == expected.sum()
        assert (p_values <= (counts["flagged_at"] or 0)).sum() == expected.sum()
    assert ray_engine.tally(rows, RULE)["flagged"] == (p_values <= 0.1).sum()


def test_an_output_that_holds_another_batch_is_left_alone(
    pile: list[str], tmp_path: Path, tiny_shelf: tuple[str, str]
) -> None:
    places = ray_partitions.places(pile[0])
    rows = str(tmp_path / "rows")
    ray_engine.claim(rows, places, RULE, AS_FOUND)
    ray_engine.claim(rows, places, RULE, AS_FOUND)

    with pytest.raises(BatchError, match="another batch"):
        ray_engine.claim(rows, places, RULE, Manner(whole=True))


def worker(tiny_shelf: tuple[str, str], rows: str) -> ray_engine.Actor:
    from core.detector import registry

    path = registry.find(tiny_shelf[1], "").path
    return ray_engine.Actor(path.name, path.read_bytes(), "fused", AS_FOUND, rows, readers=0)


def descendants(root: int) -> list[tuple[int, str]]:
    """Processes that this one started, directly or not, and what they call themselves."""
    parents, names = {}, {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(folder.name)] = int((folder / "stat").read_text(errors="replace").rpartition(")")[2].split()[1])
            names[int(folder.name)] = (folder / "cmdline").read_text(errors="replace").replace("\0", " ")
        except OSError:
            continue  # it has ended meanwhile

    def is_ours(pid: int) -> bool:
        return pid == root or (pid in parents and is_ours(parents[pid]))

    return [(pid, name) for pid, name in names.items() if pid != root and is_ours(pid)]
