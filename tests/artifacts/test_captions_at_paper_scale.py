"""At scale `paper` nothing differs from scale `paper`, and no caption or run says so."""

import pytest

from advkd.artifacts import caption_sentences
from advkd.artifacts.changed_settings import changed_settings
from advkd.settings import catalog, config


@pytest.fixture(scope="module")
def user():
    return config.user({"scale": "paper"})


@pytest.mark.parametrize("artifact", catalog.artifacts())
def test_a_caption_lists_no_differing_setting(artifact, user):
    assert caption_sentences.changed_sentences(artifact, user) == []
    assert caption_sentences.override_sentences(user) == []


def test_no_run_of_a_variant_differs_either(user):
    assert changed_settings(list(catalog.all_runs(user).values()), user) == {}


def test_an_override_at_paper_scale_is_listed(user):
    changed = user.model_copy(update={"override": {"gip": {"epochs": 100}}})
    (sentence,) = caption_sentences.changed_sentences("gip_table1", changed)
    assert sentence == "Settings that differ from scale paper (its values in brackets): epochs 100 (200)."
