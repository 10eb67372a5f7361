"""Every format gives the digits that were written, with their labels, in their order where they have one."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from core.readers import sources
from tests.support import formats
from tests.support.formats import WRITERS, N, images_of, read
from tests.support.piles import digits

# Their lines are counted without being read, so that what is no digit in them counts as one.
BY_LINES = (
    formats.write_csv_after_blank_lines,
    formats.write_csv_of_excel_with_decimal_commas,
    formats.write_quoted_csv,
    formats.write_utf16_csv_without_its_mark,
)


@pytest.mark.parametrize("write", WRITERS, ids=lambda write: write.__name__.removeprefix("write_"))
def test_every_format_gives_the_digits_that_were_written_with_their_labels(
    write: Callable[[Path, np.ndarray, np.ndarray], Path], tmp_path: Path
) -> None:
    images, labels = digits(N)
    path = write(tmp_path, images, labels)

    items = [item for item in read(path) if not item.note]

    read_back = [(item.label, image.tobytes()) for item, image in zip(items, images_of(items), strict=True)]
    written = [(str(label), image.tobytes()) for label, image in zip(labels, images, strict=True)]
    if path.is_dir():
        assert sorted(read_back) == sorted(written)
    else:
        assert read_back == written
    assert abs(sources.count(sources.places([path])) - N) <= 3 * (write in BY_LINES)
