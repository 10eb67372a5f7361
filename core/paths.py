"""Where things lie: data sets, state and shipped models."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CHECKPOINTS = ROOT / "checkpoints"


def datasets_dir() -> Path:
    """Folder of data sets in torchvision's layout (``ODD_DIGIT_DATASETS``); may be read-only or missing."""
    return Path(os.environ.get("ODD_DIGIT_DATASETS") or ROOT / "data" / "datasets").expanduser().resolve()


def state_dir() -> Path:
    """Folder of history, jobs and people's own models (``ODD_DIGIT_STATE``); made by whoever writes into it."""
    return Path(os.environ.get("ODD_DIGIT_STATE") or ROOT / "data" / "state").expanduser().resolve()


def shared_server() -> bool:
    """Whether several people use this server, so that each sees only what is theirs (``ODD_DIGIT_SHARED=1``)."""
    return os.environ.get("ODD_DIGIT_SHARED", "") == "1"
