"""Ask a chat model what a clip shows: the maker of ``guidance.jsonl`` (``sslviz guidance``).

Any model behind an OpenAI-compatible endpoint will do; with one that sees, frames are sent along. Training itself needs no
model. The paper (arXiv:2505.05343) does not say which model and prompt it used: this is our reconstruction.
"""

import base64
import csv
import json
import mimetypes
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from huggingface_hub import InferenceClient
from huggingface_hub.errors import HTTPError, InferenceTimeoutError  # type: ignore[attr-defined]

from sslviz.errors import DatasetError, HubError
from sslviz.training.guidance_file import Guidance, finished_ids, parse_guidance, to_line

INSTRUCTION = """You describe video clips for a system that learns which objects make sound.
Answer with one JSON object and nothing else: {"sounding": [...], "silent": [...]}.
"sounding": visible things that make the sound. "silent": clearly visible things that make no sound.
Each is a list of up to 4 short English noun phrases in lower case, for example "acoustic guitar". Lists may be empty, not both."""


@dataclass(frozen=True, slots=True)
class Clip:
    """What the model is told about a clip."""

    id: str
    label: str = ""
    """Class label, where there is one."""
    caption: str = ""
    """Caption or audio tags, where there are some."""
    image: Path | None = None
    """A frame, for a model that sees."""


@dataclass(frozen=True, slots=True)
class ChatOptions:
    """Where the model is and how it is asked."""

    endpoint: str
    """Base URL of an OpenAI-compatible server, or of the Hub's router."""
    model: str
    api_key: str | None = None
    """``None``: the Hub's own endpoints get the user's Hub token, all others get none."""
    attempts: int = 3
    """Per clip, while its answers cannot be used."""
    timeout_seconds: float = 60.0
    max_tokens: int = 300


@dataclass(frozen=True, slots=True)
class GuidanceReport:
    """What became of the clips."""

    made: int
    already_there: int
    refused: tuple[str, ...]
    """"id: reason" of clips whose answers could not be used; they are asked again next time."""


def read_clips(path: Path) -> list[Clip]:
    """Clips from a CSV file with the columns id, and label, caption or image (relative to the file).

    Raises:
        DatasetError: No such file, no id column, or a clip about which nothing is said.
    """
    if not path.is_file():
        raise DatasetError(f"There is no file {path}; expected is a CSV file with id and label.")
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    if not rows or "id" not in rows[0]:
        raise DatasetError(f"{path} has no rows with an id; its first line must name the columns.")
    clips = []
    for number, row in enumerate(rows, 2):
        image = path.parent / row["image"] if row.get("image") else None
        clip = Clip(row["id"], row.get("label") or "", row.get("caption") or "", image)
        if not (clip.label or clip.caption or clip.image):
            raise DatasetError(f"{path}, line {number}: needs a label, a caption or an image.")
        if image is not None and not image.is_file():
            raise DatasetError(f"{path}, line {number}: there is no image {image}.")
        clips.append(clip)
    return clips


def make_guidance(
    clips: Sequence[Clip],
    target: Path,
    options: ChatOptions,
    progress: Callable[[int, int], None] | None = None,
) -> GuidanceReport:
    """Ask about every clip that is not in ``target`` yet, and append the answers one by one.

    Killed at any moment, the next run goes on where this one was. Answers that cannot be used
    after some attempts are reported, never replaced.

    Raises:
        HubError: The endpoint cannot be reached or refuses.
        DatasetError: ``target`` holds something else.
    """
    done = finished_ids(target)
    waiting = [clip for clip in clips if clip.id not in done]
    client = InferenceClient(
        base_url=options.endpoint, api_key=_key(options), timeout=options.timeout_seconds
    )
    refused = []
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("a", encoding="utf-8") as out:
        for index, clip in enumerate(waiting, 1):
            try:
                out.write(to_line(_ask(client, clip, options)))
                out.flush()
            except DatasetError as error:
                refused.append(f"{clip.id}: {error}")
            if progress is not None:
                progress(index, len(waiting))
    return GuidanceReport(len(waiting) - len(refused), len(clips) - len(waiting), tuple(refused))


def _key(options: ChatOptions) -> str | None:
    """Without a key of its own a foreign endpoint gets a placeholder: the client would send the Hub token."""
    host = urlsplit(options.endpoint).hostname or ""
    is_hub = host == "huggingface.co" or host.endswith(".huggingface.co")
    return options.api_key or (None if is_hub else "no-key")


def _ask(client: InferenceClient, clip: Clip, options: ChatOptions) -> Guidance:
    """One clip; an answer that cannot be used is sent back with what is wrong with it."""
    messages: list[dict[str, Any]] = [
        {"role": "system", "content": INSTRUCTION},
        {"role": "user", "content": _question(clip)},
    ]
    problem = DatasetError("no attempt was made")
    for _ in range(options.attempts):
        answer = _answer(client, messages, options)
        try:
            values = _json_object(answer)
            return parse_guidance({**values, "id": clip.id, "source": options.model})
        except DatasetError as error:
            problem = error
            messages += [
                {"role": "assistant", "content": answer},
                {"role": "user", "content": f"This cannot be used: {error}. Answer again."},
            ]
    raise problem


def _question(clip: Clip) -> list[dict[str, Any]]:
    facts = [
        f"Class label of the sound: {clip.label}." if clip.label else "",
        f"Description: {clip.caption}." if clip.caption else "",
        "The picture is one frame of the clip." if clip.image else "",
    ]
    parts: list[dict[str, Any]] = [{"type": "text", "text": " ".join(filter(None, facts))}]
    if clip.image is not None:
        kind = mimetypes.guess_type(clip.image.name)[0] or "image/jpeg"
        data = base64.b64encode(clip.image.read_bytes()).decode()
        parts.append({"type": "image_url", "image_url": {"url": f"data:{kind};base64,{data}"}})
    return parts


def _answer(client: InferenceClient, messages: list[dict[str, Any]], options: ChatOptions) -> str:
    try:
        reply = client.chat_completion(
            messages, model=options.model, max_tokens=options.max_tokens, temperature=0.0, seed=0
        )
    except (HTTPError, InferenceTimeoutError, OSError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise HubError(
            f"{options.endpoint} does not answer for the model {options.model}: {reason} What is "
            "done is kept; run the same again to go on."
        ) from error
    return reply.choices[0].message.content or ""


def _json_object(answer: str) -> dict[str, Any]:
    """The JSON object in an answer, whatever the model wrote around it."""
    start, end = answer.find("{"), answer.rfind("}")
    try:
        values = json.loads(answer[start : end + 1]) if 0 <= start < end else None
    except json.JSONDecodeError as error:
        raise DatasetError(f"the answer is no JSON: {error}") from error
    if not isinstance(values, dict):
        raise DatasetError("the answer holds no JSON object")
    return values
