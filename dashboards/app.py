"""Entry point of the dashboard: the page's frame and the navigation, nothing else."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

HERE = Path(__file__).parent

st.set_page_config(page_title="Netassay", page_icon=str(HERE / "icon.png"), layout="wide")
st.navigation(
    [
        st.Page(HERE / "views" / "runs.py", title="Runs", url_path="runs", default=True),
        st.Page(HERE / "views" / "run.py", title="One run", url_path="run"),
        st.Page(HERE / "views" / "finding.py", title="One finding", url_path="finding"),
        st.Page(HERE / "views" / "groups.py", title="Groups", url_path="groups"),
        st.Page(HERE / "views" / "rows.py", title="Rows", url_path="rows"),
        st.Page(HERE / "views" / "compare.py", title="Compare two runs", url_path="compare"),
    ]
).run()
