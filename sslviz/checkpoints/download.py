"""One file from a Hub server to the disk: asked for once, resumed where it broke off, verified."""

import hashlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from huggingface_hub import constants, get_hf_file_metadata, hf_hub_url, try_to_load_from_cache
from huggingface_hub.errors import HfHubHTTPError, HTTPError  # type: ignore[attr-defined]
from huggingface_hub.utils import (  # type: ignore[attr-defined]
    WeakFileLock,
    build_hf_headers,
    get_session,
    hf_raise_for_status,
)

from sslviz.catalog import HubFile
from sslviz.checkpoints.hub_errors import explain
from sslviz.checkpoints.places import cache_folder, hub_endpoint
from sslviz.errors import CheckpointError, HubError

log = logging.getLogger(__name__)
FetchProgress = Callable[[str, int, int], None]
"""Called with file name, bytes done and bytes in total (0: not known)."""
ANSWER_SECONDS = 5.0
"""How long a server may take to say what a file is: without a network nobody waits for more."""
STALL_SECONDS = 30.0
MAX_FRUITLESS_ATTEMPTS = 4


@dataclass(frozen=True, slots=True)
class Offer:
    """What a server says about a file."""

    commit: str
    etag: str
    """Of large files the sha256."""
    size_bytes: int
    url: str
    """Where the bytes are; may be another host."""


def ask(file: HubFile) -> Offer:
    """Ask the server about a file.

    Raises:
        HubError: It cannot be reached, does not have it or does not hand it out.
    """
    url = hf_hub_url(
        file.repo_id,
        file.filename,
        repo_type=file.repo_type,
        revision=file.revision,
        endpoint=hub_endpoint(),
    )
    try:
        found = get_hf_file_metadata(url, timeout=ANSWER_SECONDS)
    except (HTTPError, OSError, ValueError) as error:
        raise explain(error, file) from error
    if not found.commit_hash or not found.etag:
        raise HubError(
            f"{hub_endpoint()} does not answer like a Hub (no commit or no ETag for {file.repo_id}); "
            "check HF_ENDPOINT and your proxy."
        )
    return Offer(found.commit_hash, found.etag, found.size or 0, found.location)


def storage(file: HubFile) -> Path:
    """Folder that holds what was fetched of a repository."""
    owner_and_name = file.repo_id.replace("/", "--")
    return cache_folder() / "hub" / f"{file.repo_type}s--{owner_and_name}"


def cached(file: HubFile) -> Path | None:
    """The file at its revision where it was fetched before, by us or by any other Hub client."""
    root = storage(file)
    note = root / "refs" / file.revision.replace("/", "--")
    commit = note.read_text().strip() if note.is_file() else file.revision
    ours = root / commit / file.filename
    if ours.is_file():
        return ours
    try:
        theirs = try_to_load_from_cache(
            file.repo_id, file.filename, revision=file.revision, repo_type=file.repo_type
        )
    except ValueError as error:
        raise explain(error, file) from error
    return Path(theirs) if isinstance(theirs, str) else None


def download(file: HubFile, offer: Offer, progress: FetchProgress | None = None) -> Path:
    """Bring the offered bytes to the cache, going on where an earlier try broke off.

    Nothing appears under the final name before size and, where it is known, hash are right.
    ``progress`` hears of the file before its first byte, and may refuse it at any time by raising a
    `CheckpointError`: nothing of it is kept then (see `at_most`).

    Raises:
        CheckpointError: ``progress`` refused it.
        HubError: The server broke off for good, or the bytes are wrong.
    """
    root = storage(file)
    target = root / offer.commit / file.filename
    if not target.is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        tag = hashlib.sha256(offer.etag.encode()).hexdigest()[:16]
        part = target.with_name(f"{target.name}.{tag}.part")
        locks = cache_folder() / "hub" / ".locks"
        locks.mkdir(exist_ok=True)
        with WeakFileLock(locks / f"{tag}.lock"):
            if not target.is_file():
                _fill_or_refuse(part, file, offer, progress)
                _verify(part, file, offer)
                part.replace(target)
    note = root / "refs" / file.revision.replace("/", "--")
    note.parent.mkdir(parents=True, exist_ok=True)
    note.write_text(offer.commit)
    return target


def at_most(max_bytes: int) -> FetchProgress:
    """A ``progress`` that refuses every file that is larger, whatever its server said of it."""

    def refuse(name: str, done: int, total: int) -> None:
        if max(done, total) > max_bytes:
            size = f"{total / 2**20:.0f} MB" if total > max_bytes else "more than that"
            raise CheckpointError(
                f"{name} has {size}; up to {max_bytes / 2**20:.0f} MB are fetched here. Take a "
                "smaller checkpoint, or run sslviz on your own machine."
            )

    return refuse


def _fill_or_refuse(
    part: Path, file: HubFile, offer: Offer, progress: FetchProgress | None
) -> None:
    try:
        if progress is not None:
            progress(file.filename, 0, offer.size_bytes)
        _fill(part, file, offer, progress)
    except CheckpointError:
        part.unlink(missing_ok=True)
        raise


def _fill(part: Path, file: HubFile, offer: Offer, progress: FetchProgress | None) -> None:
    fruitless = 0
    while fruitless < MAX_FRUITLESS_ATTEMPTS:
        before = _size(part)
        if before and before == offer.size_bytes:
            return
        try:
            _stream(part, file, offer, progress)
        except HfHubHTTPError as error:
            raise explain(error, file) from error
        except (HTTPError, ConnectionError) as error:
            log.info("%s broke off: %s", file.filename, error)
            fruitless = 0 if _size(part) > before else fruitless + 1
            time.sleep(0.1 * 2**fruitless)
        except OSError as error:
            raise explain(error, file) from error
        else:
            return
    raise HubError(
        f"The download of {file.filename} from {file.repo_id} keeps breaking off after "
        f"{_size(part)} of {offer.size_bytes} bytes; run the same again, it goes on from there."
    )


def _stream(part: Path, file: HubFile, offer: Offer, progress: FetchProgress | None) -> None:
    done = _size(part)
    headers: dict[str, Any] = build_hf_headers()
    if not _may_see_token(offer.url):
        headers.pop("authorization", None)
    headers |= {"Accept-Encoding": "identity"}
    if done:
        headers["Range"] = f"bytes={done}-"
    with get_session().stream(
        "GET", offer.url, headers=headers, timeout=STALL_SECONDS, follow_redirects=True
    ) as response:
        hf_raise_for_status(response)
        resumed = response.status_code == HTTPStatus.PARTIAL_CONTENT
        done = done if resumed else 0
        with part.open("ab" if resumed else "wb") as out:
            for block in response.iter_raw():
                out.write(block)
                done += len(block)
                if offer.size_bytes and done > offer.size_bytes:
                    break
                if progress is not None:
                    progress(file.filename, done, offer.size_bytes)


def _verify(part: Path, file: HubFile, offer: Offer) -> None:
    size = _size(part)
    if offer.size_bytes and size != offer.size_bytes:
        part.unlink()
        raise HubError(
            f"{file.filename} from {file.repo_id} came with {size} bytes instead of "
            f"{offer.size_bytes} and was deleted; try again."
        )
    is_hash = len(offer.etag) == 64 and all(c in "0123456789abcdef" for c in offer.etag)
    expected = file.sha256 or (offer.etag if is_hash else None)
    if expected is None:
        return
    with part.open("rb") as opened:
        came = hashlib.file_digest(opened, "sha256").hexdigest()
    if came != expected:
        part.unlink()
        raise HubError(
            f"{file.filename} from {file.repo_id} is damaged or was exchanged: its sha256 is "
            f"{came[:12]}..., expected is {expected[:12]}...; it was deleted."
        )


def _may_see_token(url: str) -> bool:
    """Only the Hub itself: large files come from other hosts by signed addresses."""
    return urlsplit(url).netloc in {
        urlsplit(hub_endpoint()).netloc,
        urlsplit(constants.ENDPOINT).netloc,
    }


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0
