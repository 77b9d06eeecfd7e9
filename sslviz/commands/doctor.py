"""``sslviz doctor``: what works on this machine, and what to do where it does not."""

import argparse
import importlib.util
import os
import platform
import shutil
import sys
import tempfile
import webbrowser
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sslviz.commands.arguments import Say
from sslviz.errors import SSLVizError


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at."""

    name: str
    works: bool
    found: str
    advice: str = ""
    needed: bool = True
    """Without it nothing renders; otherwise only some feature is missing."""


def add_doctor(parser: argparse.ArgumentParser) -> None:
    """Flags of ``sslviz doctor``: none."""
    del parser


def run_doctor(args: argparse.Namespace, say: Say) -> int:
    """``sslviz doctor``; 1 where something needed does not work."""
    del args
    bad = False
    for check in checks():
        mark = "ok  " if check.works else ("FAIL" if check.needed else "note")
        bad |= check.needed and not check.works
        say(f"{mark}  {check.name}: {check.found}")
        if check.advice and not check.works:
            say(f"      {check.advice}")
    say("Something needed does not work; see above." if bad else "Ready to render.")
    return int(bad)


def checks() -> Iterator[Check]:
    """Everything, in the order in which a render needs it; an unforeseen error is a finding too."""
    looks: tuple[tuple[str, Callable[[], Iterator[Check]]], ...] = (
        ("Python", _python), ("video", _video), ("sandbox", _sandbox), ("torch", _torch),
        ("OpenVINO", _openvino), ("torchaudio", _torchaudio), ("checkpoints", _checkpoints), ("folders", _folders),
        ("app", _app),
    )  # fmt: skip
    for name, look in looks:
        try:
            yield from look()
        except Exception as error:  # noqa: BLE001 - a doctor reports what he finds
            yield Check(name, False, f"{type(error).__name__}: {error}", "Install sslviz again.")


def _python() -> Iterator[Check]:
    version = platform.python_version()
    new = sys.version_info >= (3, 11)
    yield Check("Python", new, f"{version} on {platform.system()}", "Use Python 3.11 or newer.")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    yield Check("processor", True, f"{platform.machine()}, {cores} cores for this process")


def _video() -> Iterator[Check]:
    from sslviz.media.ability import coders

    missing = [name for name, there in coders().items() if not there]
    found = "all codecs" if not missing else f"without {', '.join(missing)}"
    needed = {"libx264 encoder", "aac encoder", "h264 decoder", "aac decoder"} & set(missing)
    advice = "pip install --force-reinstall av"
    yield Check("video codecs", not missing, found, advice, needed=bool(needed))


def _sandbox() -> Iterator[Check]:
    """A tiny video written, read in a killable child, and compared."""
    from sslviz.media.ability import write_sample
    from sslviz.media.probe import probe

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sample.mp4"
        try:
            write_sample(path)
            info = probe(path)
        except (SSLVizError, OSError) as error:
            yield Check("decoding child", False, str(error), "Allow this user to start processes.")
            return
    right = (info.width, info.height) == (64, 48)
    limits = "with memory limit" if sys.platform == "linux" else "without memory limit (Linux only)"
    yield Check(
        "decoding child", right, f"starts, decodes, {limits}", "pip install --force-reinstall av"
    )


def _torch() -> Iterator[Check]:
    advice = "pip install torch; a CPU-only build is enough."
    try:
        import torch
    except (ImportError, OSError) as error:
        yield Check("torch", False, f"{error}", advice)
        return
    yield Check("torch", True, f"{torch.__version__}, {torch.get_num_threads()} threads")
    if torch.cuda.is_available():
        names = ", ".join(torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count()))
        yield Check("device", True, f"cuda: {names}")
    elif torch.backends.mps.is_available():
        yield Check("device", True, "mps")
    else:
        yield Check("device", True, "cpu; the compact methods run in real time on it")


def _openvino() -> Iterator[Check]:
    from sslviz.models.openvino_runtime import openvino

    package = openvino()
    found = package.__version__ if package else "not installed"
    advice = "pip install openvino; on a CPU the bundled localizers are faster with it."
    yield Check("OpenVINO", package is not None, found, advice, False)


def _torchaudio() -> Iterator[Check]:
    from sslviz.models.blocks.torchaudio_shim import import_torchaudio

    try:
        module = import_torchaudio()
    except (ImportError, OSError, RuntimeError) as error:
        yield Check(
            "torchaudio", False, str(error), "pip install torchaudio; only ACL needs it.", False
        )
        return
    native = bool(getattr(module._extension, "_IS_TORCHAUDIO_EXT_AVAILABLE", False))
    how = "with its compiled part" if native else "without its compiled part, which is not needed"
    yield Check("torchaudio", True, f"{module.__version__}, {how}")


def _checkpoints() -> Iterator[Check]:
    from sslviz.catalog import DEFAULT_CHECKPOINT
    from sslviz.checkpoints import available, cache_folder

    for state in available():
        there = state.where != "missing"
        found = (
            f"{state.where}, {state.size_bytes / 1e6:.0f} MB" if there else "not on this machine"
        )
        needed = state.name == DEFAULT_CHECKPOINT
        yield Check(f"checkpoint {state.name}", there, found, state.note, needed)
    yield Check("cache", True, str(cache_folder()))


def _folders() -> Iterator[Check]:
    from sslviz.checkpoints import cache_folder

    places = (("this folder", Path.cwd()), ("temporary files", Path(tempfile.gettempdir())))
    for name, folder in (*places, ("cache", _existing(cache_folder()))):
        writable = os.access(folder, os.W_OK)
        free = shutil.disk_usage(folder).free / 1e9
        yield Check(
            f"writing, {name}", writable and free > 0.5, f"{folder}, {free:.1f} GB free",
            "Choose a folder you may write to, or free some space.", needed=name != "this folder",
        )  # fmt: skip


def _existing(folder: Path) -> Path:
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder


def _app() -> Iterator[Check]:
    there = importlib.util.find_spec("gradio") is not None
    yield Check(
        "app", there, "gradio is here" if there else "no gradio", "pip install gradio", False
    )
    try:
        name = getattr(webbrowser.get(), "name", "found")
        yield Check("browser", True, str(name), needed=False)
    except webbrowser.Error:
        advice = "The app prints its address; open it in a browser, on another machine too."
        yield Check("browser", False, "none found here", advice, needed=False)
