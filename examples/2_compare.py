"""Two methods side by side on one video.

python examples/2_compare.py [VIDEO] [METHOD] [METHOD]
"""

import sys
import tempfile
from pathlib import Path

import sslviz
from sslviz.media.compose import side_by_side

given = sys.argv[1:]
video = Path(given[0]) if given else Path(__file__).parent / "cows_rooster.mp4"
methods = given[1:] or ["marginnce-compact", "jsa-compact"]
with tempfile.TemporaryDirectory() as folder:
    painted = []
    for method in methods:
        result = sslviz.render(video, Path(folder) / f"{method}.mp4", method)
        confidence = result.track.confidence.mean()
        print(f"{method}: mean confidence {confidence:.2f}, scores are {result.track.scale.value}")
        painted.append(result.path)
    print("written:", side_by_side(painted, Path(f"{video.stem}_compared.mp4")))
