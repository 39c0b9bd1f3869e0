import pytest
from layouts import edit, extract, read
from torchvision import datasets

from advkd.errors import UserError


def test_classes_images_and_their_order_are_torchvisions(tmp_path):
    root = extract("fgvc_aircraft", tmp_path)
    labelled = read("fgvc_aircraft")
    for items, split in ((labelled.train, "trainval"), (labelled.valid, "test")):
        wanted = datasets.FGVCAircraft(root.parent, split=split)
        assert list(labelled.classes) == wanted.classes
        assert [str(root / item.image) for item in items] == wanted._image_files
        assert [item.label for item in items] == wanted._labels


@pytest.mark.parametrize(
    ("file", "pair", "message"),
    [
        ("variants", ("plain disc\n", ""), "images_variant_trainval.txt has '.*' of 'plain disc', which .* lacks"),
        ("variants", ("plain disc\n", "plain disc\nF/A-18\n"), "the class 'F/A-18' has no training image"),
        ("variants", ("plain disc\n", "plain disc\nplain disc\n"), "two classes are called 'plain disc'"),
        ("images_variant_test", ("plain disc", ""), "line 1 of data/images_variant_test.txt does not have 2 fields"),
        (
            "images_variant_test",
            ("1000032", "1000000"),
            "'data/images/1000000.jpg' is listed for training and for eval",
        ),
        ("images_variant_trainval", ("1000001", "1000000"), "'data/images/1000000.jpg' is listed twice"),
    ],
)
def test_wrong_lists_are_refused(file, pair, message):
    with pytest.raises(UserError, match=message):
        read("fgvc_aircraft", **edit("fgvc_aircraft", f"data/{file}.txt", pair))
