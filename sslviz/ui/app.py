"""The page: header, tabs, and what happens when it opens."""

from typing import cast

import gradio as gr

from sslviz.ui import about, text, theme
from sslviz.ui.api import build_api
from sslviz.ui.compare import build_compare_tab
from sslviz.ui.image import build_image_tab
from sslviz.ui.live import build_live_tab
from sslviz.ui.upload import build_video_tab
from sslviz.ui.work import Desk


def build_app(desk: Desk) -> gr.Blocks:
    """All tabs as one Gradio page.

    Args:
        desk: What visitors share: settings, stored files, loaded localizers.
    """
    keep = max(1, int(desk.deployment.keep_seconds))
    with gr.Blocks(
        title=f"{text.TITLE}: {text.TAGLINE}",
        delete_cache=(min(600, keep), keep),
        analytics_enabled=False,
    ) as page:
        header()
        with gr.Tabs(elem_classes="sv-tabs"):
            with gr.Tab(text.TAB_VIDEO, id="video"):
                build_video_tab(desk)
            with gr.Tab(text.TAB_LIVE, id="live"):
                build_live_tab()
            with gr.Tab(text.TAB_IMAGE, id="image"):
                build_image_tab(desk)
            with gr.Tab(text.TAB_COMPARE, id="compare"):
                build_compare_tab(desk)
            with gr.Tab(text.TAB_ABOUT, id="about"):
                about.build_about_tab(desk)
        build_api(desk)
        page.load(None, js="() => { window.sslviz.arrive() }", api_visibility="private")
    return cast(gr.Blocks, page)


def header() -> None:
    """Name, one sentence, light and dark."""
    gr.HTML(
        html_template=(
            f'<header class="sv-header">{theme.logo()}<h1>{text.TITLE}</h1>'
            f'<p>{text.TAGLINE}</p><div data-part="header"></div></header>'
        ),
        js_on_load="window.sslviz.mount('header', element)",
        apply_default_css=False,
    )
