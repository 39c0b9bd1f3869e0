"""Words of --config and config.yaml are read as they were typed, by `advkd` and by Snakemake."""

import pytest
import yaml

from advkd.errors import UserError
from advkd.settings import config
from advkd.settings.words import TEXTS, read_words


def user(*words):
    return config.user(read_words(words))


def test_the_settings_that_are_one_text():
    assert {"scale", "data_root", "mirror", "inception_weights", "device", "retrain"} == TEXTS


@pytest.mark.parametrize("text", ["2024-05-01", "2024_05", "010", "1e5", "0x10", "true", "12:30", "[a", "# x", "a: b"])
def test_a_path_stays_what_was_typed(text):
    for key in ("data_root", "mirror", "inception_weights"):
        assert getattr(user(f"{key}={text}"), key) == text
    for quoted in (f'"{text}"', f"'{text}'"):
        assert user(f"data_root={quoted}").data_root == text


def test_a_path_inside_keys_and_values_stays_what_was_typed():
    assert user("folders={mine: 2024_05, other: 2024-05-01}").folders == {"mine": "2024_05", "other": "2024-05-01"}


def test_numbers_are_decimal():
    assert user("seeds=010").seeds == 10
    assert user("override={okd: {rho: 010}}").override == {"okd": {"rho": 10}}
    assert user("override={aikd: {milestones: [0.5, 1e-1], nesterov: false, classes: null}}").override == {
        "aikd": {"milestones": [0.5, 0.1], "nesterov": False, "classes": None}
    }
    assert user("checkpoint_seconds=1e1").checkpoint_seconds == 10
    with pytest.raises(UserError, match="--config: seeds is '1e0'"):
        user("seeds=1e0")


def test_nothing_can_be_said():
    assert user("mirror=null", "seeds=~", "retrain=") == config.user()


def test_later_words_are_laid_over_earlier_ones():
    both = user("override={okd: {rho: 1, z: 2}}", "override={okd: {rho: 3}}", "seeds=1", "seeds=2")
    assert both.override == {"okd": {"rho": 3, "z": 2}} and both.seeds == 2


@pytest.mark.parametrize(("word", "fault"), [("seeds", "expected KEY=VALUE"), ("runs=[a", "is no valid YAML")])
def test_what_cannot_be_read_is_told(word, fault):
    with pytest.raises(UserError, match=fault):
        user(word)


def test_the_file_is_read_as_the_words_are(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text("data_root: 2024-05-01\nmirror: null\nseeds: 010\nfolders: {mine: 2024_05}\n", encoding="utf-8")
    read = config.user(file=path)
    assert (read.data_root, read.mirror, read.seeds, read.folders) == ("2024-05-01", None, 10, {"mine": "2024_05"})


def test_a_tag_makes_no_object():
    word = "folders=!!python/object/apply:os.system ['true']"
    with pytest.raises(UserError, match="folders is"):
        user(word)
    assert yaml.load("!!python/name:os.system x", Loader=yaml.BaseLoader) == "x"
