"""Flickr-SoundNet's test pairs: ``frames/ID.jpg``, ``audio/ID.wav``, ``Annotations/ID.xml``.

Senocak et al., "Learning to Localize Sound Source in Visual Scenes", CVPR 2018, arXiv 1803.03849. Each
picture was marked by up to three people; the truth is their consensus. The list of 250 ids is
``flickr_test.csv`` (the one of LVS, EZ-VSL and FNAC has 249); without a list every annotation counts.
"""

from pathlib import Path
from xml.etree import ElementTree

from sslviz.datasets.annotated import SIZE, Annotated, Benchmark, PixelBox, find, with_files
from sslviz.datasets.vggsound import IMAGES, SOUNDS, read_ids
from sslviz.errors import DatasetError

_FRAME = 256
"""Side of the picture that people marked, pixels."""


def read_flickr(root: Path | str) -> Benchmark:
    """The annotated pairs.

    Raises:
        DatasetError: There is no folder of annotations.
    """
    root = Path(root)
    annotations = annotation_folder(root)
    names = [path.stem for path in sorted(annotations.glob("*.xml"))]
    for listing in (root / "flickr_test.csv", root / "metadata" / "flickr_test.csv"):
        if listing.is_file():
            names = read_ids(listing)
            break
    listed = (_sample(root, annotations / f"{name}.xml") for name in names)
    return with_files("flickr", listed, root)


def annotation_folder(root: Path) -> Path:
    """Where the XML files are.

    Raises:
        DatasetError: Nowhere.
    """
    for name in ("Annotations", "annotations", "gt", "metadata/Annotations"):
        if (root / name).is_dir():
            return root / name
    raise DatasetError(f"{root} has no folder Annotations with one XML file per picture.")


def _sample(root: Path, path: Path) -> tuple[Annotated, str]:
    name, reason, boxes = path.stem, "", tuple[PixelBox, ...]()
    try:
        boxes = read_consensus_boxes(path)
    except DatasetError as error:
        reason = str(error)
    sample = Annotated(
        name,
        find(root / "frames", name, IMAGES),
        find(root / "audio", name, SOUNDS),
        boxes,
        consensus=True,
    )
    return sample, reason


def read_consensus_boxes(path: Path) -> tuple[PixelBox, ...]:
    """All annotators' boxes of one picture, in pixels of 224.

    A ``bbox`` node holds a name and then xmin, ymin, xmax, ymax on a 256-pixel picture.

    Raises:
        DatasetError: The file is missing or of another layout.
    """
    try:
        root = ElementTree.parse(path).getroot()
        boxes = [_box(node) for annotator in root for node in annotator if node.tag == "bbox"]
    except (OSError, ElementTree.ParseError, ValueError) as error:
        raise DatasetError(f"{path.name} cannot be read ({error})") from error
    return tuple(boxes)


def _box(node: ElementTree.Element) -> PixelBox:
    x0, y0, x1, y1 = (int(SIZE * int(child.text or "") / _FRAME) for child in list(node)[1:5])
    return x0, y0, x1, y1
