"""What leaves a batch opens elsewhere: spreadsheets without formulas, pandas with pictures, a zip, the history."""

import csv
import io
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from core import paths
from core.batch import export
from core.batch.findings import Review
from core.detector import Detector
from core.errors import BatchError
from core.history import Filter, History
from core.operating_point import DISTANCES, EVIDENCES, OperatingPoint
from core.readers.items import Manner
from tests.support.judging import judged_batch
from tests.support.piles import digits, png

POINT = OperatingPoint("tiny-any", "fused", 0.2)
FORMULAS = ["=cmd|' !A0.png", "+1.png", "-2.png", "@sum.png"]


@pytest.fixture
def pile(tmp_path: Path) -> Path:
    images, labels = digits(12)
    folder = tmp_path / "pile"
    for i, (image, label) in enumerate(zip(images, labels, strict=True)):
        (folder / str(label)).mkdir(parents=True, exist_ok=True)
        (folder / str(label) / f"{i:02d}.png").write_bytes(png(image))
    (folder / "broken.png").write_bytes(b"no picture")
    return folder


@pytest.fixture
def review(tmp_path: Path, pile: Path, tiny_detector_any: Detector) -> Review:
    return judged_batch(tmp_path / "batch", tiny_detector_any, POINT, pile)


def test_the_table_holds_every_row_in_the_piles_order(review: Review, tmp_path: Path) -> None:
    export.write(review, tmp_path / "found.csv")

    with (tmp_path / "found.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert [int(line["number"]) for line in lines] == list(range(1, 14))
    assert [line["source"] for line in lines] == review.source.tolist()
    assert [line["verdict"] == "anomaly" for line in lines] == review.flagged.tolist()
    assert [line["label"] for line in lines if not line["error"]] == [label for label in review.label if label]
    judged = [line for line in lines if not line["error"]]
    assert [line["label_disagrees"] for line in judged] == [
        "" if np.isnan(p) else "yes" if p <= POINT.alpha else "no" for p in review.labels.p_value[review.judged]
    ]
    refused = next(line for line in lines if line["error"])
    assert (refused["verdict"], refused["p_value"], refused["class_id"]) == ("refused", "", "")
    np.testing.assert_array_equal(
        [float(line["p_value"]) for line in lines if line["p_value"]], review.p_value[review.judged]
    )


@pytest.mark.parametrize("name", FORMULAS)
def test_a_file_named_like_a_formula_opens_as_text(
    name: str, tmp_path: Path, tiny_detector_any: Detector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(name).write_bytes(png(digits(1)[0][0]))
    text = io.StringIO(newline="")

    export.export_csv(judged_batch(tmp_path / "batch", tiny_detector_any, POINT, Path(name)), text)

    (line,) = csv.DictReader(io.StringIO(text.getvalue()))
    assert line["source"] == f"'{name}"


def test_pandas_reads_the_parquet_with_its_pictures(review: Review, tmp_path: Path) -> None:
    export.write(review, tmp_path / "found.parquet")

    table = pd.read_parquet(tmp_path / "found.parquet")
    assert table["number"].tolist() == list(range(1, 14))
    judged = table[table["verdict"] != "refused"]
    images = review.store.pictures([int(number) - 1 for number in judged["number"]])
    opened = np.stack([np.asarray(Image.open(io.BytesIO(data))) for data in judged["image"]])
    np.testing.assert_array_equal(opened, np.rint(images * 255).astype(np.uint8))
    assert table[table["verdict"] == "refused"]["image"].isna().all()


def test_nothing_is_drawn_for_a_table_unless_it_is_full_and_its_numbers_are_the_same(
    review: Review, tmp_path: Path, pile: Path, tiny_detector_any: Detector
) -> None:
    full = judged_batch(tmp_path / "full", tiny_detector_any, POINT, pile, manner=Manner(full=True))
    export.write(full, tmp_path / "full.parquet")
    export.write(review, tmp_path / "found.parquet")
    export.write(review, tmp_path / "found.csv")

    whole, table = (pd.read_parquet(tmp_path / f"{name}.parquet") for name in ("full", "found"))
    assert list(whole.columns) == [*export.COLUMNS, *export.PICTURES]
    assert not table.isna()[table["verdict"] != "refused"][["score_fused", "p_value_manifold", "image"]].any(axis=None)
    pd.testing.assert_frame_equal(table, whole[table.columns])
    assert list(pd.read_csv(tmp_path / "found.csv").columns) == [name for name in table.columns if name != "image"]
    readings = tiny_detector_any.inspect(full.store.pictures(np.flatnonzero(full.judged).tolist()))
    judged = whole[whole["verdict"] != "refused"]
    np.testing.assert_array_equal(judged["score_pixel"], readings.scores["pixel"])
    drawn = np.stack([np.asarray(Image.open(io.BytesIO(data))) for data in judged["reconstruction"]])
    np.testing.assert_allclose(drawn / 255, readings.reconstruction, atol=0.5 / 255 + 1e-6)


def test_an_evidence_that_needs_a_drawing_has_every_digit_drawn(
    tmp_path: Path, pile: Path, tiny_detector_any: Detector
) -> None:
    by_pixels = judged_batch(tmp_path / "batch", tiny_detector_any, OperatingPoint("tiny-any", "pixel", 0.2), pile)

    assert list(export.columns_of(by_pixels)) == [*export.COLUMNS, *export.PICTURES]
    assert {len(verdict.scores) for verdict in export.verdicts(by_pixels)} == {len(EVIDENCES)}


def test_an_exported_parquet_is_a_pile_again_with_the_same_verdicts(
    review: Review, tmp_path: Path, tiny_detector_any: Detector
) -> None:
    export.write(review, tmp_path / "found.parquet")

    again = judged_batch(tmp_path / "again", tiny_detector_any, POINT, tmp_path / "found.parquet")

    assert again.flagged.tolist() == review.flagged.tolist()
    assert again.label.tolist() == review.label.tolist()


def test_the_zip_holds_the_flagged_digits_under_their_numbers_and_their_lines(review: Review, tmp_path: Path) -> None:
    export.write(review, tmp_path / "flagged.zip")

    with zipfile.ZipFile(tmp_path / "flagged.zip") as archive:
        names = archive.namelist()
        table = pd.read_csv(io.BytesIO(archive.read("digits.csv")))
        pictures = [name for name in names if name.endswith(".png")]
        sizes = {Image.open(io.BytesIO(archive.read(name))).size for name in pictures}
    assert review.flagged.any()
    assert sorted(int(name[:6]) - 1 for name in pictures) == np.flatnonzero(review.flagged).tolist()
    assert table["number"].tolist() == [row + 1 for row in review.order("flagged")]
    assert sizes == {(28, 28)}


def test_another_suffix_is_refused_with_the_ones_there_are(review: Review, tmp_path: Path) -> None:
    with pytest.raises(BatchError, match=r"\.csv, \.parquet or \.zip"):
        export.write(review, tmp_path / "found.xlsx")


def test_the_history_takes_every_judged_digit_once(review: Review) -> None:
    export.keep(review)
    export.keep(review)

    history = History(visitor="ann")
    assert history.count().judged == int(review.judged.sum())
    assert history.count(Filter(source_kind="batch")).anomalies == int(review.flagged.sum())
    images = review.store.pictures(np.flatnonzero(review.judged).tolist())
    kept = {verdict.source: verdict for verdict in history.browse(limit=50)}
    for row, image in zip(np.flatnonzero(review.judged), images, strict=True):
        verdict = kept[f"batch: {review.source[row]}"]
        np.testing.assert_array_equal(verdict.image, image)
        assert verdict.p_value == review.p_value[row]
        assert set(verdict.scores) == set(DISTANCES)
        assert list(verdict.digits) == list(review.normal)
        assert verdict.class_id == int(review.flagged[row])


def test_every_column_is_explained_once_in_the_order_of_the_table_and_in_the_readme() -> None:
    assert [name for names, _ in export.MEANINGS for name in names] == list(export.COLUMNS)
    assert export.explained() in (paths.ROOT / "README.md").read_text(encoding="utf-8")
