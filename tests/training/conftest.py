"""Tiny data sets in the layouts of training, drawn and synthesised here."""

import json
from importlib.resources import files
from pathlib import Path

import cv2
import numpy as np
import pytest

from sslviz.media.audio import write_wav
from sslviz.types import AudioClip

RATE = 16_000


def drawing(kind: str, seed: int, size: int = 96) -> np.ndarray:
    """A red disc or a blue square on white, somewhere."""
    rng = np.random.default_rng(seed)
    image = np.full((size, size, 3), 250, np.uint8)
    x, y = (int(v) for v in rng.integers(size // 3, 2 * size // 3, 2))
    if kind == "dog":
        cv2.circle(image, (x, y), size // 5, (40, 40, 200), -1)
    else:
        cv2.rectangle(
            image, (x - size // 5, y - size // 5), (x + size // 5, y + size // 5), (200, 60, 30), -1
        )
    return image


def tone(hertz: float, seconds: float = 1.0, rate: int = RATE) -> AudioClip:
    times = np.arange(round(rate * seconds)) / rate
    return AudioClip((np.sin(2 * np.pi * hertz * times) / 2).astype(np.float32), rate)


@pytest.fixture(scope="session")
def paired_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos of two categories, sounds of three, and the label files of the class map."""
    root = tmp_path_factory.mktemp("paired")
    photos, sounds = ["path,class,split"], ["path,class,split,group"]
    for kind, hertz in (("dog", 300.0), ("cat", 900.0)):
        for number in range(4):
            name = f"{kind}{number}.png"
            assert cv2.imwrite(str(root / name), drawing(kind, number))
            photos.append(f"{name},{kind},train")
            write_wav(root / f"{kind}{number}.wav", tone(hertz + 10 * number))
            sounds.append(f"{kind}{number}.wav,{kind},train,{kind}{number}")
    write_wav(root / "rain.wav", tone(2000.0))
    sounds.append("rain.wav,rain,train,rain")
    (root / "broken.png").write_bytes(b"no picture")
    photos.append("broken.png,dog,train")
    (root / "photo.csv").write_text("\n".join(photos))
    (root / "audio.csv").write_text("\n".join(sounds))
    _write_labels(root / "weights")
    return root


def _write_labels(folder: Path) -> None:
    """The names that the class map uses, padded to the sizes of the classifiers."""
    folder.mkdir()
    text = files("sslviz.training").joinpath("class_map.json").read_text()
    heard: dict[str, None] = {}
    seen: dict[str, None] = {"background": None}
    for sounds, sights in json.loads(text)["groups"].values():
        heard |= dict.fromkeys(sounds)
        for span in sights:
            seen |= dict.fromkeys(span.split(".."))
    extra = ("Animal", "Music", "Musical instrument")
    heard |= dict.fromkeys(extra)
    names = [*heard, *(f"unused {i}" for i in range(527 - len(heard)))]
    rows = [f'{i},/m/{i},"{name}"' for i, name in enumerate(names)]
    (folder / "class_labels_indices.csv").write_text("\n".join(["index,mid,display_name", *rows]))
    lines = [*seen, *(f"unused {i}" for i in range(1001 - len(seen)))]
    (folder / "imagenet_labels_1001.txt").write_text("\n".join(lines))


@pytest.fixture(scope="session")
def clip_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six clips in the layout of the field, one of them unreadable, one of them a test clip."""
    root = tmp_path_factory.mktemp("clips")
    (root / "frames").mkdir()
    (root / "audio").mkdir()
    names = [f"abcdefghij{i}_00000{i}" for i in range(6)]
    for number, name in enumerate(names):
        picture = drawing("dog" if number % 2 else "cat", number)
        assert cv2.imwrite(str(root / "frames" / f"{name}.jpg"), picture)
        write_wav(root / "audio" / f"{name}.wav", tone(300.0 + 100 * number, 6.0))
    (root / "frames" / f"{names[4]}.jpg").write_bytes(b"no picture")
    (root / "train.txt").write_text("\n".join(names))
    test = [{"file": names[5], "class": "x", "bbox": [[0, 0, 1, 1]]}]
    (root / "vggss.json").write_text(json.dumps(test))
    return root
