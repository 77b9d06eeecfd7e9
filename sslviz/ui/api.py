"""Named endpoints for programs: `gradio_client`, MCP, or plain HTTP.

Each takes files and plain values and returns files and JSON; the page itself uses none of them.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from sslviz.catalog import DEFAULT_CHECKPOINT
from sslviz.checkpoints.places import available
from sslviz.errors import MediaError, OptionError, SSLVizError
from sslviz.export import write_csv
from sslviz.media.audio import read_sound
from sslviz.media.image import read_image
from sslviz.options import AnalysisOptions, Style, style_from_json
from sslviz.pipeline import paint
from sslviz.ui import library, localizers, payload, pictures, text, work
from sslviz.ui.library import Message
from sslviz.ui.store import Upload, safe_name
from sslviz.ui.upload import MODEL_QUEUE
from sslviz.ui.work import Desk, RunRequest


class Api:
    """The endpoints, bound to one desk."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def localize_video(
        self,
        video: str,
        checkpoint: str = DEFAULT_CHECKPOINT,
        maps_per_second: float = 5.0,
        style: str = "{}",
    ) -> tuple[str, str, str, dict[str, Any]]:
        """Paint where the sound of a video comes from.

        Args:
            video: A video file: MP4, MOV, WebM, MKV, AVI or another common format.
            checkpoint: A name that `list_checkpoints` returns, or hf:USER/NAME.
            maps_per_second: How often the picture is looked at, 0.05 to 60.
            style: Options of the painting as a JSON object, for example {"color_map": "viridis"}.

        Returns:
            The painted video (MP4), the raw score maps (NPZ), a table (CSV), and a summary.
        """
        try:
            options = AnalysisOptions(maps_per_second=maps_per_second)
            request = RunRequest(
                self._take(video).token, checkpoint, "auto", options, parse_style(style)
            )
            return self._files(_last(work.run(self.desk, request)))
        except SSLVizError as error:
            raise gr.Error(work.sentence(error)) from error

    def restyle_video(self, result: str, style: str) -> tuple[str, str, str, dict[str, Any]]:
        """Paint a result of `localize_video` in another style; no model runs.

        Args:
            result: The "result" of an earlier summary.
            style: Options of the painting as a JSON object, for example {"contours": true}.

        Returns:
            As `localize_video`.
        """
        try:
            return self._files(_last(work.restyle(self.desk, result, parse_style(style))))
        except SSLVizError as error:
            raise gr.Error(work.sentence(error)) from error

    def localize_image(
        self, picture: str, sound: str, checkpoint: str = DEFAULT_CHECKPOINT, style: str = "{}"
    ) -> tuple[str, dict[str, Any]]:
        """Paint where a sound would come from in a picture.

        Args:
            picture: A JPEG, PNG, WebP, BMP, TIFF or GIF file.
            sound: A sound or video file.
            checkpoint: A name that `list_checkpoints` returns, or hf:USER/NAME.
            style: Options of the painting as a JSON object.

        Returns:
            The painted picture (JPEG), and a summary.
        """
        try:
            return self._image(picture, sound, checkpoint, parse_style(style))
        except SSLVizError as error:
            raise gr.Error(work.sentence(error)) from error

    def _image(
        self, picture: str, sound: str, checkpoint: str, style: Style
    ) -> tuple[str, dict[str, Any]]:
        limits = self.desk.deployment.media_limits()
        name = localizers.allowed_name(checkpoint, self.desk.deployment.public)
        localizer = self.desk.shelf.get(name)
        heard, seen = self._take(sound), self._take(picture)
        try:
            clip = read_sound(heard.path, localizer.spec.sample_rate, limits)
            frame = read_image(seen.path, limits)
        except MediaError as error:
            words = seen.in_visitors_words(heard.in_visitors_words(str(error)))
            raise MediaError(words) from error
        track = pictures.score(localizer, frame, [pictures.NamedSound(heard.name, clip)])
        entry = pictures.painted(frame, track, style)[0]
        _, folder = self.desk.store.new_folder()
        target = folder / "painted.jpg"
        target.write_bytes(payload.jpeg(paint(frame, track, style), 7680, 92))
        summary = {key: entry[key] for key in ("words", "confidence", "gate", "found")}
        return str(target), summary | {"trained": track.identity.trained}

    def list_checkpoints(self) -> list[dict[str, Any]]:
        """List the checkpoints on offer: name, method, where they are, size in bytes, note."""
        return [
            {
                "name": state.name,
                "method": state.method,
                "where": state.where,
                "size_bytes": state.size_bytes,
                "note": state.note,
            }
            for state in available()
        ]

    def _take(self, path: str | None) -> Upload:
        """A file that Gradio received becomes one of ours."""
        if not path:
            raise MediaError(text.NO_CLIP)
        upload = self.desk.store.new_upload(safe_name(Path(path).name))
        work.link_as(Path(path), upload.path)
        return upload

    def _files(self, message: Message) -> tuple[str, str, str, dict[str, Any]]:
        result = self.desk.store.result(message["token"])
        track = library.track_of(result.track_path)
        table = result.folder / "table.csv"
        write_csv(track, library.style_of(result), table)
        summary = {
            "result": result.token,
            "story": message["story"],
            "notes": message["notes"],
            "weights": message["identity"],
            "trained": track.identity.trained,
            "windows": len(track),
        }
        return str(result.overlay_path), str(result.track_path), str(table), summary


def parse_style(words: str) -> Style:
    """A style given as JSON.

    Raises:
        OptionError: Not a JSON object of style options.
    """
    try:
        values = json.loads(words or "{}")
    except ValueError as error:
        raise OptionError(f"The style is no JSON: {error}.") from error
    if not isinstance(values, dict):
        raise OptionError("The style must be a JSON object of options.")
    return style_from_json(values)


def _last(messages: Iterator[Message]) -> Message:
    """The message that a run ends with.

    Raises:
        MediaError: It ended in an error.
    """
    message: Message = {"state": "error", "message": text.INTERNAL}
    for latest in messages:
        message = latest
    if message["state"] == "error":
        raise MediaError(message["message"])
    return message


def build_api(desk: Desk) -> None:
    """Register the endpoints; their components are never shown."""
    api = Api(desk)
    with gr.Column(visible=False):
        video = gr.File(label="video", type="filepath")
        checkpoint = gr.Textbox(DEFAULT_CHECKPOINT, label="checkpoint")
        rate = gr.Number(5.0, label="maps_per_second")
        style = gr.Textbox("{}", label="style")
        result = gr.Textbox(label="result")
        picture = gr.File(label="picture", type="filepath")
        sound = gr.File(label="sound", type="filepath")
        files = [gr.File(label=name) for name in ("painted", "maps", "table")]
        image = gr.File(label="painted picture")
        summary = gr.JSON(label="summary")
        heavy: dict[str, Any] = {"concurrency_id": MODEL_QUEUE, "api_visibility": "public"}
        gr.Button().click(
            api.localize_video, [video, checkpoint, rate, style], [*files, summary],
            api_name="localize_video", **heavy,
        )  # fmt: skip
        gr.Button().click(
            api.restyle_video, [result, style], [*files, summary], api_name="restyle_video", **heavy
        )
        gr.Button().click(
            api.localize_image, [picture, sound, checkpoint, style], [image, summary],
            api_name="localize_image", **heavy,
        )  # fmt: skip
        gr.Button().click(
            api.list_checkpoints, None, summary, api_name="list_checkpoints", queue=False
        )
