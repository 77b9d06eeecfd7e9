"""Train a tiny JSA on drawings and tones, and load the checkpoint back.

    python examples/5_train_a_tiny_one.py

It learns nothing of use in three steps: what it shows is the road from data to a map.
"""

import csv
import tempfile
from pathlib import Path

import cv2
import numpy as np
import soundfile

import sslviz
from sslviz.training.loop import train
from sslviz.training.options import TrainOptions

data, rng = Path(tempfile.mkdtemp()), np.random.default_rng(0)
for folder in ("frames", "audio"):
    (data / folder).mkdir()
with (data / "train.txt").open("w", newline="") as file:
    for number in range(8):
        picture = rng.integers(0, 256, (120, 160, 3), np.uint8)
        cv2.imwrite(str(data / "frames" / f"clip{number}.jpg"), picture)
        tone = np.sin(2 * np.pi * 200 * (1 + number) * np.arange(48_000) / 16_000) / 3
        soundfile.write(data / "audio" / f"clip{number}.wav", tone, 16_000)
        csv.writer(file).writerow([f"clip{number}"])

options = TrainOptions("jsa", data, Path("tiny_jsa"), steps=3, batch_size=4, warmup_steps=0)
for progress in train(options):
    print(progress.step, progress.message or f"loss {progress.losses['total']:.3f}")
track = sslviz.analyse(Path(__file__).parent / "dog.mp4", "tiny_jsa")
print(f"{len(track)} maps of {track.values.shape[2:]} by {track.identity.checkpoint}")
