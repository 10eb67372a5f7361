"""Watching a batch: which one, how far it is, and the orders one can give it."""

import streamlit as st

from core.batch import queue, worker
from core.batch.queue import Standing
from core.batch.store import Store, stores
from core.jobs.queue import State
from core.words import say_duration
from pages.ui import chrome, local_time, presses
from pages.ui.batch.intake import CHOSEN
from pages.ui.text import plain
from pages.ui.visitor import visitor

SECONDS = 1.0
_PLACE, _BEGUN = "batches", "batch_begun"


def batches() -> dict[str, Store]:
    """The visitor's batches by name, the newest first."""
    return {store.folder.name: store for store in stores(visitor())}


def choose(stores: dict[str, Store]) -> Store:
    """The batch to look at, of at least one: the newest unless another is chosen."""
    chrome.failed(_PLACE)
    begun = st.session_state.get(CHOSEN, "")
    # A pile that is handed in brings a list of its own, which begins with it: a value set anew would have to travel.
    key = f"{CHOSEN} {begun}"
    shown = next(name for name in (st.session_state.get(key), begun, *stores) if name in stores)
    if len(stores) > 1:
        how = presses.steered(key, shown, list(stores))
        st.selectbox("Batch", list(stores), format_func=lambda name: _say(stores[name]), **how)
    return stores[shown]


def show(store: Store) -> bool:
    """How far the batch is, and its buttons; True while there is nothing to review yet."""
    standing = queue.of_server().standing(store)
    if standing.state.busy:
        bar, stop = st.columns([6, 1], vertical_alignment="bottom")
        with bar:
            st.fragment(_watch, run_every=SECONDS)(store)
        stop.button("Stop", icon=":material/stop:", on_click=queue.of_server().stop, args=(store,), width="stretch")
        return not store.parts
    if standing.message:
        st.warning(plain(standing.message), icon=":material/warning:")
    if standing.state is not State.DONE:
        items, _ = store.done
        kept = " What is judged so far is in the history." if worker.enters_history(store) else ""
        st.info(f"Stopped after {items:,} of about {store.job.total:,}.{kept}", icon=":material/pause_circle:")
        if store.input.is_dir():
            act = (_PLACE, queue.of_server().go_on, store)
            st.button("Go on", icon=":material/play_arrow:", type="primary", on_click=presses.attempt, args=act)
    if store.parts:
        return False
    delete(store)
    return True


def delete(store: Store) -> None:
    """What gives a batch up, with all that was found in it; asked twice, since nothing brings it back."""
    with st.popover("Delete this batch", icon=":material/delete:", type="tertiary"):
        st.markdown("What was found in it goes, and the labels set right with it.")
        act = (_PLACE, queue.of_server().delete, store)
        st.button("Delete it", type="primary", key="batch-delete", on_click=presses.attempt, args=act)


def _watch(store: Store) -> None:
    standing = queue.of_server().standing(store)
    if not standing.state.busy or (store.parts and st.session_state.get(_BEGUN) != store.folder.name):
        st.session_state[_BEGUN] = store.folder.name
        st.rerun()
    st.progress(min(1.0, standing.progress.fraction) if standing.progress else 0.0, _progress(store, standing))


def _progress(store: Store, standing: Standing) -> str:
    if standing.state is State.WAITING:
        return f"**{plain(store.job.title)}** waits for its turn"
    if standing.progress is None:
        return f"**{plain(store.job.title)}**: judging about {store.job.total:,}"
    progress = standing.progress
    left = "" if progress.seconds_left is None else f" · about {say_duration(progress.seconds_left)} left"
    refused = f" · {progress.refused:,} refused" if progress.refused else ""
    return f"**{plain(store.job.title)}**: {progress.items:,} of {progress.total:,}{refused}{left}"


def _say(store: Store) -> str:
    return f"{store.job.title}, {local_time.say(store.job.created)}, {store.job.point.model}"
