"""What every test gets: one CPU thread for torch, no Hub, no telemetry, a ffmpeg to make clips with."""

import os
import shutil
import tempfile
from pathlib import Path

import imageio_ffmpeg
from hypothesis import settings

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("MPLBACKEND", "Agg")

if shutil.which("ffmpeg") is None:
    place = Path(tempfile.mkdtemp(prefix="sslviz-ffmpeg-"))
    (place / "ffmpeg").symlink_to(imageio_ffmpeg.get_ffmpeg_exe())
    os.environ["PATH"] += os.pathsep + str(place)

# Every run tries the same documents; `pytest --hypothesis-profile=search` looks for new ones.
settings.register_profile("same", max_examples=120, deadline=None, derandomize=True)
settings.register_profile("search", max_examples=4000, deadline=None)
settings.load_profile("same")
