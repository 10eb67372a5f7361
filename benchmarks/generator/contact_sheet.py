"""Fresh digits of all shipped models as one sheet, to the right of those of earlier models where there are any.

    python -m benchmarks.generator.contact_sheet [--before FOLDER]    fresh.png, a row a digit

For earlier models, `git show COMMIT:checkpoints/mnist-0.safetensors > FOLDER/mnist-0.safetensors` and so on. Models
of the first recipe had no prior: theirs are drawn from one standard Gaussian, as the pages drew them then.
"""

import sys
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer

from benchmarks import common
from benchmarks.results import BENCHMARKS
from core.detector import Detector
from core.detector.file import load
from core.figures.images import sheet_png

SHEET = BENCHMARKS / "generator" / "fresh.png"
EACH = 12  # fresh digits of a model


def main(
    before: Annotated[
        Path | None, typer.Option(help="Folder of earlier models, mnist-0.safetensors and so on.")
    ] = None,
    output: Annotated[Path, typer.Option(help="Where the sheet goes.")] = SHEET,
) -> None:
    """Draw the sheet."""
    common.one_thread()
    rows = []
    for digit in range(10):
        row = [Detector.load(f"mnist-{digit}").sample(EACH, seed=1)]
        if before is not None:
            row = [of_one_gaussian(before / f"mnist-{digit}.safetensors"), np.zeros((1, 28, 28), np.float32), *row]
        rows.append(np.concatenate(row))
    output.write_bytes(sheet_png(np.concatenate(rows), columns=len(rows[0]), scale=2))
    sys.stdout.write(f"{output}\n")


def of_one_gaussian(file: Path) -> np.ndarray:
    """Fresh digits ``(EACH, 28, 28)`` of a model without a prior."""
    (scorer,) = load(file, outdated=True).scorers.values()
    latents = torch.randn(EACH, scorer.settings.latent_size, generator=torch.Generator().manual_seed(1))
    return np.asarray(scorer.decode(latents), dtype=np.float32).reshape(EACH, 28, 28)


if __name__ == "__main__":
    typer.run(main)
