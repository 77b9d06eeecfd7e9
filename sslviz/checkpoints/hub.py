"""Checkpoints from the Hub: by the catalog, with mirrors and hashes, or by ``hf:USER/NAME``."""

import contextlib
import json
import logging
import re
import shutil
from pathlib import Path

from sslviz.catalog import CHECKPOINTS, HubFile
from sslviz.checkpoints.download import FetchProgress, Offer, ask, cached, download
from sslviz.checkpoints.folder import read_config
from sslviz.checkpoints.foreign import convert_parts, read_file
from sslviz.checkpoints.hub_errors import (
    HubFileMissingError,
    HubUnreachableError,
    explain,
    is_offline,
)
from sslviz.checkpoints.places import CONFIG, WEIGHTS, cache_folder
from sslviz.errors import CheckpointError, HubError
from sslviz.media.hashing import sha256_of
from sslviz.models import METHODS
from sslviz.whole_file import whole_file

log = logging.getLogger(__name__)
COMMIT = re.compile(r"[0-9a-f]{40}")
SPECIFICATION = re.compile(r"(?P<repo>[\w.-]+/[\w.-]+)(?:@(?P<revision>[\w./-]+))?")


def fetch_file(file: HubFile, progress: FetchProgress | None = None) -> Path:
    """A file of the catalog, from the first mirror that has it, verified.

    Where the catalog knows no hash, the one of the first download is written down, said loudly,
    and asked for ever after.

    Raises:
        HubError: No mirror handed it out; the text lists why.
    """
    failures = []
    for mirror in (file, *file.mirrors):
        try:
            path = _fetch_one(mirror, progress)
            _check_trust(mirror, path)
        except HubError as error:
            failures.append(error)
        else:
            return path
    if len(failures) == 1:
        raise failures[0]
    reasons = " ".join(f"({i}) {error}" for i, error in enumerate(failures, 1))
    raise HubError(f"None of the {len(failures)} places has the part {file.part}: {reasons}")


def fetch_catalog(name: str, progress: FetchProgress | None = None) -> Path:
    """Every file of a checkpoint of the catalog, converted once to a checkpoint folder.

    Raises:
        HubError: A file could not be fetched.
        CheckpointError: The files do not make the network.
    """
    checkpoint = CHECKPOINTS[name]
    # The catalog chose these files, so its pickles are read (as data only).
    parts = {
        file.part: read_file(fetch_file(file, progress), allow_pickle=True)
        for file in checkpoint.files
        if not file.companion
    }
    folder = cache_folder() / "checkpoints" / name
    folder = convert_parts(checkpoint.method, parts, folder, name)
    fetch_companions(name, folder, progress)
    return folder


def fetch_companions(name: str, folder: Path, progress: FetchProgress | None = None) -> None:
    """Lay the files that hold no weights beside the weights of a checkpoint of the catalog, where they are missing.

    Raises:
        HubError: One could not be fetched.
    """
    for file in CHECKPOINTS[name].files:
        target = folder / Path(file.filename).name
        if file.companion and not target.is_file():
            with whole_file(target) as part:
                shutil.copyfile(fetch_file(file, progress), part)


def fetch_repository(specification: str, progress: FetchProgress | None = None) -> Path:
    """A checkpoint folder from ``USER/NAME[@REVISION]`` on the Hub.

    Raises:
        HubError: It is not there or not handed out.
        CheckpointError: It is no checkpoint of this project's format.
    """
    match = SPECIFICATION.fullmatch(specification)
    if match is None:
        raise HubError(f"hf:{specification} is not understood; write hf:USER/NAME[@REVISION].")
    revision = match["revision"] or "main"
    config = HubFile("config", match["repo"], CONFIG, revision=revision)
    try:
        path = _fetch_one(config, progress)
    except HubFileMissingError as error:
        raise CheckpointError(
            f"{match['repo']} is no checkpoint that sslviz reads: it has no {CONFIG} at {revision}. "
            "Such repositories are made by `sslviz publish`."
        ) from error
    folder = path.parent
    network = METHODS[read_config(folder).method]
    commit = folder.name if COMMIT.fullmatch(folder.name) else revision
    _fetch_one(HubFile("weights", match["repo"], WEIGHTS, revision=commit), progress)
    for name in network.companions:
        with contextlib.suppress(HubFileMissingError):
            _fetch_one(HubFile("companion", match["repo"], name, revision=commit), progress)
    return folder


def _fetch_one(file: HubFile, progress: FetchProgress | None) -> Path:
    there = cached(file)
    if there is not None and COMMIT.fullmatch(file.revision):
        return there  # a commit never changes: no request at all
    if is_offline():
        return _or_explain(there, file)
    try:
        offer: Offer = ask(file)
    except HubUnreachableError:
        if there is None:
            raise
        log.warning("The Hub cannot be reached; using the cached %s.", file.filename)
        return there
    return download(file, offer, progress)


def _or_explain(there: Path | None, file: HubFile) -> Path:
    if there is None:
        from huggingface_hub.errors import OfflineModeIsEnabled

        raise explain(OfflineModeIsEnabled(), file)
    return there


def _check_trust(file: HubFile, path: Path) -> None:
    """Compare with the catalog's hash, or with the one that was written down on first use."""
    sha256 = sha256_of(path)
    notes = cache_folder() / "hub" / "first_use.json"
    known: dict[str, str] = json.loads(notes.read_text()) if notes.is_file() else {}
    key = f"{file.repo_type}:{file.repo_id}@{file.revision}/{file.filename}"
    expected = file.sha256 or known.get(key)
    if expected is None:
        log.warning(
            "UNVERIFIED: nobody has yet published a hash of %s from %s. Its sha256 is %s; it is "
            "written down in %s and any other content will be refused from now on.",
            file.filename,
            file.repo_id,
            sha256,
            notes,
        )
        notes.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(notes) as part:
            part.write_text(json.dumps({**known, key: sha256}, indent=2) + "\n")
    elif sha256 != expected:
        raise HubError(
            f"{file.filename} from {file.repo_id} is not what it was: its sha256 is "
            f"{sha256[:12]}..., expected is {expected[:12]}.... If the change is meant, delete its "
            f"line in {notes}."
        )
