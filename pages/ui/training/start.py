"""Asking for a training run: data, normal digits, name; everything else has a default and is folded away."""

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core import datasets
from core.datasets import own, uploads
from core.detector import registry
from core.errors import OddDigitError
from core.gan.networks import ARCHITECTURES
from core.training import queue, run
from core.training.plan import (
    MOST_EPOCHS,
    NOTICED,
    STARTING_SECONDS,
    Counts,
    Plan,
    busy,
    count_images,
    plan_run,
    seconds_an_image,
)
from core.training.run import EVERY_LABEL, FEWEST_OF_OWN, RunSpec
from core.words import NO_DIGIT, say_duration
from pages.ui import chrome, presses
from pages.ui.text import plain
from pages.ui.visitor import visitor

_OWN = "my own pictures"
_UPLOAD, _PLACE = "train_upload", "train"
_NAME, _STARTED = "train_name", "trainings started"
_count = st.cache_data(max_entries=20, ttl=600, show_spinner="Counting the digits…")(count_images)
_seconds_an_image = st.cache_data(ttl=600, show_spinner=False)(seconds_an_image)


def begin() -> tuple[Sequence[DeltaGenerator], str]:
    """The row that starts a run, so far with its data alone: the rest waits for their digits to be counted."""
    row = st.columns([1.1, 2, 2.4, 1.8, 1.1], vertical_alignment="bottom")
    with row[1]:
        return row, _dataset()


def offer(row: Sequence[DeltaGenerator], dataset: str) -> None:
    """The rest of the row; what stands in its way is said below it."""
    if dataset == _OWN:
        dataset = _own_pictures()
    if not dataset:
        row[0].button("Train", type="primary", disabled=True, width="stretch", key="train")
        return
    try:
        counts = _count(dataset) if datasets.available(dataset) else None
        labels = _labels(dataset, counts)
    except OddDigitError as error:
        chrome.refuse(error)
        return
    normal = row[2].multiselect(
        "Normal",
        labels,
        _default(labels, counts),
        key=f"train_normal-{dataset}",
        format_func=lambda label: "all of them" if label == EVERY_LABEL else label,
    )
    with row[3]:
        name = _name(dataset, tuple(normal))
    with row[4], st.popover("more", width="stretch", key="train_more"):
        architecture, epochs, seed = _settings()
    chosen = (EVERY_LABEL,) if EVERY_LABEL in normal else tuple(normal)
    spec = RunSpec(name, chosen, dataset, architecture, epochs, seed, visitor())
    below = st.container()
    plan, trouble = _plan(spec, counts)
    _say(below, spec, plan, trouble)
    row[0].button(
        "Train",
        type="primary",
        width="stretch",
        key="train",
        disabled=trouble is not None,
        icon=":material/play_arrow:",
        on_click=presses.attempt,
        args=(_PLACE, _start, spec, counts),
    )


def _dataset() -> str:
    here = [name for name in datasets.NAMES if datasets.available(name)]
    # MNIST first where it is; the bundled digits where nothing was ever downloaded.
    names = [*here, *(name for name in datasets.NAMES if name not in here), _OWN]
    return str(st.selectbox("Data", names, format_func=_say_dataset, key="train_dataset"))


def _say_dataset(name: str) -> str:
    if name == _OWN:
        return "My own pictures…"
    known = datasets.NAMES[name]
    return known.title if datasets.available(name) else f"{known.title} ({known.download_mb} MB to download)"


def _settings() -> tuple[str, int, int]:
    """Architecture, epochs and seed."""
    architecture = st.radio(
        "Architecture",
        list(ARCHITECTURES),
        format_func=lambda name: f"{name}: {ARCHITECTURES[name].words}",
        key="train_architecture",
    )
    epochs = st.number_input(
        "Epochs",
        1,
        MOST_EPOCHS,
        ARCHITECTURES[architecture].epochs,
        key="train_epochs",
        help="Each shows the networks some 2,000 digits, however many there are; few are varied anew each time.",
    )
    seed = st.number_input(
        "Seed", 0, 2**31 - 1, 0, key="train_seed", help="The same seed on the same machine makes the same detector."
    )
    return str(architecture), int(epochs), int(seed)


def _labels(dataset: str, counts: Counts | None) -> list[str]:
    labels = [label for label, n in counts.train.items() if n] if counts else list(datasets.labels_in(dataset))
    return [*labels, EVERY_LABEL] if len(labels) > 1 else labels


def _default(labels: list[str], counts: Counts | None) -> list[str]:
    """The label with most images, which a training wants; 5 where the data set has about as many of each."""
    if counts is None or not counts.train:
        return ["5"] if "5" in labels else labels[:1]
    most = max(counts.train, key=lambda label: (label != NO_DIGIT, counts.train[label]))
    return ["5"] if 2 * counts.train.get("5", 0) > counts.train[most] else [most]


def _name(dataset: str, normal: tuple[str, ...]) -> str:
    """The name's field: it follows the choice of digits until someone types a name.

    It is another with every name that is offered: a value set anew would be undone by what polls before it has come.
    """
    kind = "npz:mine" if dataset.startswith("npz:") else dataset
    offered = _free(run.default_name(kind, normal)) if normal else ""
    key = f"train_name {st.session_state.setdefault(_STARTED, 0)} {offered}"
    before, offered_before = st.session_state.get(_NAME, (key, offered))
    shown = st.session_state.get(before, offered_before)
    st.session_state[_NAME] = key, offered
    how = presses.steered(key, offered if shown == offered_before else shown, begins="value")
    return st.text_input("Name", max_chars=64, **how).strip()


def _free(name: str) -> str:
    for number in range(1, 1000):
        candidate = name if number == 1 else f"{name[:60]}-{number}"
        try:
            registry.place_for(candidate, visitor())
        except OddDigitError:
            continue
        return candidate
    return name


def _own_pictures() -> str:
    """Uploading one's own pictures; the data set they are kept as, or empty."""
    left, middle, right = st.columns([2, 2, 1.3])
    # Any kind can be chosen: what Streamlit itself refuses is a red tile, without a word of why.
    files = left.file_uploader("Pictures or zip archives", accept_multiple_files=True, key="train_files")
    folder = middle.file_uploader("or a folder", accept_multiple_files="directory", key="train_folder")
    label = right.text_input("They show", "mine", max_chars=30, key="train_label").strip() or "mine"
    right.caption("Pictures that lie in folders are labelled by their folder's name instead.")
    given = tuple((file.name, file.getvalue()) for file in [*(files or []), *(folder or [])])
    if not given:
        st.info(
            "One shape a picture; folders or a zip with a folder for each kind also give it others to be measured "
            f"against. At least {FEWEST_OF_OWN} of what is normal, better some hundreds.",
            icon=":material/arrow_upward:",
        )
        return ""
    bar = st.progress(0.0, "Reading the pictures…")
    try:
        upload = _read(given, label, lambda share, line: bar.progress(share, line))
    except (OddDigitError, OSError) as error:
        chrome.refuse(error)
        return ""
    finally:
        bar.empty()
    said = ", ".join(f"{n:,} × {name}" for name, n in upload.counts.items())
    refused = f" {len(upload.refused)} could not be read." if upload.refused else ""
    st.markdown(f"Read: **{plain(said)}**.{refused} A fifth of each kind is set aside to measure the model with.")
    if upload.refused:
        with st.expander("Which, and why"):
            st.dataframe(
                {"file": [name for name, _ in upload.refused], "because": [why for _, why in upload.refused]},
                hide_index=True,
            )
    return upload.dataset


def _read(files: tuple[tuple[str, bytes], ...], label: str, progress: own.Progress) -> uploads.Upload:
    """Read an upload once, however often the page is drawn."""
    key = (label, tuple((name, hash(data)) for name, data in files))
    known: tuple[object, uploads.Upload] | None = st.session_state.get(_UPLOAD)
    # It goes with the last job or model that was made from it, while the files may still be chosen here.
    if known is None or known[0] != key or not datasets.available(known[1].dataset):
        known = (key, uploads.keep(files, label, visitor(), progress))
        st.session_state[_UPLOAD] = known
    return known[1]


def _plan(spec: RunSpec, counts: Counts | None) -> tuple[Plan | None, OddDigitError | None]:
    """What a run will take, or what stands in its way, found out before anything is lost."""
    try:
        if counts is not None:
            return plan_run(spec, counts), None
        registry.place_for(spec.name, visitor())
    except OddDigitError as error:
        return None, error
    return None, None


def _say(
    below: "st.delta_generator.DeltaGenerator", spec: RunSpec, plan: Plan | None, trouble: OddDigitError | None
) -> None:
    """What a click would start, or why it cannot."""
    chrome.failed(_PLACE)
    if trouble is not None:
        below.warning(plain(trouble), icon=":material/block:")
        return
    if plan is None:
        below.caption(f"{datasets.NAMES[spec.dataset]}. It is fetched first, then trained on.")
        return
    others = f" and {plan.anomalies:,} of other kinds" if plan.anomalies else ", but no others to tell apart,"
    seconds = STARTING_SECONDS + plan.work * _seconds_an_image(spec.architecture)
    shared = busy()
    now = f", {say_duration(shared * seconds)} as busy as it is now" if shared > NOTICED else ""
    below.caption(
        f"**About {say_duration(seconds)}** on this machine while little else runs{now}. It learns from "
        f"{plan.learnt:,} of {plan.images:,} normal digits, the other {plan.images - plan.learnt:,} tune and calibrate "
        f"it; {plan.normals:,} more{others} measure it."
    )


def _start(spec: RunSpec, counts: Counts | None) -> None:
    """Start what the form shows, with what was typed or chosen there in the moment of the click."""
    spec = replace(
        spec,
        name=st.session_state[st.session_state[_NAME][0]].strip(),
        epochs=int(st.session_state["train_epochs"]),
        seed=int(st.session_state["train_seed"]),
    )
    plan, trouble = _plan(spec, counts)
    if trouble is not None:
        raise trouble
    queue.of_server().submit(spec, plan.finishing / plan.training if plan else 0.0)
    presses.count(_STARTED)
    del st.session_state[_NAME]  # it is taken now: the next one is offered in its place
