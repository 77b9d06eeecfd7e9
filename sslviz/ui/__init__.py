"""The app: what a person sees. The only package that knows Gradio."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sslviz.ui.app import build_app
    from sslviz.ui.server import launch

__all__ = ["build_app", "launch"]


def __getattr__(name: str) -> Any:
    """Load on first use: ``import sslviz.ui`` must not load Gradio."""
    if name == "build_app":
        from sslviz.ui.app import build_app

        return build_app
    if name == "launch":
        from sslviz.ui.server import launch

        return launch
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
