"""Flags, and the frozen options that they are views of."""

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from sslviz.catalog import DEFAULT_CHECKPOINT
from sslviz.errors import OptionError
from sslviz.options import AnalysisOptions, ColorScale, Style

Say = Callable[[str], None]
"""Where a command's lines go; the command line passes ``print``."""


def seconds(text: str) -> float:
    """A time as ``83.5``, ``1:23.5`` or ``1:02:03``.

    Raises:
        argparse.ArgumentTypeError: Neither.
    """
    try:
        parts = [float(part) for part in text.split(":")]
    except ValueError:
        parts = []
    if not 1 <= len(parts) <= 3 or any(not 0 <= part < float("inf") for part in parts):
        raise argparse.ArgumentTypeError(f"{text!r} is no time; write 83.5, 1:23.5 or 1:02:03")
    total = 0.0
    for part in parts:
        total = total * 60 + part
    return total


def add_localizer(parser: argparse.ArgumentParser) -> None:
    """Which weights, and where they run."""
    group = parser.add_argument_group("method")
    group.add_argument(
        "--method", "--checkpoint", default=DEFAULT_CHECKPOINT, metavar="NAME", dest="method",
        help="name from `sslviz models`, a checkpoint folder, or hf:USER/NAME (default: %(default)s)",
    )  # fmt: skip
    group.add_argument(
        "--from-file", type=Path, metavar="FILE", help="weights in the authors' own layout"
    )
    group.add_argument(
        "--allow-pickle",
        action="store_true",
        help="--from-file may be a PyTorch pickle, read as data",
    )
    group.add_argument(
        "--allow-untrained", action="store_true",
        help="random weights where there are no others; every picture is marked",
    )  # fmt: skip
    group.add_argument(
        "--device", default="auto", metavar="DEVICE", help="auto, cuda, mps or cpu (default: auto)"
    )
    group.add_argument(
        "--threads", type=int, metavar="N", help="cores for the model (default: as PyTorch chooses)"
    )
    group.add_argument(
        "--refine", choices=("iqr", "ogl"),
        help="blend maps with JSA's image query or an object prior: both hear nothing (default: off)",
    )  # fmt: skip
    group.add_argument(
        "--refine-alpha", type=float, metavar="A",
        help="weight of the sound's own map, 0 to 1 (default: the papers': iqr 0.6, ogl 0.4)",
    )  # fmt: skip
    group.add_argument(
        "--object-prior", type=Path, metavar="FILE",
        help="torchvision's ResNet-18 file for --refine ogl of jsa and marginnce",
    )  # fmt: skip


def add_analysis(parser: argparse.ArgumentParser) -> None:
    """The fields of `AnalysisOptions`."""
    group, usual = parser.add_argument_group("analysis"), AnalysisOptions()
    group.add_argument("--start", type=seconds, default=usual.start_seconds, metavar="TIME",
                       help="where to begin, as 83.5 or 1:23.5")  # fmt: skip
    group.add_argument("--end", type=seconds, metavar="TIME", help="where to end")
    group.add_argument("--maps-per-second", type=float, default=usual.maps_per_second, metavar="N",
                       help="default: %(default)g")  # fmt: skip
    group.add_argument("--batch-size", type=int, default=usual.batch_size, metavar="N",
                       help="windows per model call (default: %(default)d)")  # fmt: skip
    group.add_argument("--audio-track", type=int, default=usual.audio_track, metavar="N",
                       help="which sound track, from 0")  # fmt: skip
    group.add_argument("--skip-silence", type=float, metavar="DB",
                       help="spend no model time on windows quieter than this, dBFS")  # fmt: skip


def analysis_from(args: argparse.Namespace) -> AnalysisOptions:
    """The options that the flags mean.

    Raises:
        OptionError: One is out of range.
    """
    return AnalysisOptions(
        maps_per_second=args.maps_per_second,
        start_seconds=args.start,
        end_seconds=args.end,
        batch_size=args.batch_size,
        audio_track=args.audio_track,
        skip_silence_below_dbfs=args.skip_silence,
    )


def add_style(parser: argparse.ArgumentParser) -> None:
    """The fields of `Style`; a flag that is not given leaves the field as it is."""
    group, usual = parser.add_argument_group("style"), Style()
    group.add_argument(
        "--style", type=Path, metavar="FILE", help="start from a settings file (JSON)"
    )
    group.add_argument(
        "--color-map", metavar="NAME", help=f"of matplotlib (default: {usual.color_map})"
    )
    group.add_argument(
        "--opacity", type=float, metavar="X", help=f"0 to 1 (default: {usual.opacity})"
    )
    group.add_argument(
        "--threshold",
        type=float,
        metavar="X",
        help=f"heat below is clear (default: {usual.threshold})",
    )
    group.add_argument(
        "--scale", dest="color_scale", choices=[str(scale) for scale in ColorScale],
        help="what full colour means: the calibrated range (fixed, the default), the clip's, or each frame's",
    )  # fmt: skip
    group.add_argument(
        "--persistence", dest="half_life_ms", type=float, metavar="MS",
        help=f"half-life of a spot (default: {usual.half_life_ms:g})",
    )  # fmt: skip
    group.add_argument(
        "--silence-gate", dest="silence_gate_dbfs", type=float, metavar="DB",
        help=f"quieter windows count as silent (default: {usual.silence_gate_dbfs:g})",
    )  # fmt: skip
    switches = {
        "fill": "the heat itself",
        "contours": "outlines that need no colour",
        "box": "a box around the source",
        "cross-hair": "a cross at the strongest point",
        "color-bar": "colours, range and name of the scale",
        "badge": 'words such as "no confident source"',
        "strip": "waveform and score curve under the picture",
    }
    for name, words in switches.items():
        state = "on" if getattr(usual, name.replace("-", "_")) else "off"
        group.add_argument(
            f"--{name}", action=argparse.BooleanOptionalAction, help=f"{words} (default: {state})"
        )


def style_from(args: argparse.Namespace) -> Style:
    """The style that the flags mean.

    Raises:
        OptionError: A value is out of range or unknown, or the settings file is none.
    """
    from sslviz.pipeline.drawing import check_style

    start = Style()
    if args.style is not None:
        from sslviz.export import load_settings

        start = load_settings(args.style)
    names = (
        "color_map", "opacity", "threshold", "color_scale", "half_life_ms", "silence_gate_dbfs",
        "fill", "contours", "box", "cross_hair", "color_bar", "badge", "strip",
    )  # fmt: skip
    given = {name: getattr(args, name) for name in names if getattr(args, name) is not None}
    if "color_scale" in given:
        given["color_scale"] = ColorScale(given["color_scale"])
    style = replace(start, **given)
    check_style(style)
    return style


def add_exports(parser: argparse.ArgumentParser, track: bool = True) -> None:
    """What else to write."""
    group = parser.add_argument_group("exports")
    kinds: dict[str, str] = (
        {"save-track": "raw maps (npz); restyle from it without a model"} if track else {}
    )
    kinds |= {
        "csv": "a row per map: time, place, score, loudness",
        "settings": "how it was made (JSON)",
        "poster": "one painted frame (PNG)",
        "captions": "where the sound is, in words (WebVTT)",
        "timeline": "waveform, spectrogram and score curve (PNG)",
    }
    for name, words in kinds.items():
        group.add_argument(f"--{name}", type=Path, metavar="FILE", help=words)


def load(args: argparse.Namespace, say: Say, blend_size: int | None = None) -> Any:
    """The localizer that the flags mean.

    Args:
        args: With those of ``add_localizer``.
        say: Told of downloads.
        blend_size: Where ``--refine`` blends, pixels; by default on the network's own grid.

    Raises:
        CheckpointError: Missing or damaged weights.
        DeviceError: No such device.
    """
    from sslviz.checkpoints import load_localizer

    if args.from_file is not None and not args.from_file.exists():
        raise OptionError(f"--from-file {args.from_file} does not exist.")
    told: set[str] = set()

    def tell(name: str, done: int, total: int) -> None:
        if name not in told and done:
            told.add(name)
            say(f"Downloading {name} ({total / 1e6:.0f} MB)" if total else f"Downloading {name}")

    localizer = load_localizer(
        args.method,
        file=args.from_file,
        device=args.device,
        allow_untrained=args.allow_untrained,
        allow_pickle=args.allow_pickle,
        progress=tell,
        num_threads=args.threads,
    )
    if args.refine is None:
        return localizer
    from sslviz.checkpoints.priors import refined

    return refined(
        localizer,
        args.refine,
        args.refine_alpha,
        args.object_prior,
        args.allow_pickle,
        size=blend_size,
    )
