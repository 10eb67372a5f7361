"""Opening a page as Streamlit runs it, and reading what stands on it."""

import re

from streamlit.testing.v1 import AppTest

from core import paths


def open_page(file: str, **query: str | list[str]) -> AppTest:
    """Run a page, such as ``pages/3_Batch.py``, with a link's query; it must not raise."""
    page = AppTest.from_file(str(paths.ROOT / file), default_timeout=180)
    for key, value in query.items():
        page.query_params[key] = value
    return checked(page.run())


def checked(page: AppTest) -> AppTest:
    """The page, which must not have raised."""
    assert [error.message for error in page.exception] == []
    return page


def text(page: AppTest) -> str:
    """All that is said on the page, a line each, as a reader sees it: without escapes of Markdown."""
    kinds = (page.markdown, page.caption, page.info, page.warning, page.error, page.success)
    return as_read("\n".join(str(element.value) for kind in kinds for element in kind))


def as_read(markdown: str) -> str:
    """Markdown without its escapes, as a reader sees it."""
    return re.sub(r"\\([^\w\s])", r"\1", markdown)
