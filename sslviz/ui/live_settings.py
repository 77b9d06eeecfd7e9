"""What the person who runs the app decides about the live view."""

from dataclasses import dataclass, field

from sslviz.catalog import DEFAULT_CHECKPOINT
from sslviz.live import LiveOptions
from sslviz.ui.live_protocol import ProtocolLimits
from sslviz.ui.live_turns import TurnOptions

ZERO_GPU = (
    "This Space borrows its GPU by the call, so live would spend your daily minutes in seconds. "
    "Record a clip instead, or run the app on your own machine."
)


@dataclass(frozen=True, slots=True)
class LiveSettings:
    """Limits and choices of the live view of one app."""

    checkpoints: tuple[str, ...] = (DEFAULT_CHECKPOINT,)
    """Names on offer, the first one chosen."""
    options: LiveOptions = field(default_factory=LiveOptions)
    turns: TurnOptions = field(default_factory=TurnOptions)
    limits: ProtocolLimits = field(default_factory=ProtocolLimits)
    record_seconds: tuple[int, ...] = (5, 10, 20, 30)
    max_side: int = 640
    """Longer side of the pictures that the page sends, pixels."""
    forbidden: str = ""
    """A sentence that says why live is not offered here; empty where it is."""
    clip_tab: str = "Video"
    """Label of the tab that takes a recorded clip."""
    clip_input: str = "input[type=file][accept*=video]"
    """CSS selector of that tab's file input."""
    allowed_origins: tuple[str, ...] = ()
    """Hosts (``name:port``) whose pages may connect, beside the app's own."""


def public_settings(checkpoints: tuple[str, ...], zero_gpu: bool) -> LiveSettings:
    """For strangers: short turns, a limit on the length of a session, nothing on ZeroGPU.

    Args:
        checkpoints: Names on offer.
        zero_gpu: Whether the machine lends its GPU by the call.
    """
    turns = TurnOptions(slots=2, max_waiting=8, turn_seconds=30.0, session_seconds=600.0)
    return LiveSettings(checkpoints, turns=turns, forbidden=ZERO_GPU if zero_gpu else "")
