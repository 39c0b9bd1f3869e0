import pytest
from small_archives import jpeg

from advkd.data.faults import Faults
from advkd.data.readers import photo_folder
from advkd.errors import UserError


def read_photo_folder(path):
    return photo_folder.read_photo_folder(path, Faults(path, "mine"))


def test_subfolders_are_classes(tmp_path):
    for name in ("Zebra/deep/er/a.JPG", "Zebra/b.jpeg", "ape/c.jpg", ".hidden/d.jpg", "ape/.e.jpg", "ape/notes.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(jpeg(70, 90))
    (tmp_path / "empty").mkdir()
    archive, photos, classes = read_photo_folder(tmp_path)
    assert classes == ("Zebra", "ape")
    assert [photo.image for photo in photos] == ["Zebra/b.jpeg", "Zebra/deep/er/a.JPG", "ape/c.jpg"]
    assert [photo.boxes[0].labels for photo in photos] == [(0,), (0,), (1,)]
    for photo in photos:
        (box,) = photo.boxes
        assert (box.xmin, box.ymin, box.xmax, box.ymax) == (0, 0, *photo.size) == (0, 0, 70, 90)
        assert archive.read(photo.image)[:2] == b"\xff\xd8"


def test_a_flat_folder_is_one_class(tmp_path):
    place = tmp_path / "defects"
    place.mkdir()
    (place / "a.jpg").write_bytes(jpeg())
    _, photos, classes = read_photo_folder(place)
    assert classes == ("defects",) and photos[0].boxes[0].labels == (0,)


def test_no_folder_and_no_images(tmp_path):
    with pytest.raises(UserError, match="is not a folder"):
        read_photo_folder(tmp_path / "none")
    with pytest.raises(UserError, match="holds no images"):
        read_photo_folder(tmp_path)
    (tmp_path / "a.txt").write_text("a")
    with pytest.raises(UserError, match="holds no images"):
        read_photo_folder(tmp_path)


def test_images_beside_classes_are_refused(tmp_path):
    (tmp_path / "class").mkdir()
    (tmp_path / "class" / "a.jpg").write_bytes(jpeg())
    (tmp_path / "b.jpg").write_bytes(jpeg())
    with pytest.raises(UserError, match=r"beside them \(b\.jpg\)"):
        read_photo_folder(tmp_path)


def test_all_files_that_are_no_images_are_named(tmp_path, said):
    (tmp_path / "a.jpg").write_text("text")
    (tmp_path / "b.jpg").write_bytes(jpeg())
    (tmp_path / "c.jpg").touch()
    faults = Faults(tmp_path, "mine")
    _, photos, _ = photo_folder.read_photo_folder(tmp_path, faults)
    assert [len(photo.boxes) for photo in photos] == [0, 1, 0]
    assert faults.names() == ["a.jpg", "c.jpg"] and faults.read == 3
    assert "cannot be decoded (not an image)" in said[0]


def test_links_are_not_followed_out(tmp_path):
    outside = tmp_path / "outside.jpg"
    outside.write_bytes(jpeg())
    place = tmp_path / "mine"
    place.mkdir()
    (place / "a.jpg").write_bytes(jpeg())
    (place / "b.jpg").symlink_to(outside)
    assert [photo.image for photo in read_photo_folder(place)[1]] == ["a.jpg"]


def test_the_parts_of_a_split_are_no_classes_of_gans(tmp_path):
    for name in ("Train/crack/a.jpg", "val/crack/b.jpg"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_bytes(jpeg())
    with pytest.raises(UserError, match="holds the parts of a split, not classes: name one of them"):
        read_photo_folder(tmp_path)


def test_files_that_are_not_read_are_counted_and_named(tmp_path, said):
    for name in ("a.heic", "b.HEIC", "c.txt", "d", ".hidden", "e.jpg", "f.jfif"):
        (tmp_path / name).write_bytes(jpeg())
    archive, photos, _ = read_photo_folder(tmp_path)
    assert [photo.image for photo in photos] == ["e.jpg", "f.jfif"]
    assert photo_folder.count_unread(archive) == {"": 1, ".heic": 2, ".txt": 1}
    assert "are left out: 1 without a suffix ('d'), 2 .heic ('a.heic'), 1 .txt ('c.txt'); images are .apng" in said[-1]
