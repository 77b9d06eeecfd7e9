"""``sslviz evaluate clip`` and ``sslviz evaluate swap``."""

import argparse
from dataclasses import asdict

from sslviz.datasets.boxes import read_moments
from sslviz.evaluation.audio_swap import audio_swap
from sslviz.evaluation.clip import clip_summary, measure_clip, spread_windows
from sslviz.evaluation.console import Load, Say, write_json
from sslviz.evaluation.files import SandboxedSource


def run_clip(args: argparse.Namespace, load: Load, say: Say) -> int:
    """Measure a user's own video at the moments that the boxes were drawn."""
    moments = read_moments(args.boxes)
    localizer = load()
    with SandboxedSource() as source:
        results = measure_clip(localizer, args.video, moments, source)
    summary = clip_summary(results)
    values = {
        "video": args.video.name,
        "method": localizer.identity.method,
        "checkpoint": localizer.identity.checkpoint,
        **summary,
        "moments": [asdict(result) for result in results],
    }
    write_json(args.json, values)
    say("| time | label | pointing | IoU at half-max | centre prior | confidence |")
    say("|---|---|---|---|---|---|")
    for r in results:
        hit = "hit" if r.pointing else "miss"
        say(
            f"| {r.time_seconds:.2f} s | {r.label} | {hit} | {r.iou_half_max:.3f} | "
            f"{r.iou_half_max_centre:.3f} | {r.confidence:.2f} |"
        )
    say(
        f"{localizer.identity.checkpoint}: pointing {summary['pointing']:.2f}, IoU at half-max "
        f"{summary['iou_half_max']:.3f} (centre prior {summary['iou_half_max_centre']:.3f}), "
        f"n = {summary['n']}"
    )
    for name, value in summary["mean_ciou"].items():
        say(f"mean cIoU under protocol {name}: {value:.3f}")
    return 0


def run_swap(args: argparse.Namespace, load: Load, say: Say) -> int:
    """Hear the same pictures with other sounds."""
    localizer = load()
    spec = localizer.spec
    with SandboxedSource() as source:
        windows = spread_windows(args.video, spec, source, max(1, args.windows))
        other = source.sound(args.other, spec.sample_rate) if args.other else None
    report = audio_swap(localizer, windows, other, batch_size=args.batch_size, seed=args.seed)
    write_json(args.json, {"video": args.video.name, **report.to_json()})
    say("| sound | confidence | same place | correlation | peak moved |")
    say("|---|---|---|---|---|")
    for swap in report.swaps:
        say(
            f"| {swap.sound} | {swap.confidence:.2f} | {swap.overlap:.2f} | {swap.correlation:.2f} | "
            f"{swap.peak_moved:.2f} |"
        )
    say(report.verdict)
    return 0
