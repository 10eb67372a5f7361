"""Many pictures at once: which shape came from which file, and what could not be read."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.errors import InkError
from core.ink import read_many


def picture(folder: Path, name: str, strokes: int) -> Path:
    """A white page with so many upright strokes."""
    page = np.full((60, 60 * strokes), 255, np.uint8)
    for i in range(strokes):
        page[10:50, 60 * i + 28 : 60 * i + 33] = 0
    Image.fromarray(page).save(folder / name)
    return folder / name


def test_each_shape_of_a_folder_keeps_the_file_it_came_from(tmp_path: Path) -> None:
    one, three = picture(tmp_path, "b.png", 1), picture(tmp_path, "c.png", 3)
    (tmp_path / "a.txt").write_text("no picture")

    together = read_many(tmp_path)

    assert together.files == (str(one), *[str(three)] * 3)
    assert together.images.shape == (4, 28, 28)
    assert together.boxes[:, 0].tolist() == sorted(together.boxes[:, 0].tolist())
    assert [name for name, _ in together.refused] == [str(tmp_path / "a.txt")]


def test_a_list_is_read_in_its_order_and_a_sheet_is_one_shape_where_asked(tmp_path: Path) -> None:
    paths = [picture(tmp_path, "z.png", 2), picture(tmp_path, "a.png", 1)]

    assert read_many(paths, split=False).files == tuple(map(str, paths))
    assert len(read_many(str(paths[0])).images) == 2
    assert read_many([]).images.shape == (0, 28, 28)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InkError, match="nowhere: there is no such picture or folder"):
        read_many(tmp_path / "nowhere")
