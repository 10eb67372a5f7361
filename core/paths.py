"""Where things lie: data sets, state, shipped models and the pictures of the pages.

In a checkout everything lies in the repository, wherever the command is started. An installed copy brings its models
and assets with it, inside the package, and keeps data sets and state in a folder of the user's own.
"""

from pathlib import Path

from core import settings

DISTRIBUTION = "odd-digit-out"
_PACKAGE = Path(__file__).resolve().parent
INSTALLED = (_PACKAGE / "checkpoints").is_dir()
ROOT = _PACKAGE.parent
CHECKPOINTS, ASSETS = ((_PACKAGE if INSTALLED else ROOT) / name for name in ("checkpoints", "assets"))


def datasets_dir() -> Path:
    """Folder of data sets in torchvision's layout (``ODD_DIGIT_DATASETS``); may be read-only or missing."""
    return settings.folder(settings.DATASETS) or _data_dir() / "datasets"


def state_dir() -> Path:
    """Folder of history, jobs and people's own models (``ODD_DIGIT_STATE``); made by whoever writes into it."""
    return settings.folder(settings.STATE) or _data_dir() / "state"


def visitor_dir(visitor: str) -> Path:
    """Folder of the models, runs and uploads that are one visitor's; on one person's machine the state folder itself.

    Args:
        visitor: on a shared server, who; empty for the machine itself, whose models everyone may use.
    """
    if not visitor or not settings.shared_server():
        return state_dir()
    if not visitor.isalnum() or not visitor.isascii():
        raise ValueError(f"{visitor!r} is no visitor")
    return visitors_dir() / visitor


def visitors_dir() -> Path:
    """Where the folders of a shared server's visitors lie."""
    return state_dir() / "visitors"


def version() -> str:
    """The version, which stands in ``pyproject.toml`` and, of an installed copy, in its metadata."""
    if INSTALLED:
        from importlib import metadata

        return metadata.version(DISTRIBUTION)
    import tomllib

    return str(tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"])


def _data_dir() -> Path:
    if not INSTALLED:
        return ROOT / "data"
    import platformdirs

    return platformdirs.user_data_path("odd-digit", appauthor=False)
