"""Reads CODEBRIM's original images and their annotations (Mundt et al., CVPR 2019), or other data in their layout.

An annotation is an XML file in the style of VOC: `<filename>` names the image; every `<object>` has a `<bndbox>`, whose
coordinates start at 1 and include the last pixel, and a `<Defect>` with six tags. Several tags may be set.

Choices:
    - [okd: section 4] Printed: CODEBRIM has 1,600 images. Here: 1,590. Why: the data set's own count.
"""

from collections import Counter
from pathlib import PurePosixPath
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from advkd.data.archives.archive import LARGEST_LIST, Archive
from advkd.data.images import read_image_size
from advkd.data.photos import Box, Photo
from advkd.errors import UserError
from advkd.progress import say

TAGS = ("Background", "Crack", "Spallation", "Efflorescence", "ExposedBars", "CorrosionStain")
# The five classes in the order of OKD-SAGAN, section 4, and their tags. The paper does not use the background.
CLASSES = ("crack", "exposed bars", "spallation", "corrosion stain", "efflorescence")
CLASS_TAGS = ("Crack", "ExposedBars", "Spallation", "CorrosionStain", "Efflorescence")
IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png")
TOLERATED_FAULTS = 0.02  # fraction of the annotations of an archive that the user cannot repair


class _FaultyAnnotationError(Exception):
    """One annotation is faulty. The message says how."""


def read_codebrim(archive: Archive, counters: Counter[str] | None = None, strict: bool = True) -> list[Photo]:
    """Return the photos in the order of their names, each with the boxes that show a defect.

    Boxes of background alone are left out. An image without annotations has no boxes and is not opened.

    Args:
        archive: the files.
        counters: counts "annotations_left_out".
        strict: whether a faulty annotation is an error. False is meant for a verified archive, which the user cannot
            repair: faulty annotations are then left out with a message, unless they are more than 2 % of all.

    Raises:
        UserError: there are no images or annotations, or too many faulty annotations. An annotation is faulty if it is
            malformed, its image does not exist, or a box leaves the image.
    """
    image_names = [name for name in archive.names() if name.lower().endswith(IMAGE_SUFFIXES)]
    annotations = [name for name in archive.names() if name.lower().endswith(".xml")]
    if not image_names or not annotations:
        raise UserError(f"{archive.path} holds {len(image_names)} images and {len(annotations)} annotations (xml)")
    images_by_stem: dict[str, list[str]] = {}
    for name in image_names:
        images_by_stem.setdefault(_stem(name), []).append(name)
    boxes: dict[str, list[Box]] = {name: [] for name in image_names}
    sizes: dict[str, tuple[int, int]] = {}
    faults = []
    for annotation in annotations:
        try:
            root = _parse_xml(archive.read(annotation, LARGEST_LIST))
            all_boxes = [_parse_box(item) for item in root.iter("object")]
            defects = [box for box in all_boxes if box.labels]
            if defects:
                image = _find_image(root, annotation, images_by_stem)
                sizes.setdefault(image, read_image_size(archive, image))
                _check_inside(defects, image, sizes[image])
                boxes[image].extend(defects)
        except _FaultyAnnotationError as fault:
            if strict:
                raise UserError(f"{annotation} in {archive.path}: {fault}") from fault
            faults.append(f"{annotation}: {fault}")
    if len(faults) > TOLERATED_FAULTS * len(annotations):
        raise UserError(f"{archive.path}: {len(faults)} annotations are faulty, the first is {faults[0]}")
    for line in faults:
        say(f"left out {line}")
    if counters is not None:
        counters["annotations_left_out"] += len(faults)
    return [Photo(name, sizes.get(name), tuple(boxes[name])) for name in image_names]


def _stem(name: str) -> str:
    return PurePosixPath(name).stem.lower()


def _parse_xml(data: bytes) -> Element:
    try:
        root: Element = fromstring(data)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise _FaultyAnnotationError(f"malformed xml ({error})") from error
    return root


def _find_image(root: Element, annotation: str, images_by_stem: dict[str, list[str]]) -> str:
    """Return the image that an annotation names or, if it names none, the image with the annotation's own name."""
    name = (root.findtext("filename") or "").strip() or annotation
    matches = images_by_stem.get(_stem(name.replace("\\", "/")), [])
    if not matches:
        raise _FaultyAnnotationError(f"its image {name!r} is missing")
    if len(matches) > 1:
        raise _FaultyAnnotationError(f"{len(matches)} images are called {name!r}: {', '.join(matches)}")
    return matches[0]


def _parse_box(item: Element) -> Box:
    corners = [_parse_integer(item, f"bndbox/{key}") for key in ("xmin", "ymin", "xmax", "ymax")]
    tags = {tag: _parse_integer(item, f"Defect/{tag}") for tag in TAGS}
    if not set(tags.values()) <= {0, 1}:
        raise _FaultyAnnotationError(f"tags other than 0 and 1: {tags}")
    if corners[2] < corners[0] or corners[3] < corners[1]:
        raise _FaultyAnnotationError(f"a box whose end lies before its start: {tuple(corners)}")
    labels = tuple(label for label, tag in enumerate(CLASS_TAGS) if tags[tag])
    return Box(corners[0] - 1, corners[1] - 1, corners[2], corners[3], labels, tuple(tags.values()))


def _parse_integer(item: Element, path: str) -> int:
    text = item.findtext(path)
    try:
        return int((text or "").strip())
    except ValueError as error:
        raise _FaultyAnnotationError(f"an object whose <{path}> is {text!r}, not a whole number") from error


def _check_inside(boxes: list[Box], image: str, size: tuple[int, int]) -> None:
    for box in boxes:
        if box.xmin < 0 or box.ymin < 0 or box.xmax > size[0] or box.ymax > size[1]:
            corners = (box.xmin + 1, box.ymin + 1, box.xmax, box.ymax)
            raise _FaultyAnnotationError(f"the box {corners} leaves its image {image} of {size[0]}x{size[1]} pixels")
