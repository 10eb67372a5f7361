"""The style sheet's selectors are of elements that the pages have."""

import re

from core import paths


def test_every_key_that_the_style_names_is_a_key_of_an_element() -> None:
    style = (paths.ASSETS / "style.html").read_text(encoding="utf-8")
    pages = "\n".join(file.read_text(encoding="utf-8") for file in (paths.ROOT / "pages").rglob("*.py"))
    keys = set(re.findall(r'"([\w-]+)"', pages))  # some are chosen, or handed on, before they are a key

    assert [name for name in re.findall(r"\.st-key-([\w-]+)", style) if name not in keys] == []
