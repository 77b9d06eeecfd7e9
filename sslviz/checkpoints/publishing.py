"""Putting a checkpoint folder on the Hub, with a card that says what it is."""

import json
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import CommitOperationAdd, HfApi
from huggingface_hub.errors import HTTPError  # type: ignore[attr-defined]

from sslviz.catalog import METHODS
from sslviz.checkpoints.folder import CheckpointConfig, load_network, read_config
from sslviz.checkpoints.hub_errors import explain_upload, is_offline
from sslviz.checkpoints.places import CONFIG, WEIGHTS, find_folder, hub_endpoint
from sslviz.errors import HubError

CARD = "README.md"


@dataclass(frozen=True, slots=True)
class Published:
    """Where a checkpoint now is."""

    repo_id: str
    commit: str
    """40 hex digits."""

    def __str__(self) -> str:
        return f"Published as {self.repo_id}; --method {self.specification} loads exactly this."

    @property
    def specification(self) -> str:
        """What ``load_localizer`` takes to load exactly this."""
        return f"hf:{self.repo_id}@{self.commit}"


def publish(checkpoint: Path | str, repo_id: str, private: bool = False) -> Published:
    """Make or update a Hub repository from a checkpoint folder.

    The folder is loaded first, so nothing is published that could not be used. Its own README.md
    becomes the model card; where there is none, one is written from ``config.json``.

    Args:
        checkpoint: Name of one on this machine, or a folder with ``config.json`` and
            ``model.safetensors``.
        repo_id: ``USER/NAME``.
        private: Only for a repository that is made now.

    Raises:
        CheckpointError: The folder does not load.
        HubError: No token, no permission, no network, or offline mode.
    """
    folder = find_folder(str(checkpoint)) or Path(checkpoint)
    network, config = load_network(folder), read_config(folder)
    present = [name for name in network.companions if (folder / name).is_file()]
    if is_offline():
        raise HubError("Offline mode is on (HF_HUB_OFFLINE); publishing needs the network.")
    card = folder / CARD
    text = card.read_bytes() if card.is_file() else model_card(config, repo_id).encode()
    operations = [
        CommitOperationAdd(CARD, text),
        *(CommitOperationAdd(name, folder / name) for name in (CONFIG, WEIGHTS, *present)),
    ]
    api = HfApi(endpoint=hub_endpoint())
    try:
        api.create_repo(repo_id, private=private, exist_ok=True)
        commit = api.create_commit(repo_id, operations, commit_message=f"{config.name} for sslviz")
    except (HTTPError, OSError, ValueError, RuntimeError) as error:
        raise explain_upload(error, repo_id) from error
    return Published(repo_id, commit.oid)


def model_card(config: CheckpointConfig, repo_id: str) -> str:
    """A model card in Markdown with the Hub's front matter, from what ``config.json`` says."""
    method = METHODS[config.method]
    spec = config.input
    # JSON strings are YAML strings: whatever a name holds, it cannot break out of its field.
    front = [
        "---",
        f"license: {json.dumps(_licence_tag(config.licence))}",
        "library_name: sslviz",
        "tags: [sound-source-localization, audio-visual, sslviz]",
        "---",
    ]
    body = [
        f"# {config.name}",
        f"{method.title}: {method.summary}",
        f"Method: {method.authors}, {method.venue}, [arXiv {method.arxiv}]"
        f"(https://arxiv.org/abs/{method.arxiv}).",
        "" if config.trained else "**These weights were never trained; their maps mean nothing.**",
        "## Use",
        f"```bash\nsslviz render IN.mp4 OUT.mp4 --method hf:{repo_id}\n```",
        "## Input and output",
        f"One picture of {spec.image_size} x {spec.image_size} px and {spec.audio_seconds} s of mono "
        f"sound at {spec.sample_rate} Hz give one map of {config.scale} scores. Fixed colours span "
        f"{config.calibration.score_low} to {config.calibration.score_high}; below a confidence of "
        f"{config.calibration.confidence_gate} no source is claimed.",
        f"Licence: {config.licence or 'not stated'}. sha256 of the weights: `{config.sha256}`.",
        "## Training",
        _table(config.training) or "Not recorded.",
        "## Measured",
        _table(config.metrics) or "Not recorded.",
    ]
    return "\n".join(front) + "\n\n" + "\n\n".join(part for part in body if part) + "\n"


def _licence_tag(licence: str) -> str:
    known = {"apache-2.0", "mit", "bsd-3-clause", "cc-by-4.0", "cc0-1.0"}
    return licence.lower() if licence.lower() in known else "other"


def _table(values: object) -> str:
    if not isinstance(values, dict) or not values:
        return ""
    rows = [f"| {_cell(name)} | {_cell(value)} |" for name, value in values.items()]
    return "\n".join(["| what | value |", "|---|---|", *rows])


def _cell(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text.replace("|", "\\|").replace("\n", " ")
