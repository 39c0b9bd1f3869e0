"""What settings say of their values themselves, against pydantic's verdict on the same annotations."""

import math
from typing import Annotated, Literal

import numpy as np
import pytest
from pydantic import ConfigDict, TypeAdapter, ValidationError

from advkd.bounds import Bounds, Count, Fraction, Natural, Positive, Rate, Share, Weight
from advkd.methods.settings.aikd import AiKdSettings, CriticSettings, Progressive
from advkd.methods.settings.gip import GipSettings, Synthesis
from advkd.methods.settings.pskd import PsKdSettings
from advkd.settings.classifier import Milestones
from advkd.values import allowed, rule

VALUES = [-1, -0.5, 0, 0.0, 1e-9, 0.5, 1, 1.0, 1.5, 2, 6, 8, 128, True, False, None, "", "a", "train", math.nan]
VALUES += [math.inf, (), (0.5,), (0.5, 2.0), (1, "a"), [0.5], {}]
ANNOTATIONS = [
    Rate, Fraction, Share, Weight, Positive, Count, Natural, bool, int, float, str, Literal["train", "eval"],
    Literal["a", "b"] | None, Weight | None, Annotated[int, Bounds(ge=2, multiple_of=4)], tuple[Share, ...],
    tuple[float, ...] | None,
]  # fmt: skip


@pytest.mark.parametrize("annotation", ANNOTATIONS, ids=str)
def test_the_rule_is_pydantic_s_in_strict_mode(annotation):
    adapter = TypeAdapter(annotation, config=ConfigDict(strict=True, allow_inf_nan=False))
    allows = rule(annotation)
    for value in VALUES:
        try:
            adapter.validate_python(value)
            expected = True
        except ValidationError:
            expected = False
        assert allows(value) == expected, f"{value!r} as {annotation}"


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        (Weight, "a number from 0"),
        (Positive, "a number above 0"),
        (Rate, "a number above 0 up to 1"),
        (Fraction | None, "a number from 0 below 1"),
        (Count, "a whole number from 1"),
        (Annotated[int, Bounds(ge=8, multiple_of=4)], "a whole number from 8, a multiple of 4"),
        (Literal["train", "eval"] | None, "'train', 'eval'"),
        (tuple[Share, ...], "several, each a number from 0 up to 1"),
        (CriticSettings | None, "CriticSettings"),
        (bool, "True or False"),
        (str, "a text"),
    ],
)
def test_what_is_allowed_is_said_in_words(annotation, words):
    assert allowed(annotation) == words


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: AiKdSettings(omega=-1), "omega is -1; allowed: a number from 0"),
        (lambda: AiKdSettings(omega="0.1"), "omega is '0.1'; allowed: a number from 0"),
        (lambda: AiKdSettings(tau_g=0), "tau_g is 0; allowed: a number above 0"),
        (lambda: AiKdSettings(frozen_mode="test"), "frozen_mode is 'test'; allowed: 'train', 'eval'"),
        (lambda: AiKdSettings(critic=Progressive()), r"critic is Progressive\(.*\); allowed: CriticSettings"),
        (lambda: AiKdSettings(omega=0, critic=CriticSettings(fc1=8)), "fc1 only applies with omega > 0"),
        (lambda: AiKdSettings(omega=0, alpha_g=0, tau_g=4.0), "tau_g only applies with alpha_g > 0"),
        (lambda: AiKdSettings(critic=None), "critic is missing"),
        (lambda: CriticSettings(critic_lr=2.0), "critic_lr is 2.0; allowed: a number above 0 up to 1"),
        (lambda: PsKdSettings(ps_alpha=80), "ps_alpha is 80; allowed: a number from 0 up to 1"),
        (lambda: Synthesis(synthetic_batch=1), "synthetic_batch is 1; allowed: a whole number from 2"),
        (lambda: Milestones(milestones=[0.5, 1.5], lr_factor=0.1), r"milestones is \(0.5, 1.5\); allowed: several"),
    ],
)
def test_settings_refuse_a_wrong_value_in_one_line(make, message):
    with pytest.raises(ValueError, match=message) as refused:
        make()
    assert "\n" not in str(refused.value)


def test_numbers_of_numpy_are_numbers():
    assert AiKdSettings(omega=np.float32(0.5), alpha_g=np.float64(0.2)).omega == 0.5
    assert CriticSettings(fc1=np.int64(8)).fc1 == 8


def test_what_belongs_to_an_unused_term_is_left_out():
    without_critic = AiKdSettings(omega=0)
    assert without_critic.critic is None and without_critic.superior is not None and without_critic.tau_g == 3.0
    alone = AiKdSettings(omega=0, alpha_g=0)
    assert (alone.critic, alone.superior, alone.tau_g) == (None, None, None) and alone.progressive is not None
    assert AiKdSettings(alpha_p=0).progressive is None
    baseline = GipSettings(synthetic_steps=0)
    assert baseline.synthesis is None and baseline.evaluated_statistics is None
    assert Synthesis(gamma=0).act_form is None and Synthesis(delta=0).bns_moment is None
