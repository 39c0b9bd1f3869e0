from collections import Counter

import pytest
from small_archives import jpeg, pack, xml

from advkd.data.archives.parts import open_archive
from advkd.data.readers import codebrim
from advkd.errors import UserError


def read(tmp_path, contents, **options):
    contents = {f"original_dataset/{name}": data for name, data in contents.items()}
    return codebrim.read_codebrim(open_archive(pack(tmp_path / "a.zip", contents), "original_dataset"), **options)


def test_boxes_are_converted_and_background_left_out(archive):
    photos = codebrim.read_codebrim(open_archive(archive, "original_dataset"))
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
        (xml("a.jpg", [((1, 1, 97, 80), "Crack")]), r"\(1, 1, 97, 80\) leaves its image images/a.jpg of 96x80"),
        (xml("a.jpg", [((1, 1, 96, 81), "Crack")]), "leaves its image"),
        (xml("a.jpg", [((0, 1, 9, 9), "Crack")]), "leaves its image"),
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
def test_faulty_annotations_are_named(tmp_path, annotation, fault):
    with pytest.raises(UserError, match=fault) as raised:
        read(tmp_path, {"images/a.jpg": jpeg(96, 80), "annotations/x.xml": annotation})
    assert "annotations/x.xml" in str(raised.value) and "\n" not in str(raised.value)


def test_two_images_of_one_name_are_ambiguous(tmp_path):
    with pytest.raises(UserError, match=r"2 images are called 'a\.jpg'"):
        read(tmp_path, {"one/a.jpg": jpeg(), "two/a.jpg": jpeg(), "x.xml": GOOD})


def test_a_corrupt_annotated_image_is_named(tmp_path):
    with pytest.raises(UserError, match=r"a\.jpg in .* cannot be decoded"):
        read(tmp_path, {"a.jpg": b"no jpeg", "x.xml": GOOD})


def test_no_annotations(tmp_path):
    with pytest.raises(UserError, match=r"1 images and 0 annotations"):
        read(tmp_path, {"a.jpg": jpeg()})


def test_a_verified_archive_may_have_a_few_faults(tmp_path, said):
    contents = {f"{i}.jpg": jpeg() for i in range(100)}
    contents |= {f"{i}.xml": xml(f"{i}.jpg", [((1, 1, 9, 9), "Crack")]) for i in range(100)}
    contents["7.xml"] = xml("missing.jpg", [((1, 1, 9, 9), "Crack")])
    contents["8.xml"] = xml("8.jpg", [((1, 1, 900, 9), "Crack")])
    counters = Counter()
    photos = read(tmp_path, contents, counters=counters, strict=False)
    assert counters == {"annotations_left_out": 2}
    assert sum(bool(photo.boxes) for photo in photos) == 98
    assert len(said) == 2 and "7.xml" in said[0]
    contents["9.xml"] = b"<"
    with pytest.raises(UserError, match="3 annotations are faulty"):
        read(tmp_path, contents, strict=False)


def test_an_annotation_without_defects_needs_no_image(tmp_path):
    contents = {"a.jpg": jpeg(), "x.xml": GOOD, "y.xml": xml("gone.jpg", [((1, 1, 9, 9), "Background")])}
    assert len(read(tmp_path, contents)) == 1
