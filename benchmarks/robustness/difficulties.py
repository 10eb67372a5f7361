"""Pictures of MNIST digits as people take them: pen, paper, light, camera, place; one difficulty at a time."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage
from skimage.morphology import skeletonize

Floats = NDArray[np.float32]
Pixels = NDArray[np.uint8]

_FINE = 10  # working pixels per MNIST pixel


@dataclass(frozen=True)
class Scene:
    """How one digit is drawn and photographed; lengths in pixels of MNIST's 28 where nothing else is said."""

    side: int = 140  # of the 28-pixel frame, in picture pixels
    page: float = 1.0  # side of the page in frames, the digit anywhere on it
    pen: float | None = None  # stroke width; None keeps the writer's own
    paper: tuple[float, float, float] = (0.93, 0.92, 0.9)  # colours, 0 .. 1 each
    ink: tuple[float, float, float] = (0.12, 0.12, 0.15)
    fall_off: float = 1.0  # brightness left in the darkest corner
    shadow: float = 1.0  # brightness left in the shadow whose edge crosses the picture
    ruling: str = ""  # or "ruled" or "squared"
    line: float = 0.5  # darkness of ruled or printed lines, as a share of the ink's
    printed: str = ""  # or what a form has printed around the digit: "box", "row of boxes" or "line" under it
    desk: float | None = None  # brightness of the wood around the sheet, which then lies askew on it
    cut: float = 0.0  # share of the frame's sides cut off, so that the digit fills the picture
    faint: float = 1.0  # what is left of the ink in about a quarter of the digit, where the pen hardly touched
    fold: float = 0.0  # width of a fold across the digit, along which the ink has come off
    grain: float = 0.0  # how unevenly the ink lies, as a pencil's does: deviation as a share of the ink
    stepped: bool = False  # whether each pixel is of full ink or of none, as a simple drawing program leaves it
    rotation: float = 0.0  # degrees, at random to either side
    blur: float = 0.0  # standard deviation
    noise: float = 0.01  # standard deviation, 0 .. 1
    jpeg: int = 0  # quality; 0 leaves the pixels as they are


@dataclass(frozen=True)
class Level:
    """One level of one difficulty; ``clean`` while a person would still call the picture clean."""

    difficulty: str
    label: str
    scene: Scene
    clean: bool = True


def levels() -> list[Level]:
    """Every difficulty and level of the table, the plain scene first."""
    plain = Scene()
    result = [Level("plain", "dark pen, white paper", plain)]

    def add(difficulty: str, values: dict[str, Scene], unclean: tuple[str, ...] = ()) -> None:
        result.extend(Level(difficulty, label, scene, label not in unclean) for label, scene in values.items())

    add("pen width, px in 28", {str(w): replace(plain, pen=float(w)) for w in (1, 2, 3, 4, 5, 6)}, ("5", "6"))
    tones = {"ink 0.4 on 0.9": (0.9, 0.4), "0.75 on 0.9": (0.9, 0.75), "0.35 on 0.5": (0.5, 0.35)}
    tones |= {"0.05 on 0.2": (0.2, 0.05), "light 0.9 on 0.1": (0.1, 0.9), "light 0.35 on 0.2": (0.2, 0.35)}
    add("brightness", {k: replace(plain, paper=(p,) * 3, ink=(i,) * 3, noise=0.005) for k, (p, i) in tones.items()})
    add("light falling off", {f"to {v:.2f}": replace(plain, fall_off=v) for v in (0.7, 0.5, 0.33)})
    add("shadow edge", {f"to {v:.2f}": replace(plain, shadow=v) for v in (0.8, 0.6, 0.4)})
    for ruling in ("ruled", "squared"):
        lines = {f"lines {v:.0%} of ink": replace(plain, ruling=ruling, line=v, page=1.6) for v in (0.2, 0.4, 0.7, 1.0)}
        add(f"{ruling} paper", lines, ("lines 100% of ink",))
    forms = {kind: replace(plain, printed=kind, line=1.0, page=1.5) for kind in ("box", "row of boxes", "line")}
    add("printed form", {f"{kind}, as dark as ink": scene for kind, scene in forms.items()})
    desks = {f"wood of {v:g} around": replace(plain, desk=v, page=2.0, side=120) for v in (0.15, 0.3, 0.5)}
    add("sheet on a desk", desks)
    add("close-up", {f"pen of {w}": replace(plain, pen=float(w), cut=0.1, side=400) for w in (3, 5)}, ("pen of 5",))
    add("JPEG quality", {str(q): replace(plain, jpeg=q) for q in (80, 40, 20)})
    add("blur, px in 28", {f"{b:g}": replace(plain, blur=b) for b in (0.3, 0.6, 1.0)}, ("1",))
    add("noise", {f"{s:g}": replace(plain, noise=s) for s in (0.03, 0.06, 0.12)}, ("0.12",))
    add("rotation, degrees", {f"{d:g}": replace(plain, rotation=d) for d in (3.0, 6.0, 10.0)})
    add("on a larger page", {f"{p:g} times": replace(plain, page=p, side=84) for p in (2.0, 5.0, 10.0)})
    colours = {"blue": (0.15, 0.2, 0.7), "red": (0.8, 0.15, 0.15), "green": (0.1, 0.55, 0.25)}
    colours |= {"yellow": (0.95, 0.85, 0.15)}
    add("coloured ink", {k: replace(plain, ink=c) for k, c in colours.items()})
    add("coloured ink", {"red on grey": replace(plain, paper=(0.55,) * 3, ink=(0.8, 0.42, 0.42))})
    add("part of it faint", {f"to {v:g} of the pen": replace(plain, faint=v) for v in (0.5, 0.35, 0.2)})
    add("fold across it, px in 28", {f"{v:g}": replace(plain, fold=v) for v in (0.5, 1.0, 1.5)})
    pencil = replace(plain, paper=(0.62, 0.61, 0.6), noise=0.02, pen=1.5, grain=0.25)
    add("pencil on grey", {f"ink {v:g} on 0.6": replace(pencil, ink=(v,) * 3) for v in (0.25, 0.35, 0.42)})
    bold = {"a quarter": replace(plain, pen=5.0), "a third": replace(plain, pen=6.7)}
    add("bold, share of the box", bold, ("a third",))
    white = replace(plain, paper=(0.05,) * 3, ink=(0.95,) * 3, noise=0.005)
    add("white on black, pen", {str(w): replace(white, pen=float(w)) for w in (1, 2, 3, 4, 5, 6)}, ("5", "6"))
    steps = replace(plain, stepped=True, noise=0.0)
    add("in two tones, size in px", {str(s): replace(steps, side=s) for s in (28, 40, 56)})
    add("size, px", {str(s): replace(plain, side=s, noise=0.0) for s in (28, 56, 280, 1000, 4000)})
    return result


def photograph(digit: Pixels, scene: Scene, rng: np.random.Generator) -> Pixels:
    """Draw an MNIST digit as a picture.

    Args:
        digit: uint8 ``(28, 28)``, light on dark.
        scene: how.
        rng: where the digit stands, where the shadow falls, the noise.

    Returns:
        uint8 ``(h, w, 3)``.
    """
    cover = _draw(digit, scene.pen, scene.rotation * rng.choice((-1, 1)))
    if scene.blur:
        cover = ndimage.gaussian_filter(cover, scene.blur * _FINE)
    frame = np.asarray(Image.fromarray(cover).resize((scene.side, scene.side), Image.Resampling.BOX))
    side = round(scene.side * scene.page)
    frame = (frame > 0.5).astype(np.float32) if scene.stepped else _worn(np.clip(frame, 0, 1), scene, rng)
    ink = np.zeros((side, side), np.float32)
    top, left = rng.integers(0, side - scene.side + 1, 2)
    ink[top : top + scene.side, left : left + scene.side] = frame
    if scene.ruling:
        ink = np.maximum(ink, scene.line * _ruling(side, scene, rng))
    if scene.printed:
        ink = np.maximum(ink, scene.line * _printed(side, scene))
    if scene.cut:
        edge = round(scene.cut * side)
        ink = ink[edge : side - edge, edge : side - edge]
        side = len(ink)
    paper, pen = (np.asarray(colour, np.float32) for colour in (scene.paper, scene.ink))
    picture = paper * (1 - ink[..., None]) + pen * ink[..., None]
    picture *= _light(side, scene, rng)[..., None]
    if scene.noise:
        picture += rng.standard_normal((side, side, 1), np.float32) * np.float32(scene.noise)
    if scene.desk is not None:
        picture = _on_a_desk(picture, scene.desk, rng)
    pixels = np.clip(np.rint(picture * 255), 0, 255).astype(np.uint8)
    if not scene.jpeg:
        return pixels
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=scene.jpeg)
    return np.asarray(Image.open(file))


def _draw(digit: Pixels, pen: float | None, degrees: float) -> Floats:
    """Coverage of ink, ``(280, 280)``, with the writer's own pen or the skeleton drawn with another."""
    size = (28 * _FINE, 28 * _FINE)
    grey = np.asarray(Image.fromarray(digit).resize(size, Image.Resampling.BICUBIC), np.float32)
    mask = ndimage.gaussian_filter(grey, 0.3 * _FINE) > 110
    if pen is not None:
        mask = ndimage.distance_transform_edt(~skeletonize(mask)) <= pen * _FINE / 2
    cover = mask.astype(np.float32)
    return ndimage.rotate(cover, degrees, reshape=False, order=1) if degrees else cover


def _worn(ink: Floats, scene: Scene, rng: np.random.Generator) -> Floats:
    """What a light hand, a fold and rough paper leave of the ink of a frame."""
    if scene.faint == 1 and not scene.fold and not scene.grain:
        return ink
    pixel = len(ink) / 28
    rows, columns = np.nonzero(ink > 0.5)
    at = rng.integers(len(rows))
    y, x = (np.indices(ink.shape) - np.array([rows[at], columns[at]])[:, None, None]) / pixel
    if scene.faint < 1:
        ink = ink * (scene.faint + (1 - scene.faint) / (1 + np.exp(-(np.hypot(x, y) - 5) / 0.5)))
    if scene.fold:
        angle = rng.uniform(0, np.pi)
        ink = ink * np.clip(np.abs(x * np.cos(angle) + y * np.sin(angle)) * pixel - scene.fold * pixel / 2 + 0.5, 0, 1)
    if scene.grain:
        rough = ndimage.gaussian_filter(rng.standard_normal(ink.shape), 0.25 * pixel)
        ink = ink * np.clip(1 - scene.grain * np.abs(rough) / rough.std(), 0, 1)
    return ink.astype(np.float32)


def _light(side: int, scene: Scene, rng: np.random.Generator) -> Floats:
    y, x = np.mgrid[0:side, 0:side].astype(np.float32) / side
    light = np.ones((side, side), np.float32)
    angle = rng.uniform(0, 2 * np.pi)
    along = (x - 0.5) * np.cos(angle) + (y - 0.5) * np.sin(angle)
    if scene.fall_off < 1:
        ramp = (along - along.min()) / np.ptp(along)
        light *= scene.fall_off + (1 - scene.fall_off) * ramp
    if scene.shadow < 1:
        edge = np.clip((along - rng.uniform(-0.2, 0.2)) * side / max(2.0, 0.02 * side) + 0.5, 0, 1)
        light *= scene.shadow + (1 - scene.shadow) * edge
    return light.astype(np.float32)


def _ruling(side: int, scene: Scene, rng: np.random.Generator) -> Floats:
    pitch = scene.side * (0.55 if scene.ruling == "squared" else 0.8)
    thickness = max(1.0, scene.side / 28 * 0.5)
    lines, along = np.zeros((side, side), np.float32), np.arange(side)
    lines[((along + rng.uniform(0, pitch)) % pitch) < thickness] = 1
    if scene.ruling == "squared":
        lines[:, ((along + rng.uniform(0, pitch)) % pitch) < thickness] = 1
    tilt = rng.uniform(-2, 2)
    return np.clip(ndimage.rotate(lines, tilt, reshape=False, order=1, mode="reflect"), 0, 1).astype(np.float32)


def _printed(side: int, scene: Scene) -> Floats:
    """Lines printed around the place of a digit: just within the page, which is larger than the digit's frame."""
    lines = np.zeros((side, side), np.float32)
    low, high, thick = round(0.06 * side), round(0.94 * side), max(2, round(scene.side / 28 * 0.6))
    lines[high : high + thick, low:high] = 1
    if scene.printed == "line":
        return lines
    lines[low : low + thick, low:high] = 1
    lines[low : high + thick, low : low + thick] = 1
    lines[low : high + thick, high : high + thick] = 1
    if scene.printed == "row of boxes":
        lines[low : low + thick] = 1
        lines[high : high + thick] = 1
    return lines


def _on_a_desk(sheet: Floats, brightness: float, rng: np.random.Generator) -> Floats:
    """The sheet askew on wood, a third of its own side to be seen all around."""
    side = len(sheet)
    margin = side // 3
    grain = ndimage.gaussian_filter(rng.standard_normal((side + 2 * margin,) * 2), (1, 8)).astype(np.float32)
    wood = brightness * np.array([1.3, 1.0, 0.7], np.float32) * (1 + 2 * grain[..., None])
    place = ((margin, margin), (margin, margin), (0, 0))
    turned = {"angle": rng.uniform(-5, 5), "reshape": False, "order": 1}
    lying = ndimage.rotate(np.pad(sheet, place), **turned)
    covered = ndimage.rotate(np.pad(np.ones_like(sheet), place), **turned)
    return lying + wood * (1 - covered)
