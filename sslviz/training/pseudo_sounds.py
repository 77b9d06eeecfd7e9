"""Sounds that were never recorded: a real sound, moved until AudioSet's classifier hears another class.

Ours. The classifier's class vectors stand in for categories that have photos but no sounds (and for
many that have neither). A real sound's hidden features are moved by the least step that gives the
wanted classes the logits of a heard sound and silences the classes it had.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

_CARS = (
    "Car",
    "Car passing by",
    "Race car, auto racing",
    "Vehicle horn, car horn, honking",
    "Accelerating, revving, vroom",
    "Skidding",
    "Engine starting",
)
_VOICES = (
    "Speech",
    "Male speech, man speaking",
    "Female speech, woman speaking",
    "Laughter",
    "Singing",
    "Cough",
    "Child speech, kid speaking",
    "Conversation",
    "Shout",
    "Crying, sobbing",
    "Whistling",
    "Baby cry, infant cry",
)
STAND_INS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "piano": (("Piano",), ("Musical instrument", "Music", "Keyboard (musical)")),
    "harp": (("Harp",), ("Musical instrument", "Music")),
    "accordion": (("Accordion",), ("Musical instrument", "Music")),
    "banjo": (("Banjo",), ("Plucked string instrument", "Music", "Bluegrass")),
    "trumpet": (("Trumpet",), ("Brass instrument", "Music")),
    "xylophone": (
        ("Marimba, xylophone", "Glockenspiel", "Vibraphone"),
        ("Mallet percussion", "Music"),
    ),
    "bongo": (("Tabla", "Wood block", "Drum"), ("Percussion", "Drum")),
    "horse": (("Horse", "Clip-clop", "Neigh, whinny"), ("Animal",)),
    "pig": (("Pig", "Oink"), ("Animal",)),
    "car": (_CARS, ("Vehicle",)),
    "motorcycle": (("Motorcycle",), ("Vehicle", "Engine")),
    "airplane": (
        ("Fixed-wing aircraft, airplane", "Jet engine", "Aircraft"),
        ("Vehicle", "Aircraft"),
    ),
    "person": (_VOICES, ("Speech",)),
    "dog": (("Bark",), ("Animal",)),
    "cat": (("Meow",), ("Animal",)),
    "bird": (("Bird",), ("Animal",)),
    "cow": (("Moo",), ("Animal",)),
    "chicken": (("Chicken, rooster",), ("Animal",)),
    "lion": (("Roar",), ("Animal",)),
    "helicopter": (("Helicopter",), ()),
    "clock": (("Tick-tock",), ()),
    "guitar": (("Acoustic guitar", "Electric guitar", "Guitar", "Strum"), ("Music",)),
    "violin": (("Violin, fiddle",), ()),
    "flute": (("Flute",), ()),
    "clarinet": (("Clarinet",), ()),
    "saxophone": (("Saxophone",), ()),
    "drums": (("Drum kit", "Snare drum", "Bass drum", "Cymbal"), ("Percussion",)),
}
"""Photo category, as ``datasets.categories`` spells it -> AudioSet classes of which one is heard, and classes that are heard along."""

HEARD_AS: dict[str, str] = {
    "baby": "person",
    "sneeze": "person",
    "donkey": "horse",
    "cello": "violin",
    "double bass": "violin",
}
"""Sound categories that belong to a photo category of another name, or look like it."""

NO_VERDICT: dict[str, tuple[str, ...]] = {
    "double bass": ("guitar",),
    "drums": ("bongo",),
    "helicopter": ("airplane",),
    "guitar": ("banjo",),
    "sheep": ("cow",),
}
"""Sound category -> photo categories so alike that they are weak negatives only."""


def move(
    rng: np.random.Generator,
    hidden: Tensor,
    classifier: tuple[Tensor, Tensor],
    wanted: tuple[Sequence[int], Sequence[int]],
) -> Tensor:
    """The least step of hidden features (512,) after which one of the wanted classes is heard.

    Args:
        rng: Chooses the class and the logits.
        hidden: Of a real sound.
        classifier: Weight (527, 512) and bias (527,) of AudioSet's classifier.
        wanted: Indices of classes of which one is heard, and of classes heard along.
    """
    weight, bias = classifier
    logits = weight @ hidden + bias
    target = {int(index): float(rng.uniform(-1.5, 1.0)) for index in wanted[1]}
    target[int(wanted[0][int(rng.integers(len(wanted[0])))])] = float(rng.uniform(-0.5, 2.0))
    for index in logits.topk(8).indices.tolist():
        if index not in target and logits[index] > -3:
            target[index] = float(rng.uniform(-6, -3))
    rows = weight[list(target)]
    missing = torch.tensor(list(target.values())) - logits[list(target)]
    step: Tensor = torch.linalg.solve(rows @ rows.T + 1e-3 * torch.eye(len(target)), missing)
    return rows.T @ step
