import pytest
from layouts import contents, edit, read

from advkd.errors import UserError


def test_items_are_the_lines_of_the_lists():
    labelled = read("mit67")
    assert list(labelled.classes) == sorted(labelled.classes)
    for items, name in ((labelled.train, "TrainImages.txt"), (labelled.valid, "TestImages.txt")):
        lines = contents("mit67")[name].decode().splitlines()
        assert [item.image for item in items] == [f"Images/{line}" for line in lines]
        assert [labelled.classes[item.label] for item in items] == [line.split("/")[0] for line in lines]


def test_images_in_no_list_are_left_out():
    labelled = read("mit67")
    assert "Images/plain_disc/in_no_list.jpg" in contents("mit67")
    assert not any("in_no_list" in item.image for item in (*labelled.train, *labelled.valid))


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        (
            ("plain_disc/drawn_0.jpg", "drawn_0.jpg"),
            "TrainImages.txt has the line 'drawn_0.jpg', which is not CLASS/FILE",
        ),
        (("plain_disc/drawn_0.jpg", "plain_disc/"), "the line 'plain_disc/', which is not CLASS/FILE"),
        (("plain_disc/drawn_0", "cellar/drawn_0"), "the class 'cellar' has no evaluation image"),
        (("drawn_0.jpg", "drawn_1.jpg"), "'Images/plain_disc/drawn_1.jpg' is listed twice"),
        (("drawn_0.jpg", "drawn_32.jpg"), "'Images/plain_disc/drawn_32.jpg' is listed for training and for evaluation"),
    ],
)
def test_wrong_lists_are_refused(pair, message):
    with pytest.raises(UserError, match=message):
        read("mit67", **edit("mit67", "TrainImages.txt", pair))
