"""From a name to a localizer that is ready to run."""

from collections.abc import Callable
from pathlib import Path

import torch

from sslviz.catalog import CHECKPOINTS, DEFAULT_CHECKPOINT, Source
from sslviz.checkpoints.folder import load_network
from sslviz.checkpoints.places import CONFIG, WEIGHTS, find_folder, missing_advice
from sslviz.errors import CheckpointMissingError, DeviceError, OptionError
from sslviz.models import METHODS, Network

HUB_SCHEME = "hf:"
FetchProgress = Callable[[str, int, int], None]
"""Called with file name, bytes done and bytes in total (0: not known)."""


def load_localizer(
    name: str = DEFAULT_CHECKPOINT,
    *,
    file: Path | None = None,
    device: str = "auto",
    allow_untrained: bool = False,
    allow_pickle: bool = False,
    progress: FetchProgress | None = None,
    num_threads: int | None = None,
) -> Network:
    """A localizer with its weights, on its device, ready to run.

    Looked up in this order: ``file``, a folder of that name, bundled and cached checkpoints, the Hub.

    Args:
        name: A checkpoint of the catalog, the path of a checkpoint folder, or
            ``hf:USER/NAME[@REVISION]``.
        file: Weights in the layout of the authors of ``name``'s method, or a checkpoint folder.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
        allow_untrained: Random weights where there are no others; ``identity.trained`` says so.
        allow_pickle: Also take a ``file`` in PyTorch's pickle format, read as data, never as code.
        progress: Told about downloads.
        num_threads: Cores that PyTorch uses in this whole process; ``None`` leaves its choice. On
            cores that others use too, more threads are slower than fewer.

    Raises:
        CheckpointMissingError: It is nowhere; the text says how to get it.
        CheckpointError: The weights are damaged or belong to another network.
        HubError: The Hub did not hand it out.
        DeviceError: There is no such device here.
    """
    chosen = choose_device(device)
    if num_threads is not None:
        if num_threads < 1:
            raise OptionError(f"num_threads is {num_threads}, it must be at least 1.")
        torch.set_num_threads(num_threads)
    try:
        folder = locate(name, file, allow_pickle, progress)
    except CheckpointMissingError:
        if not allow_untrained or name not in METHODS:
            raise
        network = METHODS[name]()
    else:
        network = load_network(folder, None if file else name)
    return prepare(network, chosen)


def locate(
    name: str,
    file: Path | None = None,
    allow_pickle: bool = False,
    progress: FetchProgress | None = None,
) -> Path:
    """The checkpoint folder that a name and a file mean, made or fetched where that is needed.

    Raises:
        CheckpointMissingError: It is nowhere; the text says how to get it.
    """
    if file is not None:
        return _from_file(name, Path(file), allow_pickle)
    if name.startswith(HUB_SCHEME):
        from sslviz.checkpoints.hub import fetch_repository

        return fetch_repository(name.removeprefix(HUB_SCHEME), progress)
    if name not in CHECKPOINTS and Path(name).is_dir():
        return Path(name)
    return find_folder(name) or fetch(name, progress)


def fetch(name: str, progress: FetchProgress | None = None) -> Path:
    """Bring a checkpoint of the catalog to this machine, verified and converted.

    Raises:
        CheckpointMissingError: It is not in the catalog, or nowhere to be had.
        HubError: The Hub did not hand it out.
    """
    if name not in CHECKPOINTS:
        known = ", ".join(CHECKPOINTS)
        raise CheckpointMissingError(
            f"There is no checkpoint {name!r}; on offer are {known}, the path of a checkpoint "
            f"folder, or {HUB_SCHEME}USER/NAME."
        )
    if CHECKPOINTS[name].source is not Source.HUB:
        found = find_folder(name)
        if found is None:
            raise CheckpointMissingError(
                f"The checkpoint {name} is not here. {missing_advice(name)}"
            )
        return found
    from sslviz.checkpoints.hub import fetch_catalog

    return fetch_catalog(name, progress)


def _from_file(name: str, file: Path, allow_pickle: bool) -> Path:
    if not file.exists():
        raise CheckpointMissingError(f"There is no file {file}.")
    if file.is_dir():
        return file
    if file.name == WEIGHTS and (file.parent / CONFIG).is_file():
        return file.parent
    from sslviz.checkpoints.foreign import convert_file

    return convert_file(file, name, allow_pickle)


def choose_device(device: str = "auto") -> torch.device:
    """The device that a name means; ``auto`` takes MPS or CUDA where there is one, else the CPU.

    Raises:
        DeviceError: No such device here.
    """
    if device == "auto":
        found = "cuda" if torch.cuda.is_available() else "cpu"
        return torch.device("mps" if torch.backends.mps.is_available() else found)
    try:
        chosen = torch.device(device)
    except RuntimeError:
        raise DeviceError(
            f"There is no device {device!r}; allowed are auto, cpu, cuda, cuda:N and mps."
        ) from None
    there = {
        "cpu": True,
        "cuda": torch.cuda.is_available() and (chosen.index or 0) < torch.cuda.device_count(),
        "mps": torch.backends.mps.is_available(),
    }
    if not there.get(chosen.type, False):
        raise DeviceError(f"The device {device} is not on this machine; use auto or cpu.")
    return chosen


def prepare(network: Network, device: torch.device) -> Network:
    """Evaluation mode, fast layout, on the device, in half precision where that is faster."""
    network = network.prepare_for_inference().to(device)
    network.adapt_to_device()
    return network
