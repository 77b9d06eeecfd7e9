"""The About tab: whose ideas these are, which weights run, what is kept, what it cannot do."""

import gradio as gr

from sslviz.ui.work import Desk


def build_about_tab(desk: Desk) -> None:
    """Static words, tables made from the catalog and the checkpoints."""
    del desk
    gr.HTML("About")
