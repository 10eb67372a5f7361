"""Text that comes from a person, from a file or from a network: shown as it stands."""

import re

from core.words import visible

_MARKED = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>~$:&])")


def plain(text: object) -> str:
    r"""Text as it stands: nothing in it is taken for Markdown, and it stays on its line.

    >>> print(plain("a*b_[c].png"))
    a\*b\_\[c\]\.png
    >>> print(plain("one\n# two"))
    one \# two
    """
    return _MARKED.sub(r"\\\1", visible(" ".join(str(text).split())))
