"""Reading CODEBRIM's original images and their annotations (Mundt et al., CVPR 2019), or anything in their layout.

An annotation is a VOC-style xml: `<filename>` names its image, every `<object>` has a `<bndbox>`, whose coordinates
start at 1 and include the last pixel, and a `<Defect>` with six tags of which several may be set.

Choices:
    - [okd: section 4] Printed: CODEBRIM has 1,600 images. Here: 1,590. Why: the data set's own count.
"""

from collections import Counter
from pathlib import PurePosixPath
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from advkd.data import images
from advkd.data.archives.members import LONGEST_LIST, Archive
from advkd.data.photos import Box, Photo
from advkd.errors import UserError
from advkd.progress import say

TAGS = ("Background", "Crack", "Spallation", "Efflorescence", "ExposedBars", "CorrosionStain")
# the five categories in the order of OKD-SAGAN's section 4; the paper has no background
CLASSES = ("crack", "exposed bars", "spallation", "corrosion stain", "efflorescence")
CLASS_TAGS = ("Crack", "ExposedBars", "Spallation", "CorrosionStain", "Efflorescence")
SUFFIXES = (".jpg", ".jpeg", ".png")
TOLERATED = 0.02


class _Fault(Exception):
    """What is wrong with one annotation."""


def read(archive: Archive, counters: Counter[str] | None = None, strict: bool = True) -> list[Photo]:
    """Return the photos in order of their names, each with the boxes that carry a defect.

    Boxes of background alone are left out. An image without annotation has no boxes and is not opened.
    `strict=False` is for an archive that has passed verification, which its user cannot repair: faulty annotations are
    then left out, counted under "annotations_left_out" and said, while they are at most 2 % of the annotation files.

    Raises:
        UserError: no images; a malformed annotation, one without its image, or a box that leaves its image.
    """
    pictures = [name for name in archive.names() if name.lower().endswith(SUFFIXES)]
    annotations = [name for name in archive.names() if name.lower().endswith(".xml")]
    if not pictures or not annotations:
        raise UserError(f"{archive.path} holds {len(pictures)} images and {len(annotations)} annotations (xml)")
    by_stem: dict[str, list[str]] = {}
    for name in pictures:
        by_stem.setdefault(_stem(name), []).append(name)
    boxes: dict[str, list[Box]] = {name: [] for name in pictures}
    sizes: dict[str, tuple[int, int]] = {}
    faults = []
    for annotation in annotations:
        try:
            root = _parse(archive.read(annotation, LONGEST_LIST))
            found = [_box(item) for item in root.iter("object")]
            found = [box for box in found if box.labels]
            if found:
                image = _image_of(root, annotation, by_stem)
                sizes.setdefault(image, images.size(archive, image))
                _check_inside(found, image, sizes[image])
                boxes[image].extend(found)
        except _Fault as fault:
            if strict:
                raise UserError(f"{annotation} in {archive.path}: {fault}") from fault
            faults.append(f"{annotation}: {fault}")
    if len(faults) > TOLERATED * len(annotations):
        raise UserError(f"{archive.path}: {len(faults)} annotations are faulty, the first is {faults[0]}")
    for fault in faults:
        say(f"left out {fault}")
    if counters is not None:
        counters["annotations_left_out"] += len(faults)
    return [Photo(name, sizes.get(name), tuple(boxes[name])) for name in pictures]


def _stem(name: str) -> str:
    return PurePosixPath(name).stem.lower()


def _parse(data: bytes) -> Element:
    try:
        return fromstring(data)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise _Fault(f"malformed xml ({error})") from error


def _image_of(root: Element, annotation: str, by_stem: dict[str, list[str]]) -> str:
    named = (root.findtext("filename") or "").strip() or annotation
    matches = by_stem.get(_stem(named.replace("\\", "/")), [])
    if not matches:
        raise _Fault(f"its image {named!r} is missing")
    if len(matches) > 1:
        raise _Fault(f"{len(matches)} images are called {named!r}: {', '.join(matches)}")
    return matches[0]


def _box(item: Element) -> Box:
    corners = [_whole(item, f"bndbox/{key}") for key in ("xmin", "ymin", "xmax", "ymax")]
    tags = {tag: _whole(item, f"Defect/{tag}") for tag in TAGS}
    if not set(tags.values()) <= {0, 1}:
        raise _Fault(f"tags other than 0 and 1: {tags}")
    if corners[2] < corners[0] or corners[3] < corners[1]:
        raise _Fault(f"a box whose end lies before its start: {tuple(corners)}")
    labels = tuple(label for label, tag in enumerate(CLASS_TAGS) if tags[tag])
    return Box(corners[0] - 1, corners[1] - 1, corners[2], corners[3], labels, tuple(tags.values()))


def _whole(item: Element, path: str) -> int:
    text = item.findtext(path)
    try:
        return int((text or "").strip())
    except ValueError as error:
        raise _Fault(f"an object whose <{path}> is {text!r}, not a whole number") from error


def _check_inside(boxes: list[Box], image: str, size: tuple[int, int]) -> None:
    for box in boxes:
        if box.xmin < 0 or box.ymin < 0 or box.xmax > size[0] or box.ymax > size[1]:
            corners = (box.xmin + 1, box.ymin + 1, box.xmax, box.ymax)
            raise _Fault(f"the box {corners} leaves its image {image} of {size[0]}x{size[1]} pixels")
