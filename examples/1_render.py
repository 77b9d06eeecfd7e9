"""Paint the source of the sound into a video, and list the moments with one.

python examples/1_render.py [VIDEO]
"""

import sys
from pathlib import Path

import sslviz

video = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "dog.mp4"
result = sslviz.render(video, f"{video.stem}_located.mp4")
track, gate = result.track, result.track.identity.calibration.confidence_gate
for time, confidence in zip(track.times, track.confidence[:, 0], strict=True):
    verdict = "a source" if confidence >= gate else "no confident source"
    print(f"{time:5.1f} s  confidence {confidence:.2f}  {verdict}")

# Other colours need no network: the raw maps are painted again.
sslviz.restyle(video, track, f"{video.stem}_contours.mp4", sslviz.Style(contours=True))
print(f"written: {result.path} and {video.stem}_contours.mp4")
