"""The live session without a camera: pictures and sound of a file, pushed as they happen.

python examples/3_live_from_files.py [VIDEO]
"""

import sys
from pathlib import Path

import sslviz
from sslviz.commands.live_sources import FileSource
from sslviz.live import LiveSession

video = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "talking_man.mp4"
session = LiveSession(sslviz.load_localizer("marginnce-compact"))
rate = session.localizer.spec.sample_rate
with FileSource(video, None, rate, realtime=True) as source:
    for number, moment in enumerate(source.moments()):
        session.push_audio(moment.first_sample, moment.samples)
        session.push_frame(number, moment.frame)
        found = session.step()
        if found is not None and number % 10 == 0:
            heat = session.heatmap(found).values
            print(
                f"{moment.frame.pts_seconds:5.1f} s  {found.verdict.value:24}  "
                f"hottest {heat.max():.2f}  {1000 * found.step_seconds:.0f} ms"
            )
