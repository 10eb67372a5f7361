"""Phrases that every page, command and file shares: verdicts, shares of digits, durations."""

import difflib
import math
import re
from collections.abc import Iterable, Sequence

LONGEST_TEXT = 500
NO_DIGIT = "no digit"  # what ink is read as, or labelled by hand, that is none
# What moves a terminal's cursor, breaks a line, or turns the direction of what is read.
_MOVES = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
HARDLY_NORMAL = 0.15  # a p-value that an anomaly at another threshold would have, said even where the digit passes


def say_verdict(anomaly: bool, reads_as: tuple[str, ...] | None = None, p_value: float = 1.0, only: str = "") -> str:
    """The verdict in a word or a few, with the digits that the ink could be.

    Args:
        anomaly: the verdict.
        reads_as: the prediction set, most plausible first; None for a model of one digit, which has none.
        p_value: of the image, if a digit that is hardly normal is to be called so.
        only: normal digits in the plural, where a network that knows others reads another; empty where none does.

    >>> say_verdict(True), say_verdict(False), say_verdict(False, ("4", "9")), say_verdict(False, only="normal 5s")
    ('Anomaly', 'Normal', 'Normal: reads as 4 or 9', 'Normal for a network that knows only 5s')
    >>> say_verdict(False, ("8",), 0.069)
    'Normal: reads as 8, but on the odd side'
    """
    if only and not anomaly:
        return f"Normal for a network that knows only {only.removeprefix('normal ')}"
    if anomaly or not reads_as:
        return "Anomaly" if anomaly else "Normal"
    odd = ", but on the odd side" if p_value <= HARDLY_NORMAL else ""
    return f"Normal: reads as {either(reads_as)}{odd}"


def visible(text: object, keep: str = "") -> str:
    r"""Text of a person's, fit to be shown anywhere: nothing in it acts, and nothing in it hides what it says.

    Args:
        text: a name, or a sentence that names something.
        keep: line ends and tabs that may stay.

    >>> visible("7" + chr(27) + "[2J" + chr(0x202E) + "gnp.png")
    '7�[2J�gnp.png'
    """
    return _MOVES.sub(lambda match: match[0] if match[0] in keep else "\ufffd", str(text))


def either(names: Sequence[str], joined: str = "or") -> str:
    """Names of which one is meant, or all that are ``joined`` by "and"; empty where there is none.

    >>> either(("4",)), either(("4", "7", "9")), either(("4", "7", "9"), "and"), either(())
    ('4', '4, 7 or 9', '4, 7 and 9', '')
    """
    return f" {joined} ".join(part for part in (", ".join(names[:-1]), *names[-1:]) if part)


def did_you_mean(name: str, there: Iterable[str]) -> str:
    """A question for who has mistyped a name, with a blank at its end; empty where nothing is near.

    >>> did_you_mean("minst", ("mnist", "usps")), did_you_mean("letters", ("mnist", "usps"))
    ("Did you mean 'mnist'? ", '')
    """
    close = difflib.get_close_matches(name.lower(), there, n=1)
    return f"Did you mean '{close[0]}'? " if close else ""


def one_of(name: str) -> str:
    """A digit's name with its article.

    >>> one_of("8"), one_of("4 or 9"), one_of("no digit")
    ('an 8', 'a 4 or 9', 'no digit')
    """
    if name == NO_DIGIT:
        return name
    return f"an {name}" if name.startswith("8") else f"a {name}"


def name_normals(normal: tuple[str, ...]) -> str:
    """Normal digits in the plural.

    >>> name_normals(("5",)), name_normals(("0", "5")), name_normals(tuple("0123456789")), name_normals(("digit",))
    ('normal 5s', 'normal 0s and 5s', 'normal digits', 'normal digits')
    """
    if set(normal) == set("0123456789"):
        return "normal digits"
    names = [f"{name}s" if len(name) == 1 or name == "digit" else f"“{name}”" for name in normal]
    return f"normal {either(names, 'and')}"


def say_normal(normal: tuple[str, ...]) -> str:
    """What a model takes for normal, and what it therefore flags.

    >>> say_normal(("5",))
    'only 5s are normal, every other digit is odd'
    >>> say_normal(tuple("0123456789"))
    'any digit is normal, odd is what looks like none'
    """
    if set(normal) == set("0123456789"):
        return "any digit is normal, odd is what looks like none"
    return f"only {name_normals(normal).removeprefix('normal ')} are normal, every other digit is odd"


def say_oddness(p_value: float, normals: str, n: int | None = None) -> str:
    """What a p-value means, as everything says it: the share of normal digits that look at least this odd.

    Args:
        p_value: 0 .. 1.
        normals: the normal digits, as ``name_normals`` gives them.
        n: how many of them it was measured against; a digit odder than all of them has the p-value 1 / (n + 1).

    >>> say_oddness(0.026, "normal 5s"), say_oddness(1.0, "normal digits")
    ('2.6 % of normal 5s look at least this odd', 'All normal digits look at least this odd')
    >>> say_oddness(1 / 1085, "normal 5s", 1084)
    'At most 0.092 % of normal 5s look at least this odd'
    """
    rarity = "All" if p_value >= 1 else f"{say_rarity(p_value, n)} of"
    return f"{rarity[0].upper()}{rarity[1:]} {normals} look at least this odd"


def say_rarity(p_value: float, n: int | None = None) -> str:
    """How many look at least this odd, in as few words as there are; arguments as of ``say_oddness``.

    >>> say_rarity(0.026, 1084), say_rarity(1 / 1085, 1084)
    ('2.6 %', 'at most 0.092 %')
    """
    most = "at most " if n is not None and p_value <= 1 / (n + 1) else ""
    return most + say_share(p_value)


def say_share(share: float) -> str:
    """A share as it is said everywhere: percent with one decimal, two digits towards 0, one of the rest towards 100 %.

    ``percent`` of assets/explorer/explorer.js says it alike.

    >>> say_share(0.05), say_share(0.637), say_share(0.99925), say_share(0.00083), say_share(1.0), say_share(3e-19)
    ('5 %', '63.7 %', '99.92 %', '0.083 %', '100 %', '0 %')
    """
    percent = 100 * share if share >= 1 else min(100 * share, 99.99)  # whatever is not all is not said to be
    rest = min(percent, 100 - percent)
    decimals = (percent < 50) - math.floor(math.log10(rest)) if 1e-6 < rest < 0.995 else 1  # less is nothing
    return f"{percent:.{decimals}f}".rstrip("0").rstrip(".") + " %"


def say_p_value(p_value: float) -> str:
    """A p-value in three digits, without exponents.

    >>> say_p_value(0.0261484), say_p_value(1 / 12001), say_p_value(1.0)
    ('0.0261', '0.0000833', '1')
    """
    return f"{p_value:.{3 - math.ceil(math.log10(p_value) + 1e-12)}f}".rstrip("0").rstrip(".")


def say_nearest(asked: float, kept: float) -> str:
    """Why a threshold stands at another rate than was asked for; empty where nobody sees a difference.

    >>> say_nearest(0.05, 0.0489), say_nearest(0.05, 0.0498)
    ('the nearest to 5 % that keeps it', '')
    """
    return "" if say_share(asked) == say_share(kept) else f"the nearest to {say_share(asked)} that keeps it"


def say_duration(seconds: float) -> str:
    """A time to wait, as exactly as anyone can know it.

    >>> say_duration(0.4), say_duration(47), say_duration(165), say_duration(3000), say_duration(9000)
    ('1 s', '47 s', '2 min 40 s', '50 min', '2 h 30 min')
    """
    whole = max(round(seconds), 1)
    if whole < 60:
        return f"{whole} s"
    if whole < 600:
        minutes, rest = divmod(whole // 10 * 10, 60)
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(round(whole / 60), 60)
    return (f"{hours} h {minutes} min" if minutes else f"{hours} h") if hours else f"{minutes} min"


def say_refusal(name: str, why: str) -> str:
    """Why something cannot be used, with its name where the reason does not begin with that.

    >>> say_refusal("a.png", "a.png is empty."), say_refusal("b.png", "lies in no folder named 5")
    ('a.png is empty.', 'b.png: lies in no folder named 5')
    """
    return why if why.startswith(name) else f"{name}: {why}"


def clean_text(text: str) -> str:
    """Text that a database, a spreadsheet and a terminal can show: what acts is replaced, 500 characters at most.

    >>> clean_text("five" + chr(0xDC80) + ".png" + chr(27))
    'five�.png�'
    """
    return visible(text[:LONGEST_TEXT])
