"""Drawn examples: digits as pen strokes, a broken one of each, a letter and a scribble, and files of them.

An example is strokes, not pixels, so that a canvas can take it over and a person can draw on.
"""

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

SIDE = 280
PEN = 18
_OVERSAMPLING = 4
Points = list[tuple[float, float]]

# Points x,y that the pen passes through, on a canvas of 280 x 280, stroke after stroke.
_DIGITS = {
    "0": "160,62 118,72 92,118 88,170 108,212 148,214 182,176 190,122 176,76 150,62",
    "1": "156,58 150,110 142,164 134,220",
    "2": "94,98 112,68 150,60 178,82 172,120 140,162 96,208; 96,208 140,204 192,212",
    "3": "98,76 134,58 172,72 172,106 134,132; 134,132 176,142 186,180 152,214 96,206",
    "4": "104,64 96,110 94,142 134,146 184,136; 180,60 172,130 162,218",
    "5": "116,68 108,100 102,132; 102,132 138,122 170,142 172,184 136,214 92,204; 116,68 150,66 188,58",
    "6": "164,58 124,98 98,150 104,200 142,216 172,190 160,156 128,156 104,184",
    "7": "90,76 134,74 186,66 166,116 142,168 126,220",
    "8": "172,84 142,60 110,80 122,114 156,144 168,186 138,216 106,194 122,150 160,112 172,84",
    "9": "170,84 138,62 104,86 108,122 142,128 170,92; 172,84 164,142 150,218",
}
# What makes each digit broken: ink that is missing (a stretch of the drawing, as shares of its length) or ink too many.
_GAPS = {"0": (0.42, 0.62), "2": (0.3, 0.5), "3": (0.34, 0.56), "5": (0.3, 0.52), "6": (0.3, 0.5)}
_GAPS |= {"8": (0.4, 0.6), "9": (0.5, 0.68)}
_EXTRA = {
    "1": "92,104 140,108 198,100",
    "4": "88,216 140,222 204,214",
    "5": "84,172 134,176 200,164",
    "7": "104,222 150,226 196,218",
}
_LETTER = "84,214 108,140 138,60 164,136 192,216; 104,156 140,152 176,156"
_SCRIBBLE = "80,90 180,70 100,150 200,130 90,200 190,190 130,60 150,220 210,90 84,140 170,170"

# The sample batch: each digit turned by so many degrees, some broken, and (digit, turn) lying in another's folder.
_TURNS = (-9, -3, 3, 9)
_BROKEN = ("3", "5", "8")
MISPLACED = {("4", 1): "9", ("7", 2): "1"}


@dataclass(frozen=True)
class Example:
    """Something to try.

    Attributes:
        name: what it is called on its button.
        strokes: points along each stroke, on a canvas of 280 x 280 pixels.
    """

    name: str
    strokes: list[Points]

    def picture(self) -> Image.Image:
        """Dark ink on white paper, 280 x 280, grey, anti-aliased."""
        big = Image.new("L", (SIDE * _OVERSAMPLING, SIDE * _OVERSAMPLING), 255)
        draw = ImageDraw.Draw(big)
        radius = PEN * _OVERSAMPLING / 2
        for stroke in self.strokes:
            scaled = [(x * _OVERSAMPLING, y * _OVERSAMPLING) for x, y in stroke]
            draw.line(scaled, fill=0, width=PEN * _OVERSAMPLING, joint="curve")
            for x, y in (scaled[0], scaled[-1]):
                draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=0)
        return big.resize((SIDE, SIDE), Image.Resampling.LANCZOS)


def for_normal(normal: tuple[str, ...]) -> tuple[Example, ...]:
    """Five examples that suit a model: a good digit, a broken one, another digit, a letter and a scribble.

    >>> [example.name for example in for_normal(("5",))]
    ['a 5', 'a broken 5', 'a 3', 'a letter', 'a scribble']
    """
    digit = next((name for name in normal if name in _DIGITS), "5") if len(normal) < 10 else "5"
    other = "3" if digit != "3" else "5"
    return (
        Example(f"{_article(digit)} {digit}", _smooth(_DIGITS[digit])),
        Example(f"a broken {digit}", _broken(digit)),
        Example(f"{_article(other)} {other}", _smooth(_DIGITS[other])),
        Example("a letter", _smooth(_LETTER)),
        Example("a scribble", _smooth(_SCRIBBLE)),
    )


def sample_files() -> list[tuple[str, bytes]]:
    """A batch to try: 46 (path, content) in folders named after the digits, some odd, two misplaced, one no picture."""
    files = []
    for digit in _DIGITS:
        good, broken, *_ = for_normal((digit,))
        for i, turn in enumerate(_TURNS):
            folder = MISPLACED.get((digit, i), digit)
            files.append((f"{folder}/drawn-{digit}-{i + 1}.png", _png(good, turn)))
        if digit in _BROKEN:
            files.append((f"{digit}/drawn-{digit}-5.png", _png(broken)))
    *_, letter, scribble = for_normal(("5",))
    return [
        *files,
        ("found/letter.png", _png(letter)),
        ("found/scribble.png", _png(scribble)),
        ("found/notes.png", b"These are no pixels."),
    ]


def _png(example: Example, turn: float = 0) -> bytes:
    buffer = io.BytesIO()
    example.picture().rotate(turn, fillcolor=255).save(buffer, "PNG")
    return buffer.getvalue()


def _broken(digit: str) -> list[Points]:
    strokes = _smooth(_DIGITS[digit])
    if digit in _GAPS:
        points = [(i, point) for i, stroke in enumerate(strokes) for point in stroke]
        start, end = (int(share * len(points)) for share in _GAPS[digit])
        pieces = (points[:start], points[end:])
        runs = ([point for of, point in piece if of == i] for piece in pieces for i in range(len(strokes)))
        strokes = [run for run in runs if len(run) > 1]
    return strokes + (_smooth(_EXTRA[digit]) if digit in _EXTRA else [])


def _smooth(strokes: str) -> list[Points]:
    """Catmull-Rom curves through the points (Catmull and Rom 1974)."""
    return [_curve(np.array([point.split(",") for point in stroke.split()], float)) for stroke in strokes.split(";")]


def _curve(through: NDArray[np.float64], steps: int = 12) -> Points:
    padded = np.vstack((2 * through[0] - through[1], through, 2 * through[-1] - through[-2]))
    t = np.linspace(0, 1, steps, endpoint=False)[:, None]
    pieces = []
    for a, b, c, d in zip(padded[:-3], padded[1:-2], padded[2:-1], padded[3:], strict=True):
        pieces.append(0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3))
    curve = np.vstack((*pieces, through[-1:]))
    return [(round(float(x), 1), round(float(y), 1)) for x, y in curve]


def _article(digit: str) -> str:
    return "an" if digit == "8" else "a"
