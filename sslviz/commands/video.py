"""``render``, ``analyse`` and ``restyle``: videos and tracks in, videos and tracks out."""

import argparse
import sys
from collections.abc import Generator
from pathlib import Path
from typing import TypeVar

from sslviz.commands.arguments import (
    Say,
    add_analysis,
    add_exports,
    add_localizer,
    add_style,
    analysis_from,
    load,
    style_from,
)
from sslviz.media.closing import Closing
from sslviz.options import Style
from sslviz.pipeline import Progress, RenderResult, run_to_end
from sslviz.types import ScoreTrack

_Result = TypeVar("_Result")


def add_render(parser: argparse.ArgumentParser) -> None:
    """Flags of ``sslviz render``."""
    parser.add_argument("source", type=Path, metavar="IN", help="a video")
    parser.add_argument("target", type=Path, metavar="OUT", help="the MP4 to write")
    add_localizer(parser)
    add_analysis(parser)
    add_style(parser)
    add_exports(parser)


def add_analyse(parser: argparse.ArgumentParser) -> None:
    """Flags of ``sslviz analyse``."""
    parser.add_argument("source", type=Path, metavar="IN", help="a video")
    parser.add_argument("target", type=Path, metavar="TRACK", help="the track to write (npz)")
    add_localizer(parser)
    add_analysis(parser)
    add_style(parser)
    add_exports(parser, track=False)


def add_restyle(parser: argparse.ArgumentParser) -> None:
    """Flags of ``sslviz restyle``."""
    parser.add_argument("source", type=Path, metavar="IN", help="the video the track was made from")
    parser.add_argument("track", type=Path, metavar="TRACK", help="from analyse or --save-track")
    parser.add_argument("target", type=Path, metavar="OUT", help="the MP4 to write")
    add_style(parser)
    add_exports(parser, track=False)


def run_render(args: argparse.Namespace, say: Say) -> int:
    """``sslviz render IN OUT``."""
    from sslviz.pipeline import iter_render
    from sslviz.pipeline.session import check_target

    check_exports(args)
    options, style = analysis_from(args), style_from(args)
    check_source(args.source)
    check_target(args.source, args.target)
    work = iter_render(args.source, args.target, load(args, say), options, style)
    result = follow(work, args.quiet, options.start_seconds)
    return _finish(result, args, style, say)


def run_analyse(args: argparse.Namespace, say: Say) -> int:
    """``sslviz analyse IN TRACK``."""
    from sslviz.export import save_track
    from sslviz.pipeline import iter_analyse
    from sslviz.pipeline.session import check_target

    check_exports(args)
    options, style = analysis_from(args), style_from(args)
    check_source(args.source)
    check_target(args.source, args.target)
    work = iter_analyse(args.source, load(args, say), options)
    track = follow(work, args.quiet, options.start_seconds)
    save_track(track, args.target)
    export(track, args, style, captions_zero=0.0)  # no part is written: they go with the source
    say(f"{args.target}: {len(track)} maps over {track.duration_seconds:.1f} s.")
    return 0


def run_restyle(args: argparse.Namespace, say: Say) -> int:
    """``sslviz restyle IN TRACK OUT``."""
    from sslviz.export import load_track, painted_from
    from sslviz.pipeline import iter_restyle

    style = style_from(args)
    check_exports(args)
    check_source(args.source)
    track = load_track(args.track)
    work = iter_restyle(args.source, track, args.target, style)
    return _finish(follow(work, args.quiet, painted_from(track)), args, style, say)


def check_exports(args: argparse.Namespace) -> None:
    """Say at once that what the export flags ask for cannot be written.

    Raises:
        OutputError: Which one, and why.
    """
    from sslviz.pipeline.session import check_target

    for name in ("save_track", "csv", "settings", "poster", "captions", "timeline"):
        if (path := getattr(args, name, None)) is not None:
            check_target(args.source, path)


def check_source(path: Path) -> None:
    """Say at once that a file is missing, before weights are loaded.

    Raises:
        MediaError: There is no such file.
    """
    from sslviz.errors import MediaError

    if not path.is_file():
        raise MediaError(f"There is no file {path}; give the path of a video.")


def follow(
    work: Generator[Progress, None, _Result], quiet: bool, start_seconds: float = 0.0
) -> _Result:
    """Run to the end with a progress bar on standard error; Ctrl-C cancels and leaves no file.

    Args:
        work: What is to be done.
        quiet: No bar.
        start_seconds: Where in the source the work begins; the bar counts from there.
    """
    from tqdm import tqdm

    form = "{desc}: {percentage:3.0f}%|{bar}| {n:.1f}/{total:.1f} s of video{postfix} [{elapsed}<{eta}]"
    with _Bar(tqdm, form, quiet, start_seconds) as bar:
        return run_to_end(work, bar.show)


class _Bar(Closing):
    """A progress bar whose remaining time is the pipeline's own estimate."""

    def __init__(self, tqdm: type, form: str, quiet: bool, start_seconds: float) -> None:
        self._form, self._open, self._stage = form, tqdm, ""
        self._quiet, self._start_seconds = quiet, start_seconds
        self._bar = None

    def show(self, progress: Progress) -> None:
        if self._quiet:
            return
        if progress.stage != self._stage:
            self.close()
            self._stage = progress.stage
            self._bar = self._open(
                desc=progress.stage, total=1.0, file=sys.stderr, bar_format="{desc}"
            )
        bar = self._bar
        assert bar is not None
        done = max(progress.done_seconds - self._start_seconds, 0.0)
        end = progress.total_seconds or progress.done_seconds
        bar.total = max(end - self._start_seconds, 1e-3)
        bar.n = min(done, bar.total)
        eta = "?" if progress.eta_seconds is None else _clock(progress.eta_seconds)
        bar.bar_format = self._form.replace("{eta}", eta)
        bar.set_postfix_str(f"{progress.windows_per_second:.1f} maps/s", refresh=False)
        bar.refresh()

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes:02d}:{rest:02d}"


def _finish(result: RenderResult, args: argparse.Namespace, style: Style, say: Say) -> int:
    for warning in result.warnings:
        say(f"Note: {warning}")
    export(result.track, args, style)
    say(f"{result.path}: {summary(result.track, style)}")
    return 0


def summary(track: ScoreTrack, style: Style) -> str:
    """What was found, in one sentence."""
    from sslviz.scaling import Verdict, verdicts

    found = [verdict is Verdict.SOURCE for verdict in verdicts(track, style)]
    text = f"{len(track)} maps over {track.duration_seconds:.1f} s, a confident source in {sum(found)}."
    if not track.identity.trained:
        text += " UNTRAINED WEIGHTS: this is not a result."
    return text


def export(
    track: ScoreTrack,
    args: argparse.Namespace,
    style: Style,
    captions_zero: float | None = None,
) -> None:
    """Write what the export flags ask for.

    Args:
        track: What was found.
        args: The flags.
        style: How it is painted.
        captions_zero: As ``zero_seconds`` of `sslviz.export.write_captions`.

    Raises:
        OutputError: A file cannot be written.
    """
    from sslviz import export as files

    if getattr(args, "save_track", None):
        files.save_track(track, args.save_track)
    if args.csv:
        files.write_csv(track, style, args.csv)
    if args.settings:
        files.write_settings(track, style, args.settings)
    if args.captions:
        files.write_captions(track, style, args.captions, captions_zero)
    if args.poster:
        from sslviz.pipeline import best_moment, preview

        frame = preview(args.source, track, style, best_moment(track, style), max_width=1920)
        files.write_poster(frame, args.poster)
    if args.timeline:
        from sslviz.pipeline import make_overview
        from sslviz.timeline import figure

        drawn = figure(make_overview(args.source, track, style))
        files.write_figure(drawn, args.timeline)
