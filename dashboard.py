"""The first page: draw, upload or photograph a digit, and see at once how odd it is.

``streamlit run dashboard.py`` imports this file once, for the app that it serves, and then runs it at every visit.
"""

import streamlit as st

if st.runtime.exists():
    from pages.ui.draw import page  # the canvas can be imported while Streamlit runs only

    page.show()
else:
    from core import upkeep
    from pages.ui import reruns, uploading
    from pages.ui.visitor import MIDDLEWARE

    upkeep.begin()
    reruns.mend()
    uploading.mend()
    app = st.App(__file__, middleware=MIDDLEWARE)
