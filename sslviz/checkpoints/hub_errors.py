"""What a Hub client's exception means for a person."""

import errno

from huggingface_hub import constants
from huggingface_hub.errors import (  # type: ignore[attr-defined]
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    HTTPError,
    LocalTokenNotFoundError,
    OfflineModeIsEnabled,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from sslviz.catalog import HubFile
from sslviz.checkpoints.places import cache_folder, hub_endpoint
from sslviz.errors import HubError

STILL_WORKS = "The bundled checkpoints need no network."
SERVER_ERROR = 500


class HubFileMissingError(HubError):
    """The repository is there, the file is not."""


class HubUnreachableError(HubError):
    """No answer: no network, a dead server or offline mode. What is in the cache can be used."""


def is_offline() -> bool:
    """Whether the user forbade the network (``HF_HUB_OFFLINE``)."""
    return constants.is_offline_mode()


def explain(error: Exception, file: HubFile) -> HubError:
    """One sentence about what went wrong with a file, and what to do."""
    what = f"{file.filename} of {file.repo_id}"
    if isinstance(error, OfflineModeIsEnabled):
        return HubUnreachableError(
            f"Offline mode is on (HF_HUB_OFFLINE) and {what} is not in the cache; fetch it once "
            f"without that variable. {STILL_WORKS}"
        )
    if isinstance(error, HfHubHTTPError):
        return _explain_answer(error, file, what)
    if isinstance(error, HTTPError | ConnectionError):
        return HubUnreachableError(
            f"{hub_endpoint()} cannot be reached ({_reason(error)}) and {what} is not in the cache; "
            f"check the network, the proxy and HF_ENDPOINT. {STILL_WORKS}"
        )
    if isinstance(error, HFValidationError):
        return HubError(f"{file.repo_id!r} is no name of a repository; write USER/NAME.")
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return HubError(
            f"There is no room left for {what} in {cache_folder()}; free some, or name another "
            "folder in SSLVIZ_CACHE."
        )
    return HubError(f"{what} could not be fetched: {_reason(error)}.")


def _explain_answer(error: HfHubHTTPError, file: HubFile, what: str) -> HubError:
    where = f"{hub_endpoint()}/{file.repo_id}"
    if isinstance(error, GatedRepoError):
        return HubError(
            f"{file.repo_id} is gated: accept its terms at {where}, then set HF_TOKEN or run "
            "`hf auth login`."
        )
    if isinstance(error, RepositoryNotFoundError):
        return HubError(
            f"There is no {file.repo_type} repository {file.repo_id} on {hub_endpoint()}, or it is "
            "private: check the name; for a private one set HF_TOKEN or run `hf auth login`."
        )
    if isinstance(error, RevisionNotFoundError):
        return HubError(
            f"{file.repo_id} has no revision {file.revision}; see {where} for its branches."
        )
    if isinstance(error, RemoteEntryNotFoundError):
        return HubFileMissingError(
            f"{file.repo_id} has no file {file.filename} at {file.revision}; it may have moved."
        )
    status = error.response.status_code
    if status >= SERVER_ERROR:
        return HubUnreachableError(
            f"{hub_endpoint()} answers with error {status} and {what} is not in the cache; try "
            f"again later. {STILL_WORKS}"
        )
    return HubError(f"{hub_endpoint()} refuses {what} with status {status}: {_reason(error)}.")


def explain_upload(error: Exception, repo_id: str) -> HubError:
    """One sentence about a failed upload, and what to do."""
    if isinstance(error, LocalTokenNotFoundError):
        return HubError(
            f"Uploading to {repo_id} needs a token with write permission: set HF_TOKEN or run "
            "`hf auth login`."
        )
    status = error.response.status_code if isinstance(error, HfHubHTTPError) else 0
    if status in (401, 403):
        return HubError(
            f"The token may not write to {repo_id} (status {status}): use one with write "
            "permission for that user or organisation."
        )
    if isinstance(error, HFValidationError):
        return HubError(f"{repo_id!r} is no name of a repository; write USER/NAME.")
    return HubError(f"The upload to {repo_id} on {hub_endpoint()} failed: {_reason(error)}.")


def _reason(error: Exception) -> str:
    innermost = error
    while isinstance(innermost.__cause__, Exception):
        innermost = innermost.__cause__
    text = str(innermost).strip().splitlines()
    return text[0].rstrip(".") if text else type(innermost).__name__
