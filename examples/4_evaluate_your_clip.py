"""Measure a method on a clip of your own, with boxes that you drew.

    python examples/4_evaluate_your_clip.py [VIDEO BOXES.json]

Boxes are a JSON list of moments: file, time in seconds, and boxes [x0, y0, x1, y1] as parts of
width and height.
"""

import json
import sys
from pathlib import Path

import sslviz
from sslviz.datasets.boxes import read_moments
from sslviz.evaluation.clip import clip_summary, measure_clip
from sslviz.evaluation.files import SandboxedSource

if len(sys.argv) > 2:
    video, boxes = Path(sys.argv[1]), Path(sys.argv[2])
else:
    video, boxes = Path(__file__).parent / "dog.mp4", Path("dog_boxes.json")
    marked = [{"file": "dog.mp4", "time": 1.0, "boxes": [[0.35, 0.0, 0.52, 0.69]], "label": "dog"}]
    boxes.write_text(json.dumps(marked))

localizer = sslviz.load_localizer("marginnce-compact")
with SandboxedSource() as source:
    results = measure_clip(localizer, video, read_moments(boxes), source)
summary = clip_summary(results)
print(f"{summary['n']} moments: pointing {summary['pointing']:.2f}")
print(f"IoU {summary['iou_half_max']:.2f}, centre prior {summary['iou_half_max_centre']:.2f}")
