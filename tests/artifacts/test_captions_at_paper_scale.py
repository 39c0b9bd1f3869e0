"""At scale `paper` nothing differs from scale `paper`, and no caption or run says so."""

import pytest

from advkd.artifacts import caption_sentences
from advkd.artifacts.changed_settings import changed_by_kind, changed_settings
from advkd.settings import catalog, config


@pytest.fixture(scope="module")
def user():
    return config.user({"scale": "paper"})


@pytest.mark.parametrize("artifact", catalog.artifacts())
def test_a_caption_lists_no_differing_setting(artifact, user):
    assert caption_sentences.changed_sentences(list(catalog.runs(artifact, user).values()), user) == []
    assert caption_sentences.override_sentences(user) == []


def test_no_run_of_a_variant_differs_either(user):
    assert changed_settings(list(catalog.all_runs(user).values()), user) == {}


def test_an_override_at_paper_scale_is_listed(user):
    changed = user.model_copy(update={"override": {"gip": {"epochs": 100}}})
    (sentence,) = caption_sentences.changed_sentences(runs_of(changed, "gip/cifar10/resnet18/gip"), changed)
    assert sentence == "Settings that differ from scale paper (its values in brackets): epochs 100 (200)."


def runs_of(user, *groups):
    return [config.resolve(f"{group}/seed0", user) for group in groups]


def test_a_setting_is_told_of_the_runs_that_it_applies_to_alone():
    user = config.user({"scale": "small"})
    gans = [f"okd/codebrim/{name}" for name in ("acgan/single", "acgan/okd", "sagan/single", "sagan/okd")]
    (sentence,) = caption_sentences.changed_sentences(runs_of(user, *gans), user)
    assert (
        "; of acgan: dropout 0 (0.25), " in sentence
        and "; of sagan: iterations 2000 (50000), width 16 (64)." in sentence
    )
    methods = [f"gip/cifar10/resnet18/{name}" for name in ("baseline", "kd", "gip", "dafl")]
    by_kind = changed_by_kind(runs_of(user, *methods), user)
    assert by_kind[""]["width"] == ("8", "64") and by_kind["dafl"]["epochs"] == ("200", "2000")
    assert by_kind["baseline, kd, gip"]["epochs"] == ("20", "200") and "noise" not in by_kind[""]
    variant = f"{gans[2]}+iterations=250000"
    names = changed_by_kind(runs_of(user, *gans, variant), user)
    assert names["codebrim/sagan/single+iterations=250000"]["iterations"] == ("10000", "250000")
