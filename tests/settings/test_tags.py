import re

import pytest

from advkd.errors import UserError
from advkd.settings import catalog, config, tags
from advkd.settings.names import Run
from advkd.settings.user import User

FIRST_STEP = "gip/cifar10/reactnet18/gip+binary=activations"
GAN = "gip/cifar10/acgan/acgan"


def groups(user: User) -> set[str]:
    return {one.run.group for one in catalog.all_runs(user).values()}


@pytest.mark.parametrize("scale", ["smoke", "paper"])
def test_every_run_group_has_one_tag_and_none_has_two(scale):
    user = config.user({"scale": scale})
    found = tags.tags(user)
    assert found.keys() == groups(user)
    assert sorted(found.values(), key=lambda tag: int(tag[1:])) == [f"R{n}" for n in range(1, len(found) + 1)]
    assert all(tags.group(tag, user) == name and tags.is_tag(tag) for name, tag in found.items())


def test_a_tag_is_the_same_at_every_scale_and_whatever_is_set():
    plain = tags.tags(User())
    for more in ({"scale": "paper"}, {"seeds": 5}, {"folders": {"codebrim": "/x"}}, {"override": {"okd": {"z": 64}}}):
        assert tags.tags(config.user(more)) == plain


def test_tags_count_in_the_order_of_the_catalogue():
    found = list(tags.tags(User()))
    named = [cell.run for artifact in catalog.artifacts() for cell in catalog.cells(artifact) if catalog.trained(cell)]
    first = list(dict.fromkeys(named))
    assert [name for name in found if name in named] == first
    assert found[0] == first[0] == "aikd/cifar100/preact_resnet18/baseline"
    variants = {one.run.group for one in catalog.variants(User()).values()} - set(named)
    last = max(found.index(cell.of) for table in catalog.tables() for cell in catalog.cells(table) if cell.of)
    assert variants and min(map(found.index, variants)) > max(last, *map(found.index, first))


def test_runs_that_no_cell_shows_have_a_tag_behind_all_others():
    found = list(tags.tags(User()))
    variants = {one.run.group for one in catalog.variants(User()).values()}
    assert min(found.index(GAN), found.index(FIRST_STEP)) > max(map(found.index, variants))


def test_what_a_user_adds_comes_last_and_moves_no_other_tag():
    runs = ["okd/mine/sagan/okd/seed3", "gip/cifar100/resnet18/gip+teacher=wrn28_10/seed0",
            "gip/cifar10/resnet18/kd+tau=2/seed0"]  # fmt: skip
    before = list(tags.tags(User()).items())
    for count in range(1, len(runs) + 1):
        user = config.user({"folders": {"mine": "/x"}, "runs": runs[:count]})
        found = tags.tags(user)
        assert list(found.items())[: len(before)] == before and found.keys() == groups(user)
        assert list(found)[len(before)] == Run.parse(runs[count - 1]).group
        before = list(found.items())
    assert before[-2][0] == "gip/cifar100/wrn28_10/baseline", "the teacher behind its student"


def test_parents_that_an_override_brings_about_have_tags_before_the_user_s_runs():
    user = config.user({"override": {"gip": {"teacher": "wrn28_10"}}, "runs": ["gip/cifar10/resnet18/kd+tau=2/seed0"]})
    plain, found = tags.tags(User()), tags.tags(user)
    assert list(found.items())[: len(plain)] == list(plain.items()) and found.keys() == groups(user)
    assert list(found)[len(plain) :] == ["gip/cifar100/wrn28_10/baseline", "gip/cifar10/resnet18/kd+tau=2"]


def test_tags_are_read_in_either_case_and_unknown_ones_are_refused():
    assert tags.group("r1", User()) == tags.group("R1", User())
    for tag in ("R0", "R01", "R100000"):
        with pytest.raises(UserError, match=re.escape(f"has the tag {tag}: there are R1 to R")):
            tags.group(tag, User())
    assert not any(map(tags.is_tag, ("R", "R1x", "okd_table1", "1", "RR1", "R1 ")))
