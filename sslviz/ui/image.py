"""The Image + sounds tab: one picture, up to four sounds, one map each on one scale."""

import json
from collections.abc import Iterator
from typing import Any

import gradio as gr

from sslviz.errors import MediaError
from sslviz.export import save_track
from sslviz.media.audio import read_sound
from sslviz.media.image import read_image
from sslviz.types import Frame, ScoreTrack
from sslviz.ui import library, localizers, look, parts, pictures, text, work
from sslviz.ui.upload import MODEL_QUEUE, build_method
from sslviz.ui.work import Desk


def build_image_tab(desk: Desk) -> None:
    """Everything inside the tab."""
    page = ImagePage(desk)
    parts.work_tab(lambda: parts.part("sounds", "sv-sounds-part"), page.build_panel)
    page.connect()


class ImagePage:
    """Components and handlers of the tab."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def build_panel(self) -> None:
        """Method, words, look."""
        with gr.Group(elem_classes="sv-box"):
            parts.title(text.METHOD)
            self.method = build_method("image", with_rate=False)
            self.query = gr.Textbox(
                label=text.IMAGE_QUERY,
                info=text.IMAGE_QUERY_INFO,
                max_length=200,
                elem_id="image-query",
            )
            self.run = gr.Button(
                text.IMAGE_RUN, variant="primary", elem_id="image-run", elem_classes="sv-run"
            )
        with gr.Accordion(text.LOOK, open=False, elem_classes="sv-box"):
            self.look = look.build_look("image")
        self.request = parts.carrier("image-request")
        self.bus = parts.bus("sounds")

    def connect(self) -> None:
        """Which press does what."""
        inputs = [
            self.request, self.method.checkpoint, self.method.device, self.query, *self.look.all(),
        ]  # fmt: skip
        shared: dict[str, Any] = {"js": parts.asking("sounds"), **parts.QUIET}
        gr.on(
            [self.run.click, self.query.submit], self.on_run, inputs, self.bus,
            concurrency_id=MODEL_QUEUE, **shared,
        )  # fmt: skip
        gr.on(
            [control.change for control in self.look.all()], self.on_look, inputs, self.bus,
            trigger_mode="always_last", **shared,
        )  # fmt: skip

    def on_run(
        self, asked: str, checkpoint: str, device: str, query: str, *style: Any
    ) -> Iterator[str]:
        """Score the picture with each sound."""
        yield json.dumps({"state": "busy"})
        try:
            picture, track = self._score(json.loads(asked), checkpoint, device, query.strip())
            token, folder = self.desk.store.new_folder()
            save_track(track, folder / "track.npz")
            yield json.dumps(self._message(picture, track, style) | {"track": token})
        except Exception as error:  # noqa: BLE001 - the page must hear of every end
            yield json.dumps({"state": "error", "message": work.sentence(error)})

    def _score(
        self, asked: dict[str, Any], checkpoint: str, device: str, query: str
    ) -> tuple[Frame, ScoreTrack]:
        if not asked["picture"] or not (asked["sounds"] or query):
            raise MediaError(text.NO_IMAGE)
        limits = self.desk.deployment.media_limits()
        name = localizers.allowed_name(checkpoint, self.desk.deployment.public)
        localizer = self.desk.shelf.get(name, device)
        picture = read_image(self.desk.store.upload(asked["picture"]).path, limits)
        found = []
        if asked["sounds"]:
            uploads = [self.desk.store.upload(token) for token in asked["sounds"]]
            sounds = [
                pictures.NamedSound(u.name, read_sound(u.path, localizer.spec.sample_rate, limits))
                for u in uploads
            ]
            found.append(pictures.score(localizer, picture, sounds))
        if query:
            plain = self.desk.shelf.plain(name, device)
            found.append(pictures.score_words(plain, picture, query))
        return picture, pictures.joined(found)

    def _message(self, picture: Frame, track: ScoreTrack, style: tuple[Any, ...]) -> dict[str, Any]:
        maps = pictures.painted(picture, track, look.from_controls(style))
        notes = [] if track.identity.trained else [text.UNTRAINED]
        return {"state": "maps", "maps": maps, "notes": notes}

    def on_look(self, asked: str, checkpoint: str, device: str, query: str, *style: Any) -> str:
        """Paint the same maps in another look; no model runs."""
        del checkpoint, device, query
        wanted = json.loads(asked)
        if not wanted["track"]:
            return ""
        try:
            limits = self.desk.deployment.media_limits()
            picture = read_image(self.desk.store.upload(wanted["picture"]).path, limits)
            track = library.track_of(self.desk.store.folder(wanted["track"]) / "track.npz")
            return json.dumps(self._message(picture, track, style) | {"track": wanted["track"]})
        except Exception as error:  # noqa: BLE001 - the page must hear of every end
            return json.dumps({"state": "error", "message": work.sentence(error)})
