"""Lines of tables in other manners than a cell a pixel: in single quotes, sparse, or with all pixels in one cell."""

import csv
import math
import re
from collections.abc import Callable, Sequence
from functools import partial

from core.readers.columns import is_square
from core.readers.stacks import FLAT_SIDES

ENOUGH = 20  # lines that show whether their pixels stand in one cell
_SPARSE = re.compile(r"\S+(\s+(qid|\d+):[-+.\deE]+)+\s*(#.*\s*)?")
_AROUND = re.compile(r"""[]\[()",;]|tensor|array""")  # numbers, as Python and its libraries print them
_NUMBER = re.compile(r"[-+.\d]\S*")


def rewriting(ahead: Sequence[str]) -> Callable[[str], str] | None:
    r"""What makes a line of a table one with a cell a pixel, by its first lines; None where they are so already.

    >>> rewriting(["emotion,pixels\n"] + [f"3,{' '.join(['0'] * 64)}\n"] * 3)("4,1 2\n")
    '4,1,2\n'
    """
    if most(ahead, lambda line: line.count("'") > 1 and '"' not in line):
        inner = rewriting([_double_quoted(line) for line in ahead])
        return _double_quoted if inner is None else lambda line: inner(_double_quoted(line))
    if most(ahead, _SPARSE.fullmatch):
        last = max(int(at) for line in ahead for at in re.findall(r"\s(\d+):", line))
        least = math.isqrt(max(last, 1) - 1) + 1
        return partial(_dense, side=next((side for side in FLAT_SIDES if side >= least), least))
    if most(ahead, lambda line: line.startswith("{")):
        return partial(_filled, count=ahead[0].count(",") + 1)
    ahead = ahead[-ENOUGH:]
    for separator in ";\t|,":
        rows = [cells_of(line, separator) for line in ahead if separator in line]
        for at in range(max(map(len, rows), default=0) if len(rows) > len(ahead) / 2 else 0):
            if most(rows, lambda row, at=at: at < len(row) and pixels_in(row[at])):
                count = next(len(pixels) for row in reversed(rows) if at < len(row) and (pixels := pixels_in(row[at])))
                return partial(_spread, separator=separator, at=at, count=count)
    return None


def pixels_in(text: str) -> list[str] | None:
    """The numbers of a text that are the pixels of a square image, as ``"0 0 12"`` or ``"[[0, 0], [12, 0]]"``."""
    if len(text) < 127:
        return None
    pixels = _AROUND.sub(" ", text).split()
    return pixels if is_square(len(pixels)) and all(map(_NUMBER.fullmatch, pixels)) else None


def most(things: Sequence[object], holds: Callable[..., object]) -> bool:
    """Whether something holds for more than half of some things."""
    return 2 * sum(bool(holds(thing)) for thing in things) > len(things) > 0


def _double_quoted(line: str) -> str:
    return line.replace("'", '"')


def cells_of(line: str, separator: str) -> list[str]:
    """A line's cells without their quotes, none where a quote has no end; a blank stands for any blanks and tabs."""
    if separator == " ":
        return line.split()
    try:
        return next(csv.reader([line], delimiter=separator), [])
    except csv.Error:
        return []


def _dense(line: str, side: int) -> str:
    """A line of LIBSVM, whose pixels are numbered from 1, those of 0 being left out; ``side`` squared there are."""
    label, *given = line.partition("#")[0].split()
    values = ["0"] * side**2
    for at, _, value in (pair.partition(":") for pair in given if not pair.startswith("qid:")):
        if not at.isdecimal() or not 0 < int(at) <= len(values):
            return line  # which is refused
        values[int(at) - 1] = value
    return ",".join([label, *values]) + "\n"


def _filled(line: str, count: int) -> str:
    """A line of sparse ARFF, whose cells are numbered from 0, those of 0 being left out."""
    cells = ["0"] * count
    for at, _, value in (pair.strip().partition(" ") for pair in line.strip("{} \r\n").split(",")):
        if not at.isdecimal() or int(at) >= count:
            return line  # the head, or what is refused
        cells[int(at)] = value
    return ",".join(cells) + "\n"


def _spread(line: str, separator: str, at: int, count: int) -> str:
    """A line with all pixels in one cell, after its other cells; of a head, their names."""
    cells = cells_of(line.rstrip("\r\n"), separator)
    if at >= len(cells):
        return line
    text = cells.pop(at)
    pixels = _AROUND.sub(" ", text).split()
    if not pixels or not _NUMBER.fullmatch(pixels[0]):
        pixels = [f"pixel{i}" for i in range(count)]
    return ",".join([*(cell.replace(",", " ") for cell in cells), *pixels]) + "\n"
