"""The command line in tests: pictures and data sets to hand over, commands to run, objects to read back."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from click.testing import Result
from PIL import Image

from core import datasets, paths
from core.datasets.examples import for_normal

Run = Callable[..., Result]


def draw(name: str = "five.png", digit: str = "5", count: int = 1) -> str:
    """A picture of a digit, drawn ``count`` times side by side."""
    picture = next(example for example in for_normal((digit,)) if example.name.endswith(f"a {digit}")).picture()
    page = Image.new("L", (picture.width * count, picture.height), 255)
    for i in range(count):
        page.paste(picture, (i * picture.width, 0))
    page.save(name, "PNG")
    return name


def objects(result: Result) -> list[dict[str, Any]]:
    """What was printed as JSON: one object on one line, and nothing else."""
    return [json.loads(line) for line in result.stdout.splitlines()]


def save_npz(name: str, labels: tuple[str, ...], count: int) -> str:
    """A small data set of one's own, of so many digits of each label; gives its name for ``--dataset``."""
    digits = datasets.load("digits", "train")
    images = np.concatenate([digits.of(label)[:count] for label in labels])
    np.savez(name, images=(images * 255).astype(np.uint8), labels=np.repeat([int(label) for label in labels], count))
    return f"npz:{name}"


def start(*arguments: str) -> subprocess.Popen[str]:
    """The command line as a process of its own, on this test's state."""
    return subprocess.Popen(
        [sys.executable, "-m", "core", *arguments],
        env=os.environ | {"PYTHONPATH": str(paths.ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
