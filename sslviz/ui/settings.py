"""What a person who runs the app may set: limits, queue, how long results are kept."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sslviz.errors import OptionError
from sslviz.options import MediaLimits

MEGABYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Deployment:
    """Settings of one running app."""

    public: bool = False
    """Strangers use it: sizes and lengths are limited, results are kept for a short time."""
    max_bytes: int = 2048 * MEGABYTE
    """Of one upload."""
    max_duration_seconds: float | None = None
    """Of one clip; ``None``: any length."""
    queue_size: int = 20
    """Visitors who may wait; the next one is refused at once."""
    keep_seconds: float = 24 * 3600.0
    """Uploads and results older than this are deleted."""
    store_bytes: int = 20 * 1024 * MEGABYTE
    """Uploads and results together; the oldest go first."""
    max_checkpoint_bytes: int | None = None
    """Of one file that is fetched because a visitor typed ``hf:USER/NAME``; ``None``: any size."""
    mcp: bool = False
    """Offer the named endpoints as MCP tools as well."""
    folder: Path = field(default_factory=lambda: Path(tempfile.gettempdir()) / "sslviz-app")
    """Where uploads and results live."""

    def media_limits(self) -> MediaLimits:
        """What the media reader may accept."""
        return MediaLimits(max_duration_seconds=self.max_duration_seconds, max_bytes=self.max_bytes)


def _number(environment: Mapping[str, str], name: str, default: float) -> float:
    text = environment.get(name, "").strip()
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not value > 0:
        raise OptionError(f"{name} is {text!r}; allowed is a number above 0. Change or remove it.")
    return value


def _flag(environment: Mapping[str, str], name: str, default: bool) -> bool:
    text = environment.get(name, "").strip().lower()
    if text in {"", "0", "no", "false", "off", "1", "yes", "true", "on"}:
        return default if not text else text in {"1", "yes", "true", "on"}
    raise OptionError(f"{name} is {text!r}; allowed is 1 or 0. Change or remove it.")


def deployment_from(environment: Mapping[str, str]) -> Deployment:
    """Read the settings of a deployment.

    ``SSLVIZ_PUBLIC=1`` (or running on a Space, where ``SPACE_ID`` is set) chooses the limits of a
    public app: 200 MB, 10 minutes, eight waiting visitors, results kept for one hour, 512 MB for a
    file of a checkpoint from the Hub that a visitor names. Each can be set by itself: ``SSLVIZ_MAX_MEGABYTES``, ``SSLVIZ_MAX_MINUTES``, ``SSLVIZ_QUEUE_SIZE``,
    ``SSLVIZ_KEEP_MINUTES``, ``SSLVIZ_STORE_MEGABYTES``, ``SSLVIZ_CHECKPOINT_MEGABYTES``,
    ``SSLVIZ_FOLDER``, ``SSLVIZ_MCP``.

    Raises:
        OptionError: A setting is not a positive number, or not a flag.
    """
    public = _flag(environment, "SSLVIZ_PUBLIC", default="SPACE_ID" in environment)
    minutes = _number(environment, "SSLVIZ_MAX_MINUTES", 10 if public else float("inf"))
    checkpoint = _number(
        environment, "SSLVIZ_CHECKPOINT_MEGABYTES", 512 if public else float("inf")
    )
    folder = environment.get("SSLVIZ_FOLDER")
    return Deployment(
        public=public,
        max_bytes=int(
            _number(environment, "SSLVIZ_MAX_MEGABYTES", 200 if public else 2048) * MEGABYTE
        ),
        max_duration_seconds=None if minutes == float("inf") else minutes * 60,
        queue_size=int(_number(environment, "SSLVIZ_QUEUE_SIZE", 8 if public else 20)),
        keep_seconds=_number(environment, "SSLVIZ_KEEP_MINUTES", 60 if public else 24 * 60) * 60,
        store_bytes=int(
            _number(environment, "SSLVIZ_STORE_MEGABYTES", 4096 if public else 20480) * MEGABYTE
        ),
        max_checkpoint_bytes=None if checkpoint == float("inf") else int(checkpoint * MEGABYTE),
        mcp=_flag(environment, "SSLVIZ_MCP", default=False),
        folder=Path(folder) if folder else Deployment().folder,
    )
