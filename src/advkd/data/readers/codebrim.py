"""Reads CODEBRIM's original images and their annotations (Mundt et al., CVPR 2019), or other data in their layout.

An annotation is an XML file in the style of VOC: `<filename>` names the image; every `<object>` has a `<bndbox>`, whose
coordinates start at 1 and include the last pixel, and a `<Defect>` with six tags. Several tags may be set.

`<size>` is the photo to which the coordinates refer. It is compared with the stored photo: where only its sides are
exchanged, the boxes were drawn on the photo as its EXIF tag turns it. No crop is cut from a photo that disagrees.

Choices:
    - [okd] Open: a box that leaves its photo. Here: clipped to the photo, if at least half of the box is inside;
      otherwise left out. Why: the data set's other users do so; the rest of the photo's boxes are kept.
    - [okd: section 4] Printed: CODEBRIM has 1,600 images. Here: 1,590. Why: the data set's own count.
"""

from collections import Counter
from dataclasses import replace
from pathlib import PurePosixPath
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from advkd.data.archives.archive import LARGEST_LIST, Archive
from advkd.data.faults import Faults
from advkd.data.images import Header, read_header
from advkd.data.photos import Box, Photo
from advkd.errors import UserError
from advkd.progress import say

TAGS = ("Background", "Crack", "Spallation", "Efflorescence", "ExposedBars", "CorrosionStain")
# The five classes in the order of OKD-SAGAN, section 4, and their tags. The paper does not use the background.
CLASSES = ("crack", "exposed bars", "spallation", "corrosion stain", "efflorescence")
CLASS_TAGS = ("Crack", "ExposedBars", "Spallation", "CorrosionStain", "Efflorescence")
IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png")
TOLERATED_FAULTS = 0.02  # fraction of boxes and annotations that may be faulty: nobody can repair an official archive


class _FaultyAnnotationError(Exception):
    """One annotation or one of its boxes is faulty. The message says how."""


def read_codebrim(archive: Archive, counters: Counter[str], faults: Faults, background: bool = False) -> list[Photo]:
    """Return the photos in the order of their names, each with the boxes that show a defect.

    An image without such boxes is not opened and has no size. A box that leaves its photo is clipped to it. What is
    faulty is left out and named: an annotation that is malformed, whose image is missing or unreadable, or whose
    `<size>` is not the stored photo's; or a single box that is malformed or has less than half of its area in the
    photo.

    Args:
        archive: the files.
        counters: counts "boxes_clipped", "boxes_left_out" (single boxes), "annotations_left_out" (whole annotations)
            and "exif_turned" (photos with boxes that a viewer would turn; they are cut as they are stored).
        faults: what is faulty is added to it, and what was read is noted: each annotation, each of its boxes, and
            each photo that is opened. Up to 2 % of annotations and boxes may have faults as published.
        background: whether boxes of background alone are kept too; they have no labels.

    Raises:
        UserError: there are no images or annotations.
    """
    image_names = [name for name in archive.names() if name.lower().endswith(IMAGE_SUFFIXES)]
    annotations = [name for name in archive.names() if name.lower().endswith(".xml")]
    if not image_names or not annotations:
        raise UserError(f"{archive.path} holds {len(image_names)} images and {len(annotations)} annotations (xml)")
    images_by_stem: dict[str, list[str]] = {}
    for name in image_names:
        images_by_stem.setdefault(_stem(name), []).append(name)
    boxes: dict[str, list[Box]] = {name: [] for name in image_names}
    headers: dict[str, Header] = {}
    for annotation in annotations:
        faults.see([annotation], TOLERATED_FAULTS)
        read = annotation
        try:
            root = _parse_xml(archive.read(annotation, LARGEST_LIST))
            items = list(root.iter("object"))
            objects = [f"object {number} of {annotation}" for number in range(1, len(items) + 1)]
            faults.see(objects, TOLERATED_FAULTS)
            wanted = _has_box(items, background)
            image = _find_image(root, annotation, images_by_stem) if wanted else None
            if image is None:
                continue
            if image not in headers:
                faults.see([image])
                read = image
                headers[image] = read_header(archive, image)
            _check_size(root, headers[image])
        except (_FaultyAnnotationError, UserError) as fault:
            if isinstance(fault, _FaultyAnnotationError):
                faults.add(annotation, str(fault), published=True)
            else:
                faults.add(read, str(fault))
            counters["annotations_left_out"] += 1
            continue
        for name, item in zip(objects, items, strict=True):
            try:
                box = _parse_box(item)
                kept = background or box.labels
                inside = _clip(box, headers[image].size) if kept else box
            except _FaultyAnnotationError as fault:
                faults.add(name, str(fault), published=True)
                counters["boxes_left_out"] += 1
                continue
            if kept:
                counters["boxes_clipped"] += inside != box
                boxes[image].append(inside)
    if counters["boxes_clipped"]:
        say(f"{archive.path}: {counters['boxes_clipped']} boxes leave their photo and are clipped to it")
    turned = [name for name, header in headers.items() if header.turned and boxes[name]]
    counters["exif_turned"] += len(turned)
    if turned:
        say(
            f"{archive.path}: {len(turned)} annotated photos have an EXIF tag that turns them, the first is "
            f"{turned[0]}; they are cut as they are stored"
        )
    sizes = {name: header.size for name, header in headers.items()}
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


def _has_box(items: list[Element], background: bool) -> bool:
    """Return whether the photo must be opened: an object is a box to keep, or so faulty that this cannot be told.

    Args:
        items: the objects.
        background: whether boxes of background are kept too.
    """
    for item in items:
        try:
            if _parse_box(item).labels or background:
                return True
        except _FaultyAnnotationError:
            return True
    return False


def _check_size(root: Element, header: Header) -> None:
    """Raise an error if an annotation's `<size>` is not that of the stored photo. A size of 0 says nothing."""
    words = [(root.findtext(f"size/{side}") or "0").strip() for side in ("width", "height")]
    if not all(word.isdecimal() and len(word) < 10 for word in words):
        shown = " x ".join(repr(word[:20]) for word in words)
        raise _FaultyAnnotationError(f"its <size> is {shown}, not two whole numbers")
    annotated = (int(words[0]), int(words[1]))
    if 0 in annotated or annotated == header.size:
        return
    fault = f"its <size> is {annotated[0]}x{annotated[1]}, but the stored photo has {header.size[0]}x{header.size[1]}"
    if annotated == header.size[::-1]:
        tag = "its EXIF tag turns it" if header.turned else "without an EXIF tag that turns it"
        raise _FaultyAnnotationError(f"{fault} pixels, which are exchanged ({tag}): the boxes would be cut elsewhere")
    raise _FaultyAnnotationError(f"{fault} pixels: the boxes belong to another version of the photo")


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


def _clip(box: Box, size: tuple[int, int]) -> Box:
    """Return a box clipped to a photo of `size`; raise an error if less than half of its area is inside."""
    inside = replace(
        box, xmin=max(box.xmin, 0), ymin=max(box.ymin, 0), xmax=min(box.xmax, size[0]), ymax=min(box.ymax, size[1])
    )
    width, height = inside.xmax - inside.xmin, inside.ymax - inside.ymin
    area = (box.xmax - box.xmin) * (box.ymax - box.ymin)
    if width <= 0 or height <= 0 or 2 * width * height < area:
        corners = (box.xmin + 1, box.ymin + 1, box.xmax, box.ymax)
        raise _FaultyAnnotationError(f"most of the box {corners} is outside its photo of {size[0]}x{size[1]} pixels")
    return inside
