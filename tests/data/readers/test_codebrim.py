import re
from collections import Counter

import pytest
from small_archives import jpeg, pack, read_photos, xml

from advkd.data.archives.parts import open_archive
from advkd.data.readers import codebrim
from advkd.errors import UserError


def read(tmp_path, contents, counters=None, tolerated=0):
    """Return the photos of an archive with these files; raise a UserError if too much of it is faulty."""
    contents = {f"original_dataset/{name}": data for name, data in contents.items()}
    return read_photos(open_archive(pack(tmp_path / "a.zip", contents), "original_dataset"), tolerated, counters)


def corners(photo):
    return [(box.xmin, box.ymin, box.xmax, box.ymax) for box in photo.boxes]


def test_boxes_are_converted_and_background_left_out(archive):
    photos = read_photos(open_archive(archive, "original_dataset"))
    assert [photo.image for photo in photos] == [f"images/image_{i}.jpg" for i in range(6)]
    first = photos[0]
    assert first.size == (96, 120)
    # 1-based and inclusive in the file; a box from 1 to 96 is the whole width
    assert [(box.xmin, box.ymin, box.xmax, box.ymax) for box in first.boxes] == [
        (0, 0, 96, 120),
        (4, 8, 90, 100),
        (2, 3, 22, 30),
    ]
    # crack, exposed bars, spallation, corrosion stain, efflorescence
    assert [box.labels for box in first.boxes] == [(0, 4), (1, 2, 3), (1,)]
    # Background, Crack, Spallation, Efflorescence, ExposedBars, CorrosionStain
    assert [box.tags for box in first.boxes] == [(0, 1, 0, 1, 0, 0), (0, 0, 1, 0, 1, 1), (0, 0, 0, 0, 1, 0)]
    assert photos[4].boxes == () and photos[4].size is None


def test_class_order_is_the_papers():
    assert codebrim.CLASSES == ("crack", "exposed bars", "spallation", "corrosion stain", "efflorescence")
    assert sorted(codebrim.CLASS_TAGS) == sorted(set(codebrim.TAGS) - {"Background"})


def test_the_annotation_of_the_data_sets_authors(tmp_path):
    text = """<?xml version='1.0' encoding='utf-8'?>
        <annotation><folder>images</folder><filename>image_0000028.jpg</filename>
        <size><width>907</width><height>1043</height><depth>3</depth></size>
        <object><name>defect</name><difficult>0</difficult>
        <bndbox><xmin>1</xmin><ymin>1</ymin><xmax>907</xmax><ymax>1043</ymax></bndbox>
        <Defect><Background>0</Background><Crack>0</Crack><Spallation>0</Spallation><Efflorescence>1</Efflorescence>
        <ExposedBars>0</ExposedBars><CorrosionStain>1</CorrosionStain></Defect></object></annotation>"""
    contents = {"any/where/image_0000028.jpg": jpeg(907, 1043), "elsewhere/x.xml": text.encode()}
    (photo,) = read(tmp_path, contents)
    (box,) = photo.boxes
    assert (box.xmin, box.ymin, box.xmax, box.ymax) == (0, 0, 907, 1043)
    assert [codebrim.CLASSES[label] for label in box.labels] == ["corrosion stain", "efflorescence"]


GOOD = xml("a.jpg", [((1, 1, 9, 9), "Crack")])


@pytest.mark.parametrize(
    ("annotation", "fault"),
    [
        (xml("b.jpg", [((1, 1, 9, 9), "Crack")]), r"its image 'b.jpg' is missing"),
        (
            xml("a.jpg", [((1, 1, 193, 80), "Crack")]),
            r"most of the box \(1, 1, 193, 80\) is outside .* of 96x80 pixels",
        ),
        (xml("a.jpg", [((97, 1, 99, 80), "Crack")]), "most of the box"),
        (xml("a.jpg", [((1, -9, 9, 0), "Crack")]), "most of the box"),
        (xml("a.jpg", [((1, 1, 9, 9), "Crack")], (80, 96)), r"<size> is 80x96, .* 96x80 pixels, which are exchanged"),
        (xml("a.jpg", [((1, 1, 9, 9), "Crack")], (48, 40)), "<size> is 48x40, .* another version of the photo"),
        (xml("a.jpg", [((1, 1, 9, 9), "Crack")], ("9" * 5000, 1)), "<size> is '9{20}' x '1', not two whole numbers"),
        (xml("a.jpg", [((9, 1, 8, 9), "Crack")]), "end lies before its start"),
        (GOOD.replace(b"<xmax>9</xmax>", b""), "<bndbox/xmax> is None"),
        (GOOD.replace(b"<xmax>9", b"<xmax>nine"), "<bndbox/xmax> is 'nine'"),
        (GOOD.replace(b"<Crack>1", b"<Crack>2"), "tags other than 0 and 1"),
        (GOOD.replace(b"<Spallation>0</Spallation>", b""), "<Defect/Spallation> is None"),
        (GOOD[:-10], "malformed xml"),
        (b"\xff\xfe\x00", "malformed xml"),
        (b'<!DOCTYPE x [<!ENTITY e "e">]><annotation>&e;</annotation>', "malformed xml"),
    ],
)
def test_faulty_annotations_are_named(tmp_path, said, annotation, fault):
    with pytest.raises(UserError, match=r"1 of [123] files are faulty") as raised:
        read(tmp_path, {"images/a.jpg": jpeg(96, 80), "annotations/x.xml": annotation})
    assert re.search(fault, said[0]) and "annotations/x.xml" in said[0] and "\n" not in said[0]
    assert "annotations/x.xml" in str(raised.value) and "tolerate={codebrim: 1}" in str(raised.value)


def test_two_images_of_one_name_are_ambiguous(tmp_path, said):
    with pytest.raises(UserError, match="1 of 2 files are faulty"):
        read(tmp_path, {"one/a.jpg": jpeg(), "two/a.jpg": jpeg(), "x.xml": GOOD})
    assert "2 images are called 'a.jpg'" in said[0]


def test_a_corrupt_annotated_image_is_named(tmp_path, said):
    with pytest.raises(UserError, match="1 of 3 files are faulty"):
        read(tmp_path, {"a.jpg": b"no jpeg", "x.xml": GOOD})
    assert re.search(r"a\.jpg in .* cannot be decoded", said[0])


@pytest.mark.parametrize(
    ("outside", "clipped"),
    [
        ((1, 1, 97, 80), (0, 0, 96, 80)),
        ((1, 1, 96, 81), (0, 0, 96, 80)),
        ((0, 1, 9, 9), (0, 0, 9, 9)),
        ((51, 61, 100, 90), (50, 60, 96, 80)),
    ],
)
def test_a_box_that_leaves_its_photo_is_clipped_and_the_others_stay(tmp_path, said, outside, clipped):
    counters = Counter()
    annotation = xml("a.jpg", [((1, 1, 50, 40), "Crack"), (outside, "Spallation")], (96, 80))
    (photo,) = read(tmp_path, {"a.jpg": jpeg(96, 80), "x.xml": annotation}, counters)
    assert corners(photo) == [(0, 0, 50, 40), clipped]
    assert counters["boxes_clipped"] == 1 and counters["boxes_left_out"] == counters["annotations_left_out"] == 0
    assert any("1 boxes leave their photo and are clipped" in line for line in said)


def test_one_faulty_box_does_not_cost_the_photo_the_others(tmp_path, said):
    counters = Counter()
    annotation = xml("a.jpg", [((1, 1, 50, 40), "Crack"), ((1, 1, 900, 90), "Spallation"), ((9, 1, 8, 9), "Crack")])
    (photo,) = read(tmp_path, {"a.jpg": jpeg(96, 80), "x.xml": annotation}, counters, tolerated=2)
    assert corners(photo) == [(0, 0, 50, 40)]
    assert counters["boxes_left_out"] == 2 and counters["annotations_left_out"] == 0
    assert "object 2 of x.xml" in said[0] and "object 3 of x.xml" in said[1]


def test_22_boxes_one_pixel_outside_refuse_nothing(tmp_path, said):
    contents = {f"{i}.jpg": jpeg() for i in range(30)}
    for i in range(30):
        boxes = [((1, 1, 9, 9), "Crack"), ((50, 1, 97, 81), "Spallation")]
        contents[f"{i}.xml"] = xml(f"{i}.jpg", boxes[: 2 if i < 22 else 1])
    counters = Counter()
    photos = read(tmp_path, contents, counters)
    assert sum(len(photo.boxes) for photo in photos) == 52 and counters["boxes_clipped"] == 22


def test_photos_with_an_exif_tag_are_counted_and_read_as_they_are_stored(tmp_path, said):
    counters = Counter()
    contents = {"a.jpg": jpeg(96, 80, orientation=6), "x.xml": xml("a.jpg", [((1, 1, 96, 9), "Crack")], (96, 80))}
    (photo,) = read(tmp_path, contents, counters)
    assert photo.size == (96, 80) and counters["exif_turned"] == 1
    contents["x.xml"] = xml("a.jpg", [((1, 1, 80, 9), "Crack")], (80, 96))
    with pytest.raises(UserError):
        read(tmp_path, contents)
    assert "exchanged (its EXIF tag turns it)" in said[-1]


def test_no_annotations(tmp_path):
    with pytest.raises(UserError, match=r"1 images and 0 annotations"):
        read(tmp_path, {"a.jpg": jpeg()})


def test_an_archive_may_have_a_few_faults(tmp_path, said):
    contents = {f"{i}.jpg": jpeg() for i in range(100)}
    contents |= {f"{i}.xml": xml(f"{i}.jpg", [((1, 1, 9, 9), "Crack")]) for i in range(100)}
    contents["7.xml"] = xml("missing.jpg", [((1, 1, 9, 9), "Crack")])
    contents["8.xml"] = xml("8.jpg", [((1, 1, 900, 9), "Crack")])
    counters = Counter()
    photos = read(tmp_path, contents, counters)
    assert counters["annotations_left_out"] == 1 and counters["boxes_left_out"] == 1
    assert sum(bool(photo.boxes) for photo in photos) == 98
    assert len(said) == 3 and "7.xml" in said[0]
    contents |= {f"{i}.xml": b"<" for i in (9, 10, 11)}
    with pytest.raises(UserError, match="5 of 293 files are faulty"):
        read(tmp_path, contents)
    assert len(read(tmp_path, contents, tolerated=5)) == 100


def test_the_tolerance_is_not_for_what_is_damaged(tmp_path):
    contents = {f"{i}.jpg": jpeg() for i in range(100)}
    contents |= {f"{i}.xml": xml(f"{i}.jpg", [((1, 1, 9, 9), "Crack")]) for i in range(100)}
    contents["7.jpg"] = b"no jpeg"
    with pytest.raises(UserError, match="1 of 300 files are faulty"):
        read(tmp_path, contents)


def test_an_annotation_without_defects_needs_no_image(tmp_path):
    contents = {"a.jpg": jpeg(), "x.xml": GOOD, "y.xml": xml("gone.jpg", [((1, 1, 9, 9), "Background")])}
    assert len(read(tmp_path, contents)) == 1
