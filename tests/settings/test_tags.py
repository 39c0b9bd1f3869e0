import re

import pytest

from advkd.errors import UserError
from advkd.settings import catalog, config, tags
from advkd.settings.names import Run
from advkd.settings.user import User

FIRST_STEP = "gip/cifar10/reactnet18/gip+binary=activations"
GAN = "gip/cifar10/acgan/acgan"


def groups(user: User) -> set[str]:
    return {resolved.run.group for resolved in catalog.all_runs(user).values()}


@pytest.mark.parametrize("scale", ["smoke", "paper"])
def test_every_run_group_has_one_tag_and_none_has_two(scale):
    user = config.user({"scale": scale})
    tagged = tags.tags(user)
    # Scale `paper` has the most classes and draws, and so the most generators.
    assert tagged.keys() >= groups(user) if scale == "smoke" else tagged.keys() == groups(user)
    assert sorted(tagged.values(), key=lambda tag: int(tag[1:])) == [f"R{n}" for n in range(1, len(tagged) + 1)]
    assert all(tags.group(tag, user) == name and tags.is_tag(tag) for name, tag in tagged.items())


def test_a_tag_is_the_same_at_every_scale_and_whatever_is_set():
    plain = tags.tags(User())
    for more in ({"scale": "paper"}, {"seeds": 5}, {"folders": {"codebrim": "/x"}}, {"override": {"okd": {"z": 64}}}):
        assert tags.tags(config.user(more)) == plain


def test_tags_count_in_the_order_of_the_catalogue():
    tagged = list(tags.tags(User()))
    named = [cell.run for artifact in catalog.artifacts() for cell in catalog.cells(artifact) if catalog.trained(cell)]
    first = list(dict.fromkeys(named))
    assert [name for name in tagged if name in named] == first
    assert tagged[0] == first[0] == "aikd/cifar100/preact_resnet18/baseline"
    variants = {resolved.run.group for resolved in catalog.variants(User()).values()} - set(named)
    last = max(tagged.index(cell.of) for table in catalog.tables() for cell in catalog.cells(table) if cell.of)
    assert variants and min(map(tagged.index, variants)) > max(last, *map(tagged.index, first))


def test_runs_that_no_cell_shows_have_a_tag_behind_all_others():
    tagged = list(tags.tags(User()))
    variants = {resolved.run.group for resolved in catalog.variants(User()).values()}
    assert min(tagged.index(GAN), tagged.index(FIRST_STEP)) > max(map(tagged.index, variants))


def test_what_a_user_adds_comes_last_and_moves_no_other_tag():
    runs = ["okd/mine/sagan/okd/seed3", "gip/cifar100/resnet18/gip+teacher=wrn28_10/seed0",
            "gip/cifar10/resnet18/kd+tau=2/seed0"]  # fmt: skip
    before = list(tags.tags(User()).items())
    for count in range(1, len(runs) + 1):
        user = config.user({"folders": {"mine": "/x"}, "runs": runs[:count]})
        tagged = tags.tags(user)
        assert list(tagged.items())[: len(before)] == before and tagged.keys() >= groups(user)
        assert list(tagged)[len(before)] == Run.parse(runs[count - 1]).group
        before = list(tagged.items())
    assert before[-2][0] == "gip/cifar100/wrn28_10/baseline", "the teacher behind its student"


def test_parents_that_an_override_brings_about_have_tags_before_the_user_s_runs():
    user = config.user({"override": {"gip": {"teacher": "wrn28_10"}}, "runs": ["gip/cifar10/resnet18/kd+tau=2/seed0"]})
    plain, tagged = tags.tags(User()), tags.tags(user)
    assert list(tagged.items())[: len(plain)] == list(plain.items()) and tagged.keys() >= groups(user)
    assert list(tagged)[len(plain) :] == ["gip/cifar100/wrn28_10/baseline", "gip/cifar10/resnet18/kd+tau=2"]


def test_tags_are_read_in_either_case_and_unknown_ones_are_refused():
    assert tags.group("r1", User()) == tags.group("R1", User())
    for tag in ("R0", "R01", "R100000"):
        with pytest.raises(UserError, match=re.escape(f"has the tag {tag}: there are R1 to R")):
            tags.group(tag, User())
    assert not any(map(tags.is_tag, ("R", "R1x", "okd_table1", "1", "RR1", "R1 ")))
