"""The pictures of the user guide, made from the real app: ``python tests/ui/screenshots.py docs/media``.

Run by hand after the app or a bundled checkpoint has changed.
"""

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from sslviz.bench.live_page import MICROPHONE_RATE, browser, make_camera, make_microphone
from sslviz.media.audio import read_sound
from sslviz.media.reader import VideoReader

EXAMPLES = Path(__file__).parents[2] / "examples"
WIDTH, QUALITY = 1080, 82


def camera_and_microphone(clip: Path, folder: Path) -> tuple[Path, Path]:
    """A clip as what the browser's camera sees and its microphone hears."""
    with VideoReader(clip) as reader:
        frames = [cv2.resize(frame.rgb(), (640, 480)) for frame in reader.frames()]
        fps = float(reader.format.fps)
    count = round(len(frames) * 30 / fps)
    camera = make_camera(
        folder / "camera.mjpeg", lambda i: frames[min(int(i * fps / 30), len(frames) - 1)], count
    )
    samples = np.asarray(read_sound(clip, MICROPHONE_RATE).samples, np.float32)
    return camera, make_microphone(folder / "microphone.wav", samples)


def wait_for(url: str) -> None:
    """Until the app answers."""
    for _ in range(600):
        try:
            urllib.request.urlopen(url, timeout=5).read()
            return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError("the app did not start")


def take(page: object, target: Path) -> None:
    """The page as it is, as a small JPEG."""
    with tempfile.NamedTemporaryFile(suffix=".png") as file:
        page.screenshot(path=file.name)
        picture = Image.open(file.name).convert("RGB")
    picture.thumbnail((WIDTH, WIDTH))
    picture.save(target, quality=QUALITY)
    sys.stdout.write(f"{target} {target.stat().st_size // 1024} KB\n")


def video(page: object) -> None:
    """A finished clip, stopped where the dog barks."""
    page.set_input_files(".sv-stage input[type=file]", str(EXAMPLES / "dog.mp4"))
    page.wait_for_selector("body[data-video-state=done]")
    page.evaluate("() => { document.querySelector('.sv-player video').currentTime = 2.0; }")
    page.wait_for_timeout(1500)


def trust(page: object) -> None:
    """Does the map listen? The same clip with other sounds."""
    page.click("#video-trust")
    page.wait_for_selector(".sv-verdict")
    page.locator(".sv-verdict").scroll_into_view_if_needed()
    page.wait_for_timeout(500)


def sounds(page: object) -> None:
    """One picture, two sounds."""
    page.evaluate("() => window.scrollTo(0, 0)")
    page.get_by_role("tab", name="Image + sounds").click()
    with tempfile.TemporaryDirectory() as folder:
        picture, bark = Path(folder) / "picture.png", Path(folder) / "bark.wav"
        subprocess.run(
            ["ffmpeg", "-v", "error", "-y", "-ss", "1", "-i", EXAMPLES / "dog.mp4", "-frames:v", "1", picture],
            check=True,
        )  # fmt: skip
        subprocess.run(
            ["ffmpeg", "-v", "error", "-y", "-i", EXAMPLES / "dog.mp4", "-vn", bark], check=True
        )
        page.set_input_files(".sv-sounds-picture input[type=file]", str(picture))
        page.wait_for_function("() => window.sslviz.sounds.picture")
        page.set_input_files(".sv-compact input[type=file]", str(bark))
        page.wait_for_function("() => window.sslviz.sounds.maps.length === 1")
    page.wait_for_timeout(800)


def compare(page: object) -> None:
    """Two methods on one clip."""
    page.get_by_role("tab", name="Compare").click()
    page.set_input_files(".sv-compare input[type=file]", str(EXAMPLES / "talking_man.mp4"))
    page.wait_for_selector("body[data-compare-state=ready]")
    page.click("#compare-run")
    page.wait_for_selector("body[data-compare-state=done]")
    page.evaluate(
        "() => document.querySelectorAll('.sv-players video').forEach((v) => v.currentTime = 2.8)"
    )
    page.wait_for_timeout(1500)


def live(page: object) -> None:
    """The camera sees a man, the microphone hears him."""
    page.get_by_role("tab", name="Live").click()
    page.click(".sl-start")
    page.wait_for_timeout(12_000)


PICTURES: dict[str, Callable[[object], None]] = {
    "video": video, "trust": trust, "sounds": sounds, "compare": compare, "live": live,
}  # fmt: skip


def main(target: Path) -> None:
    """Start the app, visit every tab."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(
            [sys.executable, "-m", "sslviz", "app", "--port", str(port), "--no-browser"],
            env=os.environ | {"SSLVIZ_FOLDER": f"{folder}/store"},
        )
        try:
            wait_for(f"http://127.0.0.1:{port}/")
            devices = camera_and_microphone(EXAMPLES / "talking_man.mp4", Path(folder))
            with browser(Path(folder) / "profile", *devices) as context:
                page = context.new_page()
                page.set_default_timeout(240_000)
                page.goto(f"http://127.0.0.1:{port}/")
                page.wait_for_selector("body[data-ready]")
                for name, visit in PICTURES.items():
                    visit(page)
                    take(page, target / f"{name}.jpg")
        finally:
            process.terminate()
            process.wait(30)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
