"""The benchmarks by name, and how each is read. Imports nothing heavy, so that help pages are fast."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sslviz.errors import OptionError

if TYPE_CHECKING:
    from sslviz.datasets.annotated import Benchmark


PROTOCOL_NAMES = ("lvs", "ezvsl", "slavc", "sslalign", "acl", "jsa", "adaptive")
"""Those of ``protocols.PROTOCOLS``, which needs numpy."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A benchmark on offer."""

    name: str
    title: str
    read: Callable[[Path, str], "Benchmark"]
    """From a folder and a split (which only AVSBench has)."""
    masks: bool = False
    """Truth is a mask: AVSBench's mIoU and F are taken, too."""


def _vggss(root: Path, split: str) -> "Benchmark":
    from sslviz.datasets.vggsound import read_vggss, read_vggss_subset

    return read_vggss_subset(root, split) if split in ("heard", "unheard") else read_vggss(root)


def _flickr(root: Path, split: str) -> "Benchmark":
    from sslviz.datasets.flickr import read_flickr

    return read_flickr(root)


def _extended(base: str) -> Callable[[Path, str], "Benchmark"]:
    def read(root: Path, split: str) -> "Benchmark":
        from sslviz.datasets.extended import read_extended

        return read_extended(root, base)

    return read


def _avsbench(subset: str) -> Callable[[Path, str], "Benchmark"]:
    def read(root: Path, split: str) -> "Benchmark":
        from sslviz.datasets.avsbench import read_avsbench

        return read_avsbench(root, subset, split)

    return read


def _marked(root: Path, split: str) -> "Benchmark":
    from sslviz.datasets.own import read_marked_photos

    return read_marked_photos(root, split)


def _clips(root: Path, split: str) -> "Benchmark":
    from sslviz.datasets.own import read_marked_clips

    return read_marked_clips(root)


def _is3(masks: bool) -> Callable[[Path, str], "Benchmark"]:
    def read(root: Path, split: str) -> "Benchmark":
        from sslviz.datasets.is3 import read_is3

        return read_is3(root, masks=masks)

    return read


BENCHMARKS: dict[str, Entry] = {
    e.name: e
    for e in (
        Entry("vggss", "VGG-SS, boxes on 5,158 clips", lambda root, split: _vggss(root, "")),
        Entry("vggss-heard", "VGG-SS, 110 heard classes", lambda root, _: _vggss(root, "heard")),
        Entry(
            "vggss-unheard", "VGG-SS, 110 unheard classes", lambda root, _: _vggss(root, "unheard")
        ),
        Entry("vggss-extended", "VGG-SS with non-sounding pairs", _extended("vggss")),
        Entry("flickr", "Flickr-SoundNet, consensus of annotators", _flickr),
        Entry("flickr-extended", "Flickr-SoundNet with non-sounding pairs", _extended("flickr")),
        Entry("avsbench-s4", "AVSBench, one source, masks", _avsbench("s4"), masks=True),
        Entry("avsbench-ms3", "AVSBench, several sources, masks", _avsbench("ms3"), masks=True),
        Entry("is3", "IS3, two sounds per picture, boxes", _is3(False)),
        Entry("is3-masks", "IS3, two sounds per picture, masks", _is3(True), masks=True),
        Entry("marked", "marked photos of a paired folder with sounds of their category", _marked),
        Entry("clips", "marked clips of a paired folder", _clips),
    )
}


def entry(name: str) -> Entry:
    """A benchmark by name.

    Raises:
        OptionError: There is none of that name.
    """
    if name not in BENCHMARKS:
        raise OptionError(f"benchmark is {name!r}, allowed are {', '.join(BENCHMARKS)}.")
    return BENCHMARKS[name]
