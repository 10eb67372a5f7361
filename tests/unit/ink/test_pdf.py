"""PDF documents from strangers: each page a picture, and a clear word where there is none."""

import numpy as np
import pytest
from PIL import Image

from core.errors import InkError
from core.ink import pdf
from core.ink.pages import pages
from tests.support.piles import document

LOCK = b"/ID [<00> <00>] /Encrypt << /Filter /Standard /V 1 /R 2 /P -4 /O <%b> /U <%b> >>" % (b"11" * 32, b"22" * 32)


def test_pages_come_from_another_process_as_from_this_one_and_bear_their_number() -> None:
    data = document([Image.new("L", (300, 200), 90), Image.new("RGB", (200, 300), (250, 20, 20))])

    grey, red = pdf.pages(data, "scan.pdf")

    assert [total for total, _ in (grey, red)] == [2, 2]
    assert grey[1].shape == (1067, 1600)
    assert red[1].shape == (1600, 1067, 3)
    assert np.ptp(red[1][..., 0].astype(int) - red[1][..., 1]) == 0, "the colours are not in their order"
    for one, other in zip((grey, red), pdf._render(data, "scan.pdf"), strict=True):
        np.testing.assert_array_equal(one[1], other[1])
    assert [name for name, _ in pages(data, "scan.pdf")] == ["scan.pdf page 1", "scan.pdf page 2"]
    assert pdf.count(data) == 2


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"%PDF-1.7\n", "scan.pdf is a PDF that is damaged or incomplete"),
        (document([Image.new("L", (40, 30))])[:300], "scan.pdf is a PDF that is damaged or incomplete"),
        (
            document([Image.new("L", (40, 30))]).replace(b"trailer\n<<", b"trailer\n<< " + LOCK),
            "scan.pdf is a PDF that is locked with a password",
        ),
    ],
    ids=["a head alone", "the end is missing", "locked"],
)
def test_a_document_that_cannot_be_read_is_one_reason(data: bytes, said: str) -> None:
    ((name, error),) = pages(data, "scan.pdf")

    assert name == "scan.pdf"
    assert str(error).startswith(said)


def test_too_many_pages_are_refused_before_any_is_rendered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf, "MOST_PAGES", 1)

    with pytest.raises(InkError, match="has 2 pages"):
        next(pdf._render(document([Image.new("L", (40, 30))] * 2), "scan.pdf"))
