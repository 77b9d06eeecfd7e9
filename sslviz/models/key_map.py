"""One-to-one translation between our state-dict names and those of a reference implementation."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from torch import Tensor

from sslviz.errors import CheckpointError


@dataclass(frozen=True, slots=True)
class KeyMap:
    """Pairs of prefixes, reference first; the longest prefix that fits a name is replaced.

    Prefixes end where a name part ends (``imgnet.`` or a whole name), so a map is one-to-one as
    soon as no prefix occurs twice on either side, which ``__post_init__`` checks.
    """

    pairs: tuple[tuple[str, str], ...]

    def __post_init__(self) -> None:
        for side in zip(*self.pairs, strict=True):
            if len(set(side)) != len(side):
                raise ValueError(f"a prefix occurs twice: {sorted(side)}")

    def to_ours(self, name: str) -> str:
        """Our name for an entry of the reference; unknown names come back unchanged."""
        return _replace(name, self.pairs)

    def to_reference(self, name: str) -> str:
        """The reference's name for one of our entries; unknown names come back unchanged."""
        return _replace(name, tuple((ours, theirs) for theirs, ours in self.pairs))

    def import_state(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """A reference state dict under our names."""
        return {self.to_ours(name): tensor for name, tensor in state.items()}

    def export_state(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Our state dict under the reference's names."""
        return {self.to_reference(name): tensor for name, tensor in state.items()}


def _replace(name: str, pairs: Iterable[tuple[str, str]]) -> str:
    fitting = [pair for pair in pairs if name.startswith(pair[0])]
    if not fitting:
        return name
    old, new = max(fitting, key=lambda pair: len(pair[0]))
    return new + name[len(old) :]


def unwrap_state(loaded: object) -> dict[str, Tensor]:
    """The state dict inside what an authors' file holds, without ``module.`` prefixes.

    Takes a bare state dict and one under ``model``, ``state_dict`` or ``model_state_dict``.

    Raises:
        CheckpointError: There is no state dict in it.
    """
    for name in ("model", "state_dict", "model_state_dict"):
        if isinstance(loaded, Mapping) and isinstance(loaded.get(name), Mapping):
            loaded = loaded[name]
            break
    if not isinstance(loaded, Mapping) or not loaded:
        raise CheckpointError(
            "This file holds no state dict; expected are named tensors, bare or under model, "
            "state_dict or model_state_dict."
        )
    foreign = [name for name, value in loaded.items() if not isinstance(value, Tensor)]
    if foreign:
        listed = ", ".join(map(str, foreign[:5]))
        raise CheckpointError(f"A state dict holds tensors only, but {listed} are none.")
    wrapped = all(name.startswith("module.") for name in loaded)
    return {name.removeprefix("module.") if wrapped else name: t for name, t in loaded.items()}
