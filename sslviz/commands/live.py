"""``sslviz live``: the live view in a window of its own, or without one from files."""

import argparse
import statistics
import threading
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from sslviz.commands.arguments import Say, add_localizer, add_style, load, style_from
from sslviz.commands.live_sources import DeviceSource, FileSource, Moment
from sslviz.errors import LiveError, OptionError
from sslviz.live import LiveMap, LiveOptions, LiveSession, quick_enough
from sslviz.options import ColorScale, Style
from sslviz.overlay import Painter, planes_from_rgb, rgb_from_planes
from sslviz.overlay.color import PREVIEW_TAGS
from sslviz.pipeline.drawing import draw_artwork
from sslviz.regions import find_region
from sslviz.scaling import Verdict
from sslviz.smoothing import TemporalSmoother
from sslviz.types import Heatmap

TITLE = "sslviz live (q quits)"


def add_live(parser: argparse.ArgumentParser) -> None:
    """Flags of ``sslviz live``."""
    group = parser.add_argument_group("input")
    group.add_argument("--video", type=Path, metavar="FILE", help="pictures from a file")
    group.add_argument(
        "--audio", type=Path, metavar="FILE", help="sound from another file than --video"
    )
    group.add_argument(
        "--realtime",
        action="store_true",
        help="play the files at their own pace, late ones left out",
    )
    group.add_argument("--camera", type=int, default=0, metavar="N", help="default: 0")
    group.add_argument("--microphone", metavar="NAME", help="part of the device's name")
    group.add_argument("--maps-per-second", type=float, default=15.0, metavar="N", help="at most")
    group.add_argument(
        "--window",
        action=argparse.BooleanOptionalAction,
        help="default: for a camera, not for files",
    )
    add_localizer(parser)
    add_style(parser)


def run_live(args: argparse.Namespace, say: Say) -> int:
    """``sslviz live``.

    Raises:
        LiveError: A device is missing, or there is no screen.
        MediaError: A file cannot be used.
    """
    if args.audio is not None and args.video is None:
        raise LiveError("--audio needs --video: a camera goes with a microphone.")
    style = live_style(args, say)
    localizer = quick_enough(load(args, say))
    gate = style.silence_gate_dbfs
    session = LiveSession(localizer, LiveOptions(args.maps_per_second, silence_gate_dbfs=gate))
    rate = localizer.spec.sample_rate
    source = (
        FileSource(args.video, args.audio, rate, args.realtime)
        if args.video is not None
        else DeviceSource(args.camera, args.microphone, rate)
    )
    shown = args.window if args.window is not None else args.video is None
    with source:
        run = _watch if shown else _listen
        found = run(session, source, style, say)
    if not found:
        raise LiveError("Nothing came in: the input ended before its first map.")
    steps = [f.step_seconds for f in found[1:]] or [found[0].step_seconds]
    say(f"{len(found)} maps, {1000 * statistics.median(steps):.0f} ms each (median)")
    if session.too_slow:
        say("This method is too slow to follow live here; try --method marginnce-compact.")
    return 0


def live_style(args: argparse.Namespace, say: Say) -> Style:
    """The style that the flags mean, as far as it can be painted before the clip is known.

    Raises:
        OptionError: A flag asks for what needs the whole clip, or for stretched colours.
    """
    style = style_from(args)
    possible = replace(style, color_scale=ColorScale.FIXED, strip=False)
    if args.color_scale not in (None, "fixed") or args.strip:
        raise OptionError(
            "The live view paints on the fixed scale, without a strip; leave out --scale and --strip, "
            "or render a recording with them."
        )
    if style != possible:
        say(
            "Note: the live view paints on the fixed scale, without a strip, whatever --style says."
        )
    return possible


def line_of(session: LiveSession, found: LiveMap) -> str:
    """One map in words."""
    place = ""
    if found.verdict is Verdict.SOURCE:
        region = find_region(session.heatmap(found).values)
        place = f" at the {region.place}" if region else ""
    return (
        f"{found.score_map.pts_seconds:8.2f} s  {found.verdict.value}{place}  "
        f"confidence {found.score_map.confidence:.2f}  {found.level_dbfs:.0f} dBFS  "
        f"{1000 * found.step_seconds:.0f} ms"
    )


def _push(session: LiveSession, number: int, moment: Moment) -> None:
    session.push_audio(moment.first_sample, moment.samples)
    session.push_frame(number, moment.frame)


def _listen(
    session: LiveSession, source: FileSource | DeviceSource, style: Style, say: Say
) -> list[LiveMap]:
    """Without a window: one line per map."""
    del style
    found: list[LiveMap] = []
    due = 0.0
    for number, moment in enumerate(source.moments()):
        _push(session, number, moment)
        if moment.frame.pts_seconds < due:
            continue
        due = moment.frame.pts_seconds + 1 / session.options.max_maps_per_second - 1e-6
        if (newest := session.step()) is not None:
            found.append(newest)
            say(line_of(session, newest))
    return found


def _watch(
    session: LiveSession, source: FileSource | DeviceSource, style: Style, say: Say
) -> list[LiveMap]:
    """In a window: the picture at camera rate, the model beside it."""
    say("A window opens; q or Escape closes it.")
    screen, worker = _Screen(session, style), _Worker(session)
    worker.start()
    try:
        for number, moment in enumerate(source.moments()):
            _push(session, number, moment)
            worker.fresh.set()
            if worker.error is not None:
                raise worker.error
            if not screen.show(moment, worker.found[-1] if worker.found else None):
                break
    finally:
        worker.stop()
        with suppress(cv2.error):
            cv2.destroyAllWindows()
    return worker.found


class _Worker(threading.Thread):
    """Maps the newest picture whenever there is one; keeps its error for the owner."""

    def __init__(self, session: LiveSession) -> None:
        super().__init__(name="live-model", daemon=True)
        self.fresh = threading.Event()
        self.found: list[LiveMap] = []
        self.error: Exception | None = None
        self._session = session
        self._stopping = threading.Event()

    def run(self) -> None:
        try:
            while not self._stopping.wait(self._session.pace_seconds()):
                self.fresh.wait(0.5)
                self.fresh.clear()
                if (found := self._session.step()) is not None:
                    self.found.append(found)
        except Exception as error:  # noqa: BLE001 - raised again where the window is
            self.error = error

    def stop(self) -> None:
        self._stopping.set()
        self.fresh.set()
        self.join()


@dataclass(slots=True)
class _Screen:
    """Paints over each picture what was found last."""

    session: LiveSession
    style: Style
    painter: Painter | None = None
    smoother: TemporalSmoother = field(init=False)

    def __post_init__(self) -> None:
        self.smoother = TemporalSmoother(self.style.half_life_ms / 1000)

    def show(self, moment: Moment, found: LiveMap | None) -> bool:
        """Show one picture; false when the visitor closes the window.

        Raises:
            LiveError: There is no screen.
        """
        image = self.paint(moment, found)
        try:
            cv2.imshow(TITLE, np.ascontiguousarray(image[..., ::-1]))
            key = cv2.waitKey(1) & 0xFF
            closed = cv2.getWindowProperty(TITLE, cv2.WND_PROP_VISIBLE) < 1
        except cv2.error as error:
            raise LiveError("No window can be opened here; use --no-window.") from error
        return key not in (27, ord("q")) and not closed

    def paint(self, moment: Moment, found: LiveMap | None) -> NDArray[np.uint8]:
        """The picture with the heat, RGB."""
        if found is None:
            return moment.frame.image
        planes = planes_from_rgb(moment.frame.image)
        height, width = planes.y.shape
        if self.painter is None or (self.painter.width, self.painter.height) != (width, height):
            identity, scale = self.session.localizer.identity, found.score_map.scale
            artwork = draw_artwork(identity, scale, self.style, (width, height))
            self.painter = Painter(self.style, artwork, width, height, PREVIEW_TAGS)
        newest = Heatmap(self.session.heatmap(found).values, moment.frame.pts_seconds)
        badge = "" if found.verdict is Verdict.SOURCE else found.verdict.value
        self.painter.paint_yuv(planes, self.smoother(newest).values, badge)
        return rgb_from_planes(planes, PREVIEW_TAGS)
