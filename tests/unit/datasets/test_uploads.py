"""One's own pictures as a data set."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from core import datasets, ink
from core.datasets import uploads
from core.errors import DatasetError
from tests.support.piles import digits, png


def picture_of_seven() -> bytes:
    picture = Image.new("L", (80, 80), 255)
    ImageDraw.Draw(picture).text((24, 10), "7", fill=0, font_size=56)
    return png(picture)


def test_an_uploaded_picture_is_the_ink_image_that_would_be_judged() -> None:
    upload = uploads.keep([("7.png", picture_of_seven())], "seven", "anna")

    [image] = datasets.load(upload.dataset, "all").images

    assert np.array_equal(image, ink.read(picture_of_seven(), name="7.png", split=False).images[0])


def test_too_many_pictures_are_refused_before_any_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "MOST_PICTURES", 2)

    with pytest.raises(DatasetError, match="3 files; at most 2"):
        uploads.keep([(f"{i}.png", b"") for i in range(3)], "mine", "anna")


def test_on_a_shared_server_a_models_file_opens_public_sets_and_uploads_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    secret = tmp_path / "secret.npz"
    np.savez(secret, images=digits(10)[0])
    assert len(uploads.load(f"npz:{secret}", "all", "anna")) == 10, "on one's own machine it is one's own file"

    monkeypatch.setenv("ODD_DIGIT_SHARED", "1")
    upload = uploads.keep([("7.png", picture_of_seven())], "seven", "anna")

    for name in (f"npz:{secret}", f"folder:{tmp_path}", f"npz:{uploads.folder('anna')}/../../secret.npz"):
        with pytest.raises(DatasetError, match="files of a shared server are not opened"):
            uploads.load(name, "all", "anna")
    assert len(uploads.load(upload.dataset, "all", "anna")) == 1
    with pytest.raises(DatasetError, match="files of a shared server are not opened"):
        uploads.load(upload.dataset, "all", "ben")
    assert len(uploads.load("digits", "test", "anna")) == 397
