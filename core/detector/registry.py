"""The registry of models: shipped ones (read-only) and people's own, found by name.

The one gate to models: whoever finds, lists, adds, renames or deletes one says for whom. On a shared server a visitor's
models lie in a folder of that visitor, so that nothing that ends halfway can make them anyone else's.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from core import arguments, paths, quota, settings
from core.detector import departed
from core.detector.model_card import Card, read_card
from core.errors import ModelError, OddDigitError, WriteError
from core.files.atomic import writing
from core.words import did_you_mean

if TYPE_CHECKING:
    from core.detector.state import DetectorState

SUFFIX = ".safetensors"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
# Device names on Windows, whatever follows a dot.
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


@dataclass(frozen=True)
class Model:
    """A model in the registry, as one visitor sees it.

    Attributes:
        name: what it is called everywhere.
        path: its file.
        shipped: whether it came with the project and is read-only.
        own: whether the visitor may rename and delete it.
    """

    name: str
    path: Path
    shipped: bool = False
    own: bool = False


def own_folder(visitor: str) -> Path:
    """Where the models lie that a visitor trained or imported."""
    return paths.visitor_dir(visitor) / "models"


def runs_folder(visitor: str) -> Path:
    """Where a visitor's unfinished training runs keep their state, each under the name its model will have."""
    return paths.visitor_dir(visitor) / "runs"


def _departed(visitor: str) -> Path:
    return paths.visitor_dir(visitor) / "departed"


def models(visitor: str) -> list[Model]:
    """All models that a visitor may use, shipped ones first: their own and the machine's; reads no detector."""
    _hand_over()
    seen = {path.stem: Model(path.stem, path, shipped=True) for path in _files(paths.CHECKPOINTS)}
    for whose in dict.fromkeys((visitor, "")):
        folder = own_folder(whose)
        own = folder == own_folder(visitor)
        seen = {path.stem: Model(path.stem, path, own=own) for path in _files(folder)} | seen
    return sorted(seen.values(), key=lambda model: (not model.shipped, model.name))


def find(name: str | Path, visitor: str) -> Model:
    """The visitor's model of that name, or the detector file at that path, with or without its suffix.

    On a shared server a path is followed for nobody but the machine itself.

    Raises:
        ModelError: there is none; the text lists what there is.
    """
    there = {model.name: model for model in models(visitor)}
    if model := there.get(str(name)):
        return model
    if not visitor or not settings.shared_server():
        try:
            given = arguments.path("model", name)
        except OddDigitError as error:
            raise ModelError(str(error)) from error
        for path in (given, given.with_name(given.name + SUFFIX) if given.name else given):
            # os.path says no to what is no path at all, such as a text of 5,000 letters, where pathlib raises.
            if path.suffix == SUFFIX and os.path.isfile(path):  # noqa: PTH113
                return Model(path.stem, path)
    if model := there.get(str(name).removesuffix(SUFFIX)):
        return model
    hint, names = did_you_mean(str(name), there), ", ".join(there) or "none yet"
    raise ModelError(f"there is no model {str(name)!r}. {hint}The models here are {names}; or give a {SUFFIX} file.")


def card(name: str | Path, visitor: str) -> Card:
    """Read only the card of a visitor's model.

    Raises:
        ModelError: there is no such model, or its file cannot be used.
    """
    return read_card(find(name, visitor).path)


def measured_against(name: str, visitor: str, evidence: str) -> tuple[tuple[str, ...], int | None]:
    """The normal digits of a model that a visitor had, and how many an evidence was; as ``departed.recall``."""
    return departed.recall(_departed(visitor), name, evidence)


def file_for(name: str | Path) -> Path:
    """The file that a detector saved under a path, or a bare name for one's own models, goes to.

    Raises:
        ModelError: a bare name that is not usable, or taken; or a folder.
    """
    path = arguments.path("path", name)
    if str(name).endswith("/") or (str(name) and os.path.isdir(path)):  # noqa: PTH112 - as above
        raise ModelError(f"{name} is a folder: give a file in it, such as {path / f'my-5{SUFFIX}'}.")
    if path.suffix == SUFFIX:
        return path
    if path.name == str(name):
        return place_for(str(name), "")
    return path.with_name(path.name + SUFFIX)


def place_for(name: str, visitor: str) -> Path:
    """Where a visitor's new model of that name will be saved.

    Raises:
        ModelError: the name is not usable, or taken.
    """
    if not _NAME.fullmatch(name) or _RESERVED.fullmatch(name) or name.endswith("."):
        raise ModelError(
            f"{name!r} is no model name: use 1 to 64 letters, digits, dots, hyphens and underscores, such as my-5."
        )
    for model in models(visitor):
        if model.name.lower() == name.lower():
            kind = "shipped model, which is read-only" if model.shipped else "model that is already here"
            raise ModelError(f"{name!r} is the name of a {kind}: choose another name.")
    # A run that was ended before it was written down has nothing to resume.
    if name.lower() in {spec.parent.name.lower() for spec in runs_folder(visitor).glob("*/spec.json")}:
        raise ModelError(f"{name!r} is the name of an unfinished training run: resume that, or choose another name.")
    return own_folder(visitor) / f"{name}{SUFFIX}"


def add(state: "DetectorState", name: str, visitor: str) -> Model:
    """Keep a detector under a new name among a visitor's models.

    Raises:
        ModelError: the name is not usable, or taken, be it this very moment.
        QuotaError: the visitor may keep no more.
    """
    quota.check(visitor)
    return _save(state, name, visitor)


def _save(state: "DetectorState", name: str, visitor: str) -> Model:
    from core.detector import file

    place = place_for(name, visitor)
    try:
        file.save(state.named(name), place, new=True)
    except WriteError as error:
        if not place.exists():
            raise
        raise ModelError(f"{name!r} is the name of a model that is already here: choose another name.") from error
    return Model(name, place, own=True)


def import_model(data: bytes, visitor: str, name: str = "") -> Model:
    """Put a detector file from elsewhere among a visitor's models; it is hostile until checked.

    Args:
        data: the file's content.
        visitor: whose it will be.
        name: what to call it here; the name on its card when empty.

    Raises:
        ModelError: it is no whole detector of this version that can judge, or the name is not usable or taken.
        QuotaError: the visitor may keep no more, or have no more opened just now.
    """
    quota.check(visitor, len(data))
    from core.detector import file

    own = paths.state_dir()
    with writing(own):
        own.mkdir(parents=True, exist_ok=True)
        arriving = TemporaryDirectory(prefix="import-", dir=own, ignore_cleanup_errors=True)
    with arriving as folder:
        arrived = Path(folder) / f"the file{SUFFIX}"
        with writing(arrived):
            arrived.write_bytes(data)
        with quota.turn(visitor):
            state = file.load(arrived)
            _try_out(state)
    return _save(state, name or state.card.name, visitor)


def _try_out(state: "DetectorState") -> None:
    """Have a model judge and draw once: whatever that needs it has, or the file is refused before anyone relies on it.

    Raises:
        ModelError: it cannot.
    """
    import numpy as np

    from core.scoring import multi_digit

    try:
        for scorer in state.scorers.values():
            scores = multi_digit.score(state.scorers, state.standards, scorer.sample(1, seed=0), draw=True).scores
            if not all(np.isfinite(score).all() for score in scores.values()):
                raise ModelError("the model gives no finite scores: import another file.")
    except (ArithmeticError, LookupError, RuntimeError, TypeError, ValueError) as error:
        if isinstance(error, ModelError):
            raise
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise ModelError(f"the model cannot judge a single digit ({reason}): import another file.") from error


def rename(name: str, new: str, visitor: str) -> None:
    """Give one of a visitor's own models another name; one that was ended on the way is brought to its end.

    Raises:
        ModelError: it is shipped, unknown or not the visitor's, or the new name is not free.
        WriteError: the disk refuses.
    """
    path = _own(name, visitor).path
    from core.detector import file

    state = file.load(path)
    there = next((model for model in models(visitor) if model.own and model.name == new != name), None)
    copied = None if there is None else file.load(there.path)
    if copied is None or (copied.card, copied.fingerprint) != (state.named(new).card, state.fingerprint):
        _save(state, new, visitor)
    _let_go(path, visitor)


def delete(name: str, visitor: str) -> None:
    """Remove one of a visitor's own models.

    Raises:
        ModelError: it is shipped, unknown or not the visitor's.
        WriteError: the disk refuses.
    """
    _let_go(_own(name, visitor).path, visitor)


def _let_go(path: Path, visitor: str) -> None:
    departed.keep(path, _departed(visitor))
    with writing(path):
        path.unlink()


def _own(name: str, visitor: str) -> Model:
    model = find(name, visitor)
    if not model.own:
        raise ModelError(f"{name!r} is none of your own models: only those can be renamed or deleted.")
    return model


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob(f"*{SUFFIX}"))


def _hand_over() -> None:
    """Models and runs of before there was a folder a visitor go to whom the file beside them names."""
    if not settings.shared_server():
        return
    for note in own_folder("").glob("*.owner"):
        visitor = note.read_text()
        for folder, name in ((own_folder, f"{note.stem}{SUFFIX}"), (runs_folder, note.stem)):
            if (old := folder("") / name).exists():
                folder(visitor).mkdir(parents=True, exist_ok=True)
                old.rename(folder(visitor) / name)
        note.unlink()
