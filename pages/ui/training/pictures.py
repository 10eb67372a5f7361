"""What a generator draws as it learns: the same latents and digits at every epoch, its losses, what is odd."""

from pathlib import Path

import streamlit as st

from core.errors import OddDigitError
from core.figures import images, training
from core.training import snapshots
from core.training.snapshots import FLAGGED_BEYOND, Frame
from core.words import say_share
from pages.ui import chrome, component, picture
from pages.ui.text import plain

_player = component.declare("player")


def show(key: str, folder: Path, now: dict[str, float]) -> None:
    """The frames in a folder, at the epoch the slider is on.

    Args:
        key: tells jobs apart.
        folder: where the frames lie.
        now: losses of the epoch under way, by name; empty when none is.
    """
    paths = [str(path) for path in snapshots.frames(folder)]
    try:
        frames = [_frame(path) for path in paths]
    except OddDigitError as error:
        chrome.refuse(error)
        return
    left, middle, right = st.columns([1.15, 1, 1], gap="medium")
    with left:
        st.markdown("**Sixteen digits it imagines**")
        says = [_say(frame, frames) for frame in frames]
        at = _epoch(key, says, [_sheet(path) for path in paths]) - 1
        shown = frames[at]
    same = [frame for frame in frames if frame.label == shown.label]
    with middle:
        st.markdown(f"**Losses** · {plain(says[at])}")
        _losses(key, same, shown, now)
    with right:
        _fresh_flagged(key, same, shown)
        _separation(key, shown)
    _reconstructions(shown)


@st.cache_data(max_entries=2_000, show_spinner=False)
def _frame(path: str) -> Frame:
    return snapshots.read(Path(path))


@st.cache_data(max_entries=2_000, show_spinner=False)
def _sheet(path: str) -> str:
    return images.inline(images.sheet_png(_frame(path).samples, 4))


def _epoch(key: str, says: list[str], sheets: list[str]) -> int:
    """The player, and the epoch that the rest is drawn for: the newest, unless a person has chosen another."""
    frames = [{"say": said, "sheet": sheet} for said, sheet in zip(says, sheets, strict=True)]
    played = _player(key=f"player-{key}", data={"of": key, "frames": frames}, on_place_change=lambda: None)
    chosen = (played.place or {}).get("epoch")
    return min(int(chosen or len(frames)), len(frames))


def _say(frame: Frame, frames: list[Frame]) -> str:
    """Which epoch, and of which digit where there are several."""
    epoch = f"epoch {frame.epoch}" if frame.epoch else "before it learns"
    return epoch if frames[0].label == frames[-1].label else f"digit {frame.label}, {epoch}"


def _reconstructions(shown: Frame) -> None:
    pairs = (
        ("held-out normals", shown.held_out, shown.held_out_drawn),
        ("other digits", shown.odd, shown.odd_drawn),
    )
    if any(given.size for _, given, _ in pairs):
        for place, (what, given, drawn) in zip(st.columns(2, gap="medium"), pairs, strict=True):
            if given.size:
                caption = f"{what}, and below what it makes of them"
                png = images.pairs_png(given, drawn)
                picture.show(png, what.capitalize(), caption=caption, width="stretch", place=place)


def _losses(key: str, same: list[Frame], shown: Frame, now: dict[str, float]) -> None:
    if curves := training.curves_of(same):
        figure = training.losses(curves, shown.epoch)
        picture.chart(figure, f"losses-{key}", "Losses by epoch")
        if not all(training.begun(name, values[0]) for name, values in curves.items()):
            st.caption("The generator first learns to copy. Its own loss begins where it has a critic to convince.")
    else:
        st.caption("They are drawn from the first finished epoch on.")
    if now:
        begun = {name: value for name, value in now.items() if training.begun(name, value)}
        st.caption("this epoch: " + ", ".join(f"{name} {value:.3g}" for name, value in begun.items()))


def _fresh_flagged(key: str, same: list[Frame], shown: Frame) -> None:
    shares = {frame.epoch: flagged for frame in same if (flagged := frame.fresh_flagged) is not None}
    if not shares:  # frames of before it was kept
        return
    st.markdown("**Fresh digits it would flag itself**, by epoch")
    figure = training.fresh_flagged(shares, shown.epoch)
    picture.chart(figure, f"fresh-{key}", "Share of fresh digits flagged, by epoch")
    share = " → ".join(say_share(shares[epoch]) for epoch in sorted({min(shares), max(shares)}))
    beyond = say_share(1 - FLAGGED_BEYOND)
    st.caption(f"{share}. Of held-out normals {beyond} lie as far from what it learnt; for watching only.")


def _separation(key: str, shown: Frame) -> None:
    st.markdown("**Held-out normals and others apart**")
    figure = training.separation(shown.normal_errors, shown.other_errors)
    picture.chart(figure, f"apart-{key}", "Histograms of normals and others")
    area = shown.separation
    said = "There are no other digits in this data" if area is None else f"AUROC {area:.3f} by this error alone"
    st.caption(f"{said}; for watching only.")
