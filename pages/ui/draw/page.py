"""The first page: input on the left, verdict on the right."""

import streamlit as st

from core.detector import registry
from core.errors import OddDigitError
from core.operating_point import OperatingPoint
from pages.ui import chrome, picker
from pages.ui.draw import canvas, intake
from pages.ui.visitor import visitor


def show() -> None:
    """Choose what is normal, then draw or hand in."""
    chrome.page(chrome.NAME, "Draw a digit. A network that has only ever seen normal ones tells you how odd yours is.")
    try:
        point = picker.model_and_threshold()
        normal = registry.card(point.model, visitor()).normal  # much quicker than loading it
    except OddDigitError as error:
        chrome.refuse(error)
        st.stop()
    judge(point, normal)


@st.fragment
def judge(point: OperatingPoint, normal: tuple[str, ...]) -> None:
    """Input on the left, its verdict on the right; reruns on its own after every stroke."""
    left, right = st.columns([2, 3], gap="large")
    with left:
        draw, upload, camera = st.tabs(["Draw", "Upload", "Camera"], on_change="rerun", key="way_in")
        drawing, at_hand = None, None
        if draw.open:
            with draw:
                drawing = canvas.draw(normal)
                with st.container(key="at-hand"):  # on a phone the verdict itself stands below all this
                    at_hand = st.empty()
                canvas.tools(normal)
        with upload:
            files = intake.upload() if upload.open else None
        with camera:
            photo = intake.camera() if camera.open else None
    with right:
        if drawing is not None and at_hand is not None:
            intake.judge_drawing(drawing, point, at_hand)
        elif files is not None:
            intake.judge_pictures(files, point, "upload")
        elif photo is not None:
            intake.judge_pictures(photo, point, "camera")
