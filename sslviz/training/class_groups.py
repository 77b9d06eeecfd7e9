"""The published map between what AudioSet hears and what ImageNet sees, as matrices.

``class_map.json`` was written by hand: groups of sound-making things, each with AudioSet classes and
ImageNet classes. It is what lets a localizer point at things no training photo showed.
"""

import csv
import json
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import torch
from torch import Tensor

from sslviz.errors import DatasetError


@dataclass(frozen=True, slots=True)
class ClassGroups:
    """Groups of classes, and which class belongs to which."""

    names: tuple[str, ...]
    heard: Tensor
    """(G, 527), 1 where an AudioSet class belongs to a group."""
    seen: Tensor
    """(G, 1001); an ImageNet class in several groups shares its mass among them."""
    audioset: tuple[str, ...]
    """Names of the 527 AudioSet classes, in order."""


def read_class_groups(weights: Path) -> ClassGroups:
    """Resolve the map's names with the label files beside the pretrained weights.

    Args:
        weights: Folder with ``class_labels_indices.csv`` and ``imagenet_labels_1001.txt``.

    Raises:
        DatasetError: A label file is missing, or lacks a name of the map.
    """
    audioset, imagenet = read_audioset_names(weights), _imagenet_names(weights)
    groups = json.loads(files("sslviz.training").joinpath("class_map.json").read_text())["groups"]
    heard, seen = torch.zeros(len(groups), len(audioset)), torch.zeros(len(groups), len(imagenet))
    first: dict[str, int] = {}
    for index, name in enumerate(imagenet):
        first.setdefault(name, index)
    try:
        for row, (sounds, sights) in enumerate(groups.values()):
            heard[row, [audioset.index(name) for name in sounds]] = 1
            for span in sights:
                low, _, high = span.partition("..")
                seen[row, first[low] : first[high or low] + 1] = 1
    except (KeyError, ValueError) as error:
        raise DatasetError(f"the label files in {weights} do not know {error}.") from error
    return ClassGroups(tuple(groups), heard, seen / seen.sum(0).clamp(min=1), audioset)


def read_audioset_names(weights: Path) -> tuple[str, ...]:
    """The 527 display names, in the order of the classifier.

    Raises:
        DatasetError: The file is missing.
    """
    path = weights / "class_labels_indices.csv"
    if not path.is_file():
        raise DatasetError(f"{path} is missing; it comes with EfficientAT's weights.")
    with path.open(newline="", encoding="utf-8") as file:
        return tuple(row["display_name"] for row in csv.DictReader(file))


def _imagenet_names(weights: Path) -> list[str]:
    path = weights / "imagenet_labels_1001.txt"
    if not path.is_file():
        raise DatasetError(f"{path} is missing; it comes with MobileNetV2's weights.")
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line.split(",")[0].strip() for line in lines]
