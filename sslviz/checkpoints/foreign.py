"""Files of weights in the layouts of the papers' authors: read as data, checked, converted once."""

import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sslviz.catalog import CHECKPOINTS, DEFAULT_CHECKPOINT
from sslviz.checkpoints.folder import (
    CheckpointConfig,
    build_network,
    check_arguments,
    read_safetensors,
)
from sslviz.checkpoints.places import CONFIG, WEIGHTS, cache_folder
from sslviz.checkpoints.saving import write_checkpoint
from sslviz.errors import CheckpointError
from sslviz.media.hashing import sha256_of
from sslviz.models import METHODS, Network
from sslviz.models.key_map import unwrap_state

PICKLES = {".pth", ".pt", ".tar", ".bin", ".ckpt"}
MAX_INFLATION = 4
"""PyTorch stores tensors uncompressed; an archive that grows more than this is an attack."""
UNSUPPORTED = {
    "img_proj1.weight": "SLAVC",
    "audnet.conv1_a.weight": "LVS or SSL-Align",
}
"""Telltale entries of families that people will try, and that have another network."""


def convert_file(file: Path, name: str, allow_pickle: bool = False) -> Path:
    """Convert a file of weights to a checkpoint folder in the cache, unless that was done before.

    Args:
        file: ``.safetensors``, or with ``allow_pickle`` one of PyTorch's formats.
        name: Checkpoint or method that it is for; the default name stands for whatever it is.
        allow_pickle: Take PyTorch's pickle formats too. They are read with ``weights_only=True``:
            as tensors and plain containers, never as code.

    Raises:
        CheckpointError: Unreadable, damaged, of an unknown layout, or of another method.
    """
    sha256 = sha256_of(file)
    folder = cache_folder() / "checkpoints" / f"{_safe(file.stem)}-{sha256[:12]}"
    wanted = None if name == DEFAULT_CHECKPOINT else _method_of(name)
    if wanted:
        folder = folder.with_name(f"{folder.name}-{wanted}")
    if (folder / CONFIG).is_file() and (folder / WEIGHTS).is_file():
        return folder
    loaded = read_file(file, allow_pickle)
    method = wanted or recognise(loaded)
    network_class = METHODS[method]
    parts = {network_class.file_part: loaded, **_other_parts(name, network_class)}
    try:
        return convert_parts(method, parts, folder, file.name)
    except CheckpointError as error:
        raise CheckpointError(f"{file}: {error}{_hint(loaded, method)}") from error


def convert_parts(
    method: str, parts: Mapping[str, Mapping[str, Any]], folder: Path, name: str
) -> Path:
    """Write what the authors' files held, by part, as a checkpoint folder.

    Raises:
        CheckpointError: The parts do not make this network.
    """
    network_class = METHODS[method]
    arguments, state = network_class.convert(parts)
    check_arguments(network_class, arguments)
    config = CheckpointConfig(
        method=method,
        name=name,
        input=network_class.spec,
        calibration=network_class.default_calibration,
        network=arguments,
    )
    network = build_network(config, state)
    write_checkpoint(state, folder, config, network.scale, network_class.stored_dtype)
    return folder


def read_file(file: Path, allow_pickle: bool) -> Mapping[str, Any]:
    """What a file of weights holds.

    Raises:
        CheckpointError: Not a format that is read here, not allowed, or damaged.
    """
    suffix = file.suffix.lower()
    if suffix == ".safetensors":
        return read_safetensors(file)
    if suffix == ".pt2":
        raise CheckpointError(
            f"{file} is an exported program (.pt2), which can run code when it is opened; sslviz "
            "never does. Give the state dict as .safetensors or .pth."
        )
    if suffix not in PICKLES:
        allowed = ", ".join([".safetensors", *sorted(PICKLES)])
        raise CheckpointError(f"{file} has the suffix {suffix or '(none)'}; read are {allowed}.")
    if not allow_pickle:
        raise CheckpointError(
            f"{file} is in PyTorch's pickle format. If you trust where it comes from, allow it with "
            "allow_pickle=True (command line: --allow-pickle); it is read as data, never as code, "
            "and converted to safetensors once."
        )
    return _read_pickle(file)


def _read_pickle(file: Path) -> Mapping[str, Any]:
    _refuse_inflation(file)
    try:
        loaded = torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise CheckpointError(
            f"{file} holds more than tensors and plain containers, and is refused because such a "
            "file can run code. Ask its author for a plain state dict, or convert it on a machine "
            "you can lose with torch.save(state_dict, ...)."
        ) from error
    except (RuntimeError, OSError, EOFError, ValueError, KeyError, TypeError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CheckpointError(f"{file} is no readable PyTorch file: {reason}") from error
    if not isinstance(loaded, Mapping):
        raise CheckpointError(f"{file} holds a {type(loaded).__name__}, not named tensors.")
    _refuse_expanded(loaded, file)
    return loaded


def _refuse_expanded(value: object, file: Path) -> None:
    """A tensor of a billion elements can be one number in a file of 1 kB; any copy fills memory."""
    if isinstance(value, Mapping):
        for item in value.values():
            _refuse_expanded(item, file)
    elif isinstance(value, Tensor) and value.nbytes > value.untyped_storage().nbytes():
        raise CheckpointError(
            f"{file} holds a tensor of shape {tuple(value.shape)} that repeats fewer numbers than "
            "it claims, and is refused."
        )


def _refuse_inflation(file: Path) -> None:
    if not zipfile.is_zipfile(file):
        return
    try:
        with zipfile.ZipFile(file) as archive:
            size = sum(member.file_size for member in archive.infolist())
    except zipfile.BadZipFile as error:
        raise CheckpointError(f"{file} is damaged: {error}.") from error
    if size > MAX_INFLATION * file.stat().st_size:
        raise CheckpointError(f"{file} would grow to {size} bytes when read, and is refused.")


def recognise(loaded: Mapping[str, Any]) -> str:
    """The method whose layout a file has, by its telltale entries.

    Raises:
        CheckpointError: None of them.
    """
    names = _names(loaded)
    for method, network_class in METHODS.items():
        if network_class.telltale and set(network_class.telltale) <= names:
            return method
    for telltale, family in UNSUPPORTED.items():
        if telltale in names:
            raise CheckpointError(
                f"This is a {family} file; its network is not part of sslviz. Read are JSA, "
                "EZ-VSL, FNAC and MarginNCE files, and ACL's."
            )
    first = ", ".join(sorted(names)[:4])
    raise CheckpointError(
        f"The layout is unknown (first entries: {first}). Read are JSA, EZ-VSL, FNAC and MarginNCE "
        "files, ACL's, and checkpoint folders of this project."
    )


def _names(loaded: Mapping[str, Any]) -> set[str]:
    try:
        return set(unwrap_state(loaded))
    except CheckpointError:
        return {str(name) for name in loaded}


def _method_of(name: str) -> str:
    method = CHECKPOINTS[name].method if name in CHECKPOINTS else name
    if method not in METHODS:
        raise CheckpointError(
            f"{name!r} is no checkpoint or method; a file can be for {', '.join(METHODS)}."
        )
    return method


def _other_parts(name: str, network_class: type[Network]) -> dict[str, Mapping[str, Any]]:
    """What a network needs beside the file that a user has: fetched by the catalog's entry."""
    if name not in CHECKPOINTS:
        return {}
    files = [
        file
        for file in CHECKPOINTS[name].files
        if file.part != network_class.file_part and not file.companion
    ]
    if not files:
        return {}
    from sslviz.checkpoints.hub import fetch_file

    return {file.part: read_file(fetch_file(file), allow_pickle=True) for file in files}


def _hint(loaded: Mapping[str, Any], method: str) -> str:
    try:
        found = recognise(loaded)
    except CheckpointError as error:
        return f" {error}"
    return f" It looks like {found}, not {method}." if found != method else ""


def _safe(stem: str) -> str:
    kept = "".join(c if c.isalnum() or c in "-_." else "_" for c in stem)
    return kept.strip(".") or "file"


def load_state(file: Path, allow_pickle: bool = False) -> dict[str, Tensor]:
    """The bare state dict of a single file, for example an image encoder's.

    Raises:
        CheckpointError: As for ``read_file``, or it holds no state dict.
    """
    return unwrap_state(read_file(file, allow_pickle))
