"""Methods and checkpoints on offer, as data. Imports nothing heavy."""

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Method:
    """A published way to find the source of a sound, or a compact variant of one."""

    name: str
    title: str
    authors: str
    venue: str
    arxiv: str
    """arXiv id."""
    summary: str
    """One sentence for a person who chooses."""
    live: bool
    """Fast enough for camera and microphone on two CPU cores."""


class Source(StrEnum):
    """Where a checkpoint comes from."""

    BUNDLED = "bundled"
    """In this package."""
    HUB = "hub"
    """Downloaded from the Hub on first use."""
    UNPUBLISHED = "unpublished"
    """No weights were ever published: bring your own file or train one."""


@dataclass(frozen=True, slots=True)
class HubFile:
    """One file on the Hub, with mirrors in order of trust."""

    part: str
    """What it is in the network, for example ``beats``."""
    repo_id: str
    filename: str
    repo_type: str = "model"
    revision: str = "main"
    """A 40-hex commit where it is known."""
    sha256: str | None = None
    """``None``: not known; recorded on first use, and said loudly."""
    size_bytes: int = 0
    companion: bool = False
    """Holds no weights: it is laid beside them as it is, for example a tokenizer's vocabulary."""
    mirrors: tuple["HubFile", ...] = ()


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Weights for a method."""

    name: str
    method: str
    source: Source
    licence: str
    files: tuple[HubFile, ...] = ()
    note: str = ""


METHODS: dict[str, Method] = {
    m.name: m
    for m in (
        Method(
            "marginnce-compact",
            "MarginNCE compact",
            "this project, after S. Park, A. Senocak, J. S. Chung",
            "bundled variant of an ICASSP 2023 paper",
            "2211.01966",
            "Real time on a CPU; trained here with category labels.",
            live=True,
        ),
        Method(
            "jsa-compact",
            "JSA compact",
            "this project, after the JSA authors",
            "bundled variant of a CVPR 2025 paper",
            "2504.15118",
            "Joint slot attention on the compact encoders; real time on a CPU.",
            live=True,
        ),
        Method(
            "jsa",
            "JSA: joint slot attention on image and audio",
            "Inho Kim, Youngkil Song, Jicheol Park, Won Hwa Kim, Suha Kwak",
            "CVPR 2025",
            "2504.15118",
            "Splits picture and sound into a target slot and the rest.",
            live=True,
        ),
        Method(
            "marginnce",
            "MarginNCE on the EZ-VSL network",
            "Sooyoung Park, Arda Senocak, Joon Son Chung",
            "ICASSP 2023",
            "2211.01966",
            "Contrastive learning with a negative margin on two ResNet-18 towers.",
            live=True,
        ),
        Method(
            "acl",
            "ACL: Can CLIP help sound source localization?",
            "Sooyoung Park, Arda Senocak, Joon Son Chung",
            "WACV 2024",
            "2311.04066",
            "CLIP's picture knowledge, asked by sound; the strongest published weights.",
            live=False,
        ),
        Method(
            "acl-guided",
            "ACL guided: Hearing and Seeing Through CLIP",
            "Sooyoung Park, Arda Senocak, Joon Son Chung",
            "arXiv 2025",
            "2505.05343",
            "ACL trained with LLM guidance; weights are not published, train your own.",
            live=False,
        ),
    )
}

_BEATS = "BEATs_iter3_plus_AS2M_finetuned_on_AS2M_cpt2.pt"
_CLIPSEG = "CIDAS/clipseg-rd64-refined"
_ACL_SPACE = "swimmiing/ACL-SSL-zeroshot-demo"
_ACL_COMMIT = "6c8dc4b976f7e728110c872f7e8523d0a6668932"


def _beats(repo_id: str, filename: str = _BEATS, repo_type: str = "model") -> HubFile:
    return HubFile("beats", repo_id, filename, repo_type, size_bytes=363_000_000)


# Microsoft's own links to BEATs are dead, so all of these are mirrors by third parties.
_ACL_ENCODERS = (
    HubFile(
        "beats",
        "WeiChihChen/BEATs_iter3_plus_AS2M_finetuned_on_AS2M_cpt2",
        _BEATS,
        size_bytes=363_000_000,
        mirrors=(
            _beats("camenduru/beats"),
            HubFile("beats", _ACL_SPACE, f"pretrain/{_BEATS}", "space", _ACL_COMMIT),
            _beats("dieKarotte/beat"),
            _beats("GuyYariv/AudioToken", f"models/{_BEATS}", "space"),
            _beats("fffiloni/SALMONN-7B-PACK", f"beats/{_BEATS}"),
        ),
    ),
    HubFile(
        "clipseg",
        _CLIPSEG,
        "model.safetensors",
        size_bytes=603_000_000,
        mirrors=(
            HubFile("clipseg", _CLIPSEG, "model.safetensors", revision="refs/pr/6"),
            HubFile("clipseg", _CLIPSEG, "pytorch_model.bin"),
            HubFile("clipseg", "Trauma27/clipseg-rd64-refined", "pytorch_model.bin"),
        ),
    ),
)
_CLIP_WORDS = tuple(
    HubFile(name, _CLIPSEG, name, companion=True) for name in ("vocab.json", "merges.txt")
)

CHECKPOINTS: dict[str, Checkpoint] = {
    c.name: c
    for c in (
        Checkpoint("marginnce-compact", "marginnce-compact", Source.BUNDLED, "Apache-2.0"),
        Checkpoint("jsa-compact", "jsa-compact", Source.BUNDLED, "Apache-2.0"),
        Checkpoint(
            "jsa",
            "jsa",
            Source.UNPUBLISHED,
            "none stated",
            note="The authors published code but no weights.",
        ),
        Checkpoint(
            "marginnce",
            "marginnce",
            Source.UNPUBLISHED,
            "none stated",
            note=(
                "No weights were published. EZ-VSL files (Apache-2.0) have the same layout and load "
                "here; they are EZ-VSL, not MarginNCE."
            ),
        ),
        Checkpoint(
            "acl",
            "acl",
            Source.HUB,
            "none stated (ACL); MIT (BEATs); Apache-2.0 (CLIPSeg)",
            files=(
                HubFile(
                    "acl",
                    _ACL_SPACE,
                    "pretrain/Param_best.pth",
                    "space",
                    _ACL_COMMIT,
                    size_bytes=29_000_000,
                ),
                *_ACL_ENCODERS,
                *_CLIP_WORDS,
            ),
            note=(
                "Downloads about 1 GB once. The trained part lies in its authors' Space; where that "
                "fails, give Param_best.pth from their README's link (Google Drive file "
                "1XnVrBES3IKjAcV0uCkvbIdEEclcOYJoR) with --from-file."
            ),
        ),
        Checkpoint(
            "acl-guided",
            "acl-guided",
            Source.UNPUBLISHED,
            "yours (trained part); MIT (BEATs); Apache-2.0 (CLIPSeg)",
            files=_ACL_ENCODERS + _CLIP_WORDS,
            note=(
                "Its authors published neither weights nor code; training here follows this "
                "project's reconstruction of the guidance."
            ),
        ),
    )
}
DEFAULT_CHECKPOINT = "marginnce-compact"
