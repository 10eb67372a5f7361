"""The models there are: one's card, download, import, rename, delete, and two or more side by side."""

import pandas as pd
import streamlit as st

from core.detector import registry
from core.detector.model_card import LARGEST_BYTES
from core.detector.registry import Model
from core.detector.state import Measured
from core.errors import OddDigitError
from core.figures import charts, training
from core.training.job import forget_upload
from core.views import model_table
from pages.ui import chrome, picker, picture, presses, state
from pages.ui.text import plain
from pages.ui.training import compare
from pages.ui.visitor import visitor

JUST_DONE = "models_just_done"  # names of models that have this moment been made: their cards come forward
_PLACE, _DONE, _CHOSEN = "models", "models_done", "models_chosen"


def show(announced: str = "") -> None:
    """A list of all models, then the card of the one chosen, or those chosen side by side.

    Args:
        announced: the model of which the page has said already what is weak about it.
    """
    st.subheader("Models", anchor=False)
    chrome.failed(_PLACE)
    if done := st.session_state.pop(_DONE, None):
        st.success(plain(done), icon=":material/check_circle:")
    shelf = {model.name: model for model in sorted(registry.models(visitor()), key=_newest_own_first)}
    measured: dict[str, Measured] = {}
    for model in shelf.values():
        try:
            measured[model.name] = picker.measured(model.path)
        except (OddDigitError, OSError) as error:
            st.warning(f"{plain(model.name)} cannot be used: {plain(error)}", icon=":material/warning:")
    if measured:
        _list(shelf, measured)
        chosen = st.session_state.pop(JUST_DONE, None) or st.session_state.get(_CHOSEN, [])
        chosen = st.pills(
            "Choose one for its card, two or more to compare them",
            list(measured),
            selection_mode="multi",
            format_func=plain,
            **presses.steered(_CHOSEN, [name for name in chosen if name in measured]),
        )
        if len(chosen) == 1:
            if chosen[0] != announced:
                chrome.weak(measured[chosen[0]])
            _card(shelf[chosen[0]], measured[chosen[0]])
        elif chosen:
            compare.show({name: measured[name] for name in chosen})
    else:
        st.caption("There are no models yet.")
    _import()


def _newest_own_first(model: Model) -> tuple[bool, float]:
    return model.shipped, 0.0 if model.shipped or not model.path.exists() else -model.path.stat().st_mtime


def _list(shelf: dict[str, Model], measured: dict[str, Measured]) -> None:
    rows = [
        {"model": name, **model_table.summary(one), "kind": "shipped" if shelf[name].shipped else "own"}
        for name, one in measured.items()
    ]
    with st.container(key="models-list"):
        st.table(pd.DataFrame(rows).map(plain), hide_index=True, border="horizontal")


def _card(model: Model, measured: Measured) -> None:
    left, right = st.columns([3, 2], gap="large")
    with left:
        compare.cards({model.name: measured})
    with right:
        label, curves = next(iter(measured.card.curve.items()), ("", {}))
        if any(curves.values()):
            which = f", digit {label}" if len(measured.card.curve) > 1 else ""
            st.markdown(f"**Losses while it was trained**{which}")
            picture.chart(training.losses(curves), "card-losses", "Losses by epoch")
        if measured.evaluation is not None and (curve := measured.evaluation.roc("fused")):
            st.markdown("**ROC curve**, with its area")
            figure = charts.roc_curves({model.name: curve}).update_layout(showlegend=True)
            picture.chart(figure, "card-roc", "ROC curve")
    _actions(model)


def _actions(model: Model) -> None:
    with st.container(horizontal=True, gap="small"):
        st.button("Use it", type="primary", on_click=_use, args=(model.name,), key="model-use")
        st.download_button(
            "Download", model.path.read_bytes, model.path.name, "application/octet-stream", key="model-download"
        )
        if not model.own:
            whose = "Shipped with the app" if model.shipped else "Everyone's on this server"
            st.caption(f"{whose}: it cannot be renamed or deleted.")
            return
        with st.popover("Rename"):
            st.text_input("New name", model.name, max_chars=64, key=f"rename-{model.name}")
            act = (_PLACE, _rename, model.name)
            st.button("Rename it", on_click=presses.attempt, args=act, key="model-rename")
        with st.popover("Delete"):
            st.markdown(
                f"**{plain(model.name)}** will be gone from every page. A downloaded copy can be imported again."
            )
            act = (_PLACE, _delete, model.name)
            st.button("Delete it", type="primary", on_click=presses.attempt, args=act, key="model-delete")


def _import() -> None:
    with st.expander("Import a model from another machine"):
        file = st.file_uploader(
            f"A file that Download has made ({registry.SUFFIX})",
            key="import_file",
            max_upload_size=LARGEST_BYTES >> 20,
        )
        if wrong := file is not None and not file.name.lower().endswith(registry.SUFFIX):
            st.warning(
                f"{plain(file.name)} is no model: choose a file that Download has made, whose name ends in "
                f"{registry.SUFFIX}.",
                icon=":material/warning:",
            )
        st.text_input("Name here", placeholder="as on its card", max_chars=64, key="import_name")
        act = (_PLACE, _take_in)
        st.button("Import", disabled=file is None or wrong, on_click=presses.attempt, args=act, key="import")


def _use(name: str) -> None:
    state.move(model=name)
    st.session_state[_DONE] = f"{name} is chosen on every page."


# What was typed is read when the button is pressed: whoever types and presses at once gets what they see.
def _rename(name: str) -> None:
    new = st.session_state[f"rename-{name}"].strip()
    registry.rename(name, new, visitor())
    st.session_state[_DONE], st.session_state[_CHOSEN] = f"{name} is called {new} now.", [new]


def _delete(name: str) -> None:
    dataset = registry.card(name, visitor()).dataset
    registry.delete(name, visitor())
    forget_upload(dataset, visitor())
    st.session_state[_DONE] = f"{name} is deleted."


def _take_in() -> None:
    file, name = st.session_state["import_file"], st.session_state["import_name"].strip()
    model = registry.import_model(file.getvalue(), visitor(), name)
    st.session_state[_DONE], st.session_state[_CHOSEN] = f"{model.name} is on the shelf.", [model.name]
