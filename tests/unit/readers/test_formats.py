"""Every format gives the digits that were written, with their labels, in their order where they have one."""

from pathlib import Path

import pytest

from core.readers import sources
from tests.support.formats import WRITERS, N, images_of, read
from tests.support.piles import digits

# Their lines are counted without being read, so that what is no digit in them counts as one.
BY_LINES = (
    "CSV after blank lines",
    "CSV of Excel with decimal commas",
    "CSV, quoted",
    "CSV in UTF-16 without its mark",
)


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_gives_the_digits_that_were_written_with_their_labels(name: str, tmp_path: Path) -> None:
    images, labels = digits(N)
    path = WRITERS[name](tmp_path, images, labels)

    items = [item for item in read(path) if not item.note]

    read_back = [(item.label, image.tobytes()) for item, image in zip(items, images_of(items), strict=True)]
    written = [(str(label), image.tobytes()) for label, image in zip(labels, images, strict=True)]
    if path.is_dir():
        assert sorted(read_back) == sorted(written)
    else:
        assert read_back == written
    assert abs(sources.count(sources.places([path])) - N) <= 3 * (name in BY_LINES)
