"""The shelf of models: shipped ones (read-only) and people's own, found by name."""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from core import paths, settings
from core.detector.model_card import Card, read_card
from core.errors import ModelError
from core.files.atomic import write_whole, writing

SUFFIX = ".safetensors"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
# Device names on Windows, whatever follows a dot.
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


@dataclass(frozen=True)
class Model:
    """A model on the shelf.

    Attributes:
        name: what it is called everywhere.
        path: its file.
        shipped: whether it came with the project and is read-only.
    """

    name: str
    path: Path
    shipped: bool

    @property
    def owner(self) -> str:
        """The visitor of a shared server who made it; empty for one that belongs to the machine."""
        try:
            return _owner_file(self.name).read_text()
        except OSError:
            return ""


def own_folder() -> Path:
    """Where models trained or imported by people lie."""
    return paths.state_dir() / "models"


def runs_folder() -> Path:
    """Where training runs that have not finished yet keep their state, each under the name its model will have."""
    return paths.state_dir() / "runs"


def shelf(visitor: str | None = None) -> list[Model]:
    """All models by name, shipped ones first; reads no detector.

    Args:
        visitor: on a shared server, leave out what other visitors have made.
    """
    shipped = [Model(path.stem, path, True) for path in sorted(paths.CHECKPOINTS.glob(f"*{SUFFIX}"))]
    own = [Model(path.stem, path, False) for path in sorted(own_folder().glob(f"*{SUFFIX}"))]
    taken = {model.name for model in shipped}
    if visitor is not None and settings.shared_server():
        own = [model for model in own if model.owner in ("", visitor)]
    return shipped + [model for model in own if model.name not in taken]


def find(name: str | Path) -> Model:
    """The model of that name, or the detector file at that path.

    Raises:
        ModelError: there is none; the text lists what there is.
    """
    for model in shelf():
        if model.name == str(name):
            return model
    path = Path(name)
    # os.path says no to what is no path at all, such as a text of 5,000 letters, where pathlib raises.
    if path.suffix == SUFFIX and os.path.isfile(path):  # noqa: PTH113
        return Model(path.stem, path, False)
    names = ", ".join(model.name for model in shelf()) or "none yet"
    raise ModelError(f"there is no model {str(name)!r}: the models here are {names}; or give a {SUFFIX} file.")


def card(name: str | Path) -> Card:
    """Read only a model's card.

    Raises:
        ModelError: there is no such model, or its file cannot be used.
    """
    return read_card(find(name).path)


def file_for(name: str | Path) -> Path:
    """The file that a detector saved under a path, or a bare name for one's own models, goes to.

    Raises:
        ModelError: a bare name that is not usable, or taken.
    """
    path = Path(name)
    if path.suffix == SUFFIX:
        return path
    if path.name == str(name):
        return place_for(str(name))
    return path.with_name(path.name + SUFFIX)


def place_for(name: str) -> Path:
    """Where a new model of that name will be saved.

    Raises:
        ModelError: the name is not usable, or taken.
    """
    if not _NAME.fullmatch(name) or _RESERVED.fullmatch(name) or name.endswith("."):
        raise ModelError(
            f"{name!r} is no model name: use 1 to 64 letters, digits, dots, hyphens and underscores, such as my-5."
        )
    for model in shelf():
        if model.name.lower() == name.lower():
            kind = "shipped model, which is read-only" if model.shipped else "model that is already here"
            raise ModelError(f"{name!r} is the name of a {kind}: choose another name.")
    if name.lower() in {run.name.lower() for run in runs_folder().glob("*")}:
        raise ModelError(f"{name!r} is the name of an unfinished training run: resume that, or choose another name.")
    return own_folder() / f"{name}{SUFFIX}"


def claim(name: str, visitor: str) -> None:
    """Note, on a shared server, whose the model of that name will be; the others will not see it."""
    if settings.shared_server():
        write_whole(_owner_file(name), lambda part: part.write_text(visitor))


def disclaim(name: str) -> None:
    """Forget whose the model of that name was to be."""
    _owner_file(name).unlink(missing_ok=True)


def import_model(data: bytes, name: str = "", visitor: str = "") -> Model:
    """Put a detector file from elsewhere on the shelf; it is hostile until checked.

    Args:
        data: the file's content.
        name: what to call it here; the name on its card when empty.
        visitor: whose it will be.

    Raises:
        ModelError: it is no whole detector of this version, or the name is not usable or taken.
    """
    from core.detector import file

    own = paths.state_dir()
    with writing(own):
        own.mkdir(parents=True, exist_ok=True)
        arriving = TemporaryDirectory(prefix="import-", dir=own)
    with arriving as folder:
        arrived = Path(folder) / f"the file{SUFFIX}"
        with writing(arrived):
            arrived.write_bytes(data)
        state = file.load(arrived)
        name = name or state.card.name
        place = place_for(name)
        claim(name, visitor)
        file.save(state.named(name), place)
    return Model(name, place, False)


def rename(name: str, new: str, visitor: str | None = None) -> None:
    """Give one of one's own models another name.

    Args:
        name: what it is called.
        new: what it will be called.
        visitor: who asks for it; on a shared server it must be theirs.

    Raises:
        ModelError: it is shipped, unknown or another's, or the new name is not free.
    """
    model = _own(name, visitor)
    from core.detector import file

    state = file.load(model.path)
    place = place_for(new)
    if model.owner:
        claim(new, model.owner)
    file.save(state.named(new), place)
    model.path.unlink()
    disclaim(name)


def delete(name: str, visitor: str | None = None) -> None:
    """Remove one of one's own models.

    Args:
        name: what it is called.
        visitor: who asks for it; on a shared server it must be theirs.

    Raises:
        ModelError: it is shipped, unknown or another's.
    """
    _own(name, visitor).path.unlink()
    disclaim(name)


def may_change(model: Model, visitor: str | None) -> bool:
    """Whether a visitor may rename or delete a model; None asks for the one whose machine it is."""
    own = not model.shipped and model.path.parent == own_folder()
    return own and (visitor is None or not settings.shared_server() or model.owner == visitor)


def _owner_file(name: str) -> Path:
    return own_folder() / f"{name}.owner"


def _own(name: str, visitor: str | None) -> Model:
    model = find(name)
    if not may_change(model, visitor):
        raise ModelError(f"{name!r} is none of your own models: only those can be renamed or deleted.")
    return model
