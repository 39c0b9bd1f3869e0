"""Run groups whose seeds take turns with several draws of the training crops."""

import pytest

from advkd.errors import UserError
from advkd.settings import catalog, config, draws
from advkd.settings.names import Run

GROUP = "aikd/codebrim/preact_resnet18/{}+subset=1to5"


def resolve(method, seed, **user):
    return config.resolve(f"{GROUP.format(method)}/seed{seed}", config.user({"scale": "small", **user}))


def test_seeds_take_turns_and_see_what_the_draw_alone_would_show():
    seen = [resolve("baseline", seed) for seed in range(12)]
    assert [run.settings["subset"] for run in seen] == [1, 2, 3, 4, 5, 1, 2, 3, 4, 5, 1, 2]
    of_draw = config.resolve("aikd/codebrim/preact_resnet18/baseline+subset=2/seed6", config.user({"scale": "small"}))
    assert seen[6].store == of_draw.store == seen[1].store != seen[0].store and seen[6].hash == of_draw.hash
    assert seen[6].settings["seed"] == 6


def test_a_superior_sees_the_draw_of_its_student_and_a_generator_belongs_to_the_draw():
    student = resolve("aikd", 7)
    assert student.parents["superior"].store == student.store and student.settings["subset"] == 3
    (gan,) = resolve("baseline+generator=acgan_okd", 7).generators.values()
    assert str(gan.run) == "okd/codebrim/acgan/okd+subset=3+training_set=classifier/seed3"
    assert gan.store == student.store


def test_one_seed_stands_for_each_draw():
    user = config.user({"scale": "small"})
    runs = list(catalog.first_seeds([GROUP.format("baseline"), "aikd/cifar100/preact_resnet18/baseline"], user))
    assert [(run.run.dataset, run.run.seed) for run in runs] == [("codebrim", k) for k in range(5)] + [("cifar100", 0)]


@pytest.mark.parametrize("text", ["5to1", "to5", "1to", "01to5"])
def test_what_is_no_range_of_draws_is_refused(text):
    run = Run.parse(f"aikd/codebrim/preact_resnet18/baseline+subset={text}/seed0")
    assert draws.draw_of(run) is None
    with pytest.raises(UserError, match="subset"):
        config.resolve(run, config.user({"scale": "small"}))


def test_a_data_set_may_have_its_own_number_of_seeds(checkout):
    user = config.user({"scale": "small"})
    assert len(config.seeds(GROUP.format("baseline"), user)) == 15
    assert len(config.seeds("aikd/cifar100/preact_resnet18/baseline", user)) == len(config.seeds("aikd", user)) == 5
    assert len(config.seeds(GROUP.format("baseline"), user.model_copy(update={"seeds": 2}))) == 2
    scale = checkout / "config/scales/small.yaml"
    scale.write_text(scale.read_text().replace("aikd/codebrim: 15", "aikd/nothing: 15"))
    with pytest.raises(UserError, match=r"seeds of aikd/nothing is 15; allowed: PAPER or PAPER/DATASET"):
        config.seeds("aikd", user)
