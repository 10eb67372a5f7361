"""Departed models: what stays of one that was deleted or renamed, so that what it said of digits keeps its words."""

import json
from contextlib import suppress
from pathlib import Path

from core.errors import OddDigitError
from core.files.atomic import write_whole


def keep(path: Path, folder: Path) -> None:
    """Note in a folder what a model was measured against whose file is about to go; of a damaged one nothing stays."""
    from core.detector.file import read_measured  # with torch

    with suppress(OddDigitError, OSError):
        measured = read_measured(path)
        text = json.dumps({"normal": measured.card.normal, "n": {e: c.n for e, c in measured.calibrations.items()}})
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / f"{path.stem}.json", lambda part: part.write_text(text, encoding="utf-8"))


def recall(folder: Path, name: str, evidence: str) -> tuple[tuple[str, ...], int | None]:
    """The normal digits of a model that is noted in a folder, and how many an evidence was measured against.

    Empty and None of one of which nothing is known.
    """
    with suppress(OSError, ValueError, TypeError, KeyError):
        kept = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
        return tuple(map(str, kept["normal"])), int(kept["n"][evidence])
    return (), None
