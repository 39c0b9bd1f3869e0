"""Settings as trees of dataclasses: what applies, what is chosen, and the way to flat values and back."""

from dataclasses import FrozenInstanceError, dataclass, field, replace
from itertools import combinations, product
from typing import Annotated, Literal

import pytest

from advkd.bounds import Weight
from advkd.errors import UserError
from advkd.methods.settings.aikd import AiKdSettings, CriticSettings, Progressive
from advkd.methods.settings.base import Superior, registered
from advkd.methods.settings.tfkd import TfKdSettings
from advkd.schema import Either, OneOf, Optionally, Settings, Unless, When, choices_of, fields_of, keys_of, not_applying
from advkd.settings import catalog, config
from advkd.settings.aikd import AikdRun
from advkd.settings.classifier import CutMix, Mixup, NoMixing
from advkd.settings.gip import GipRun, Sgd, Smooth, Steps
from advkd.settings.papers import RUN_CLASSES, run_settings
from advkd.settings.validation import Refused, validate_group, validated


@dataclass(frozen=True, kw_only=True)
class Engine(Settings):
    power: int


@dataclass(frozen=True, kw_only=True)
class Petrol(Engine):
    fuel: Literal["petrol", "diesel"]
    filter: Annotated[bool | None, When("fuel", "diesel")] = True


@dataclass(frozen=True, kw_only=True)
class Electric(Engine):
    fuel: Literal["current"]
    cells: int = 8


@dataclass(frozen=True, kw_only=True)
class Trailer(Settings):
    load: float = 1.5


@dataclass(frozen=True, kw_only=True)
class Car(Settings):
    engine: Petrol | Electric
    seats: int = 4
    wheels: int | None = None
    roof: Annotated[Literal["soft", "hard"] | None, Unless("fuel", "diesel")] = "hard"
    hooks: Weight = 0.0
    trailer: Annotated[Trailer | None, When("hooks")] = field(default_factory=Trailer)
    lamp: Annotated[str | None, Either(When("hooks"), When("roof", "soft"))] = None

    def check(self) -> None:
        if self.seats == 13:
            raise ValueError("13 seats bring no luck")


PETROL = {"power": 50, "fuel": "petrol"}


# --- conditions


def test_when_asks_for_values_or_for_more_than_0():
    assert When("fuel", "petrol", "diesel").holds({"fuel": "diesel"})
    assert not When("fuel", "petrol").holds({"fuel": "current"}) and not When("fuel", "petrol").holds({})
    assert When("hooks").holds({"hooks": 0.1})
    assert not When("hooks").holds({"hooks": 0.0}) and not When("hooks").holds({})
    assert [str(When("fuel", "petrol", "diesel")), str(When("hooks"))] == ["fuel petrol or diesel", "hooks > 0"]


def test_unless_asks_for_another_value():
    condition = Unless("fuel", "diesel")
    assert condition.holds({"fuel": "petrol"}) and condition.holds({}) and not condition.holds({"fuel": "diesel"})
    assert str(condition) == "a fuel other than diesel"


def test_either_asks_for_one_of_several():
    condition = Either(When("hooks"), When("roof", "soft"))
    assert condition.holds({"hooks": 1, "roof": "hard"}) and condition.holds({"hooks": 0, "roof": "soft"})
    assert not condition.holds({"hooks": 0, "roof": "hard"})
    assert str(condition) == "hooks > 0 or roof soft"


# --- trees


def test_alternatives_are_chosen_by_the_values_that_only_they_allow():
    assert Car.from_flat(PETROL) == Car(engine=Petrol(power=50, fuel="petrol"))
    assert Car.from_flat({"power": 50, "fuel": "current", "cells": 9}).engine == Electric(
        power=50, fuel="current", cells=9
    )
    with pytest.raises(ValueError, match=r"^fuel is 'coal'; allowed: petrol, diesel, current$"):
        Car.from_flat({"power": 50, "fuel": "coal"})
    with pytest.raises(ValueError, match=r"^fuel is None; allowed: petrol, diesel, current$"):
        Car.from_flat({"power": 50})


def test_a_default_is_dropped_where_it_does_not_apply():
    assert Petrol(power=50, fuel="petrol").filter is None and Petrol(power=50, fuel="diesel").filter is True
    plain = Car.from_flat(PETROL)
    assert plain.trailer is None and plain.roof == "hard"
    assert plain.flat() == {"power": 50, "fuel": "petrol", "seats": 4, "roof": "hard", "hooks": 0.0}
    assert Car.from_flat({**PETROL, "fuel": "diesel"}).roof is None
    drawing = Car.from_flat({**PETROL, "hooks": 1.0, "lamp": "red"})
    assert drawing.trailer == Trailer() and drawing.flat()["load"] == 1.5


def test_what_applies_and_has_no_default_must_be_given():
    for values, key in (
        ({"fuel": "petrol"}, "power"),
        ({**PETROL, "hooks": 1.0}, "lamp"),
        ({**PETROL, "roof": "soft"}, "lamp"),
    ):
        with pytest.raises(ValueError, match=f"^{key} is missing$"):
            Car.from_flat(values)
        with pytest.raises(Refused, match=f"^{key} is missing$"):
            Car.from_flat(values, validated)
    with pytest.raises(ValueError, match=r"^lamp is missing$"):
        Car(engine=Petrol(power=50, fuel="petrol"), hooks=1.0)


def test_validation_names_the_wrong_key():
    with pytest.raises(Refused, match=r"^seats is 'many': ") as fault:
        Car.from_flat({**PETROL, "seats": "many"}, validated)
    assert fault.value.key == "seats"
    with pytest.raises(Refused, match=r"^13 seats bring no luck$") as fault:
        Car.from_flat({**PETROL, "seats": 13}, validated)
    assert not fault.value.key
    assert Car.from_flat({**PETROL, "seats": 5}, validated) == Car.from_flat({**PETROL, "seats": 5})


def test_a_tree_of_settings_cannot_be_changed():
    car = Car.from_flat(PETROL)
    with pytest.raises(FrozenInstanceError):
        car.seats = 5
    with pytest.raises(FrozenInstanceError):
        car.engine.power = 60


# --- what does not apply, in words


def test_what_does_not_apply_says_what_it_needs():
    values = {
        **PETROL,
        "seats": 4,
        "hooks": 0.0,
        "load": 2.0,
        "filter": True,
        "cells": 3,
        "lamp": "red",
        "roof": "hard",
    }
    assert not_applying(Car, values) == {
        "load": "hooks > 0",
        "filter": "fuel diesel",
        "cells": "fuel current",
        "lamp": "hooks > 0 or roof soft",
    }
    assert not_applying(Car, {**PETROL, "fuel": "diesel", "roof": "soft"}) == {"roof": "a fuel other than diesel"}


def test_what_needs_a_key_that_does_not_apply_does_not_apply_either():
    values = {**PETROL, "fuel": "diesel", "roof": "soft", "lamp": "red", "hooks": 0.0}
    assert not_applying(Car, values) == {"roof": "a fuel other than diesel", "lamp": "hooks > 0 or roof soft"}


RUN = "{}/{}/{}/{}/seed0"
P18, R18, REACT = (
    ("aikd", "cifar100", "preact_resnet18"),
    ("gip", "cifar10", "resnet18"),
    ("gip", "cifar10", "reactnet18"),
)


def methods_with(paper, key):
    """Return the methods that have a setting, as a message lists them."""
    return " or ".join(name for name, group in registered(paper).items() if key in keys_of(group))


WORDS = [
    (P18, "tfkd+fc1=32", "fc1 only applies with method aikd and omega > 0"),
    (P18, "aikd+fc1=32+omega=0", "fc1 only applies with omega > 0"),
    (P18, "tfkd+gp_mode=eval", "gp_mode only applies with method aikd and omega > 0 and critic_norm batch"),
    (P18, "aikd+critic_norm=layer+gp_mode=eval", "gp_mode only applies with critic_norm batch"),
    (P18, "baseline+omega=0.5", "omega only applies with method aikd"),
    (P18, "baseline+superior_weights=best",
     f"superior_weights only applies with method {methods_with('aikd', 'superior_weights')}"),
    (P18, "aikd+alpha_g=0+omega=0+superior_weights=best", "superior_weights only applies with "
     "alpha_g > 0 or omega > 0 or student_start superior or first_previous superior"),
    (P18, "baseline+mixup_alpha=2", "mixup_alpha only applies with augment mixup"),
    (P18, "tfkd+tf_multiplier=5+tf_reduction=batchmean", "tf_multiplier only applies with tf_reduction elementwise"),
    (R18, "baseline+teacher=wrn28_10", f"teacher only applies with method {methods_with('gip', 'teacher')}"),
    (R18, "gip+synthetic_steps=0+tau=2", "tau only applies with synthetic_steps > 0"),
    (R18, "gip+beta=0+ie_form=equation", "ie_form only applies with beta > 0 or ie_form dafl"),
    (R18, "dafl+lighting=0", "lighting only applies with a method other than dafl"),
    (R18, "gip+first_step=kd", "first_step only applies with model reactnet18 and binary all"),
    (REACT, "gip+binary=activations+first_step=kd", "first_step only applies with binary all"),
    (R18, "kd+beta1=0.5", "beta1 only applies with optimizer adam"),
]  # fmt: skip


@pytest.mark.parametrize(("place", "method", "message"), WORDS)
def test_the_name_of_a_run_sets_only_what_applies(place, method, message):
    with pytest.raises(UserError) as fault:
        config.resolve(RUN.format(*place, method), config.user())
    assert str(fault.value) == f"{RUN.format(*place, method)}: {message}"


def test_validate_group_refuses_unknown_keys_and_those_that_do_not_apply():
    assert validate_group(Car, PETROL, "the car") == Car.from_flat(PETROL)
    for more, message in (
        (
            {"wings": 2},
            "the car: unknown key 'wings'; allowed: power, fuel, filter, cells, seats, wheels, roof, hooks, ",
        ),
        ({"load": 2.0, "hooks": 0.0}, "the car: load only applies with hooks > 0"),
        ({"seats": 13}, "the car: 13 seats bring no luck"),
    ):
        with pytest.raises(UserError) as fault:
            validate_group(Car, {**PETROL, **more}, "the car")
        assert str(fault.value).startswith(message)


# --- what a group may have


def test_keys_of_a_tree_and_without_some_of_its_fields():
    below = ["power", "fuel", "filter", "cells"]
    assert list(keys_of(Car)) == [*below, "seats", "wheels", "roof", "hooks", "load", "lamp"]
    assert list(keys_of(Car, without=("engine", "trailer"))) == ["seats", "wheels", "roof", "hooks", "lamp"]
    assert keys_of(Car)["seats"] is int
    with pytest.raises(TypeError):
        keys_of(Car)["doors"] = int
    own = keys_of(AiKdSettings)
    assert not keys_of(AikdRun, without=("method",)).keys() & own.keys()
    assert own.keys() <= keys_of(AikdRun).keys() and "batch" in keys_of(AikdRun, without=("method", "mixing"))


def test_choices_of_a_key():
    assert choices_of(Car, "fuel") == ["petrol", "diesel", "current"]
    assert choices_of(Car, "filter") == [True, False]
    assert choices_of(Car, "roof") == ["soft", "hard"]
    assert choices_of(Car, "seats") == choices_of(Car, "unknown") == []
    assert choices_of(AikdRun, "method") == list(registered("aikd"))
    assert choices_of(AikdRun, "augment") == [
        "none", "cutout", "mixup", "cutmix", "colour", "randaugment",
    ]  # fmt: skip
    assert choices_of(GipRun, "schedule") == ["steps", "linear", "linear_ahead", "constant"]
    assert choices_of(GipRun, "first_step") == ["same", "baseline", "kd"]


def test_groups_that_are_registered_are_asked_for_when_needed():
    asked = []

    def groups():
        asked.append(1)
        return {"petrol": Petrol, "electric": Electric}

    @dataclass(frozen=True, kw_only=True)
    class Boat(Settings):
        engine: Annotated[Engine, OneOf(groups)]

        seats: int = 2

    fields_of(Boat)
    assert list(keys_of(Boat, without=("engine",))) == ["seats"] and not asked
    assert Boat.from_flat({"power": 5, "fuel": "current"}).engine == Electric(power=5, fuel="current")
    assert asked and list(keys_of(Boat)) == ["power", "fuel", "filter", "cells", "seats"]


# --- the papers' trees


@pytest.mark.parametrize("scale", ["smoke", "paper"])
def test_every_run_survives_the_way_to_flat_values_and_back(scale):
    runs = catalog.all_runs(config.user({"scale": scale}))
    assert {resolved.run.paper for resolved in runs.values()} == RUN_CLASSES.keys()
    for name, resolved in runs.items():
        flat = resolved.typed.flat()
        for again in (run_settings(name, flat), run_settings(name, resolved.document()["settings"])):
            assert again == resolved.typed and type(again) is RUN_CLASSES[resolved.run.paper]
            assert list(again.flat().items()) == list(flat.items())
        assert not not_applying(type(resolved.typed), flat)
        assert flat.keys() <= keys_of(type(resolved.typed)).keys()


def test_runs_have_only_the_groups_that_apply():
    def typed(method, **override):
        return config.resolve(RUN.format(*P18, method), config.user({"override": {"aikd": override}})).typed

    aikd = typed("aikd").method
    assert aikd.critic == CriticSettings() and aikd.progressive == Progressive()
    assert typed("aikd+omega=0").method.critic is None and typed("aikd+alpha_p=0").method.progressive is None
    assert typed("aikd+alpha_g=0+omega=0").method.superior is None
    assert isinstance(typed("tfkd").method, TfKdSettings)
    assert isinstance(typed("baseline").mixing, NoMixing)
    assert isinstance(typed("baseline+augment=mixup").mixing, Mixup)
    assert typed("baseline+augment=cutmix", cutmix_alpha=2.0).mixing == CutMix(
        augment="cutmix", cutmix_alpha=2.0, cutmix_probability=0.5
    )
    gip = config.resolve(RUN.format(*R18, "gip"), config.user()).typed
    reactnet = config.resolve(RUN.format(*REACT, "gip"), config.user()).typed
    assert isinstance(gip.optimizer, Sgd) and isinstance(gip.schedule, Steps) and isinstance(reactnet.schedule, Smooth)
    assert config.resolve(RUN.format(*R18, "dafl"), config.user()).typed.real is None


def test_a_value_that_does_not_apply_is_refused_when_settings_are_made_by_hand():
    @dataclass(frozen=True, kw_only=True)
    class Axle(Settings):
        length: int

    @dataclass(frozen=True, kw_only=True)
    class Wagon(Settings):
        wheels: int
        axle: Annotated[Axle | None, When("wheels")]  # without a default

    assert Wagon(wheels=0, axle=None).flat() == Wagon.from_flat({"wheels": 0, "length": 2}).flat() == {"wheels": 0}
    for make, message in (
        (lambda: AiKdSettings(omega=0.0, critic=CriticSettings(fc2=8)), "fc2 only applies with omega > 0"),
        (lambda: AiKdSettings(alpha_p=0.0, progressive=Progressive(tau_p=2.0)), "tau_p only applies with alpha_p > 0"),
        (lambda: AiKdSettings(alpha_g=0.0, tau_g=1.0), "tau_g only applies with alpha_g > 0"),
        (lambda: AiKdSettings(alpha_g=0.0, omega=0.0, superior=Superior(superior_weights="best")),
         "superior_weights only applies with alpha_g > 0 or omega > 0 or student_start superior or first_previous"
         " superior"),
        (lambda: CriticSettings(critic_norm="none", fool_mode="eval"), "fool_mode only applies with critic_norm batch"),
        (lambda: replace(TfKdSettings(tf_multiplier=20.0), tf_reduction="batchmean"),
         "tf_multiplier only applies with tf_reduction elementwise"),
        (lambda: Car(engine=Petrol(power=5, fuel="diesel"), roof="soft"),
         "roof only applies with a fuel other than diesel"),
        (lambda: Car(engine=Petrol(power=5, fuel="petrol"), lamp="red"),
         "lamp only applies with hooks > 0 or roof soft"),
        (lambda: Wagon(wheels=0, axle=Axle(length=2)), "length only applies with wheels > 0"),
    ):  # fmt: skip
        with pytest.raises(ValueError) as fault:
            make()
        assert str(fault.value) == message


def test_defaults_written_out_are_dropped_where_they_do_not_apply():
    assert AiKdSettings(omega=0.0, critic=CriticSettings()) == AiKdSettings(omega=0.0, critic=None)
    assert AiKdSettings(alpha_g=0.0, tau_g=3.0).tau_g is None
    assert CriticSettings(critic_output="sum", gp_scalar="score").gp_scalar is None


def test_what_needs_a_dropped_default_is_dropped_too():
    @dataclass(frozen=True, kw_only=True)
    class Lamp(Settings):  # declared from the last that is dropped to the first
        shade: Annotated[str | None, When("colour", "red")] = "dark"
        colour: Annotated[str | None, When("bulb", "led")] = "red"
        bulb: Annotated[str | None, When("power")] = "led"
        power: int = 5

    assert Lamp().flat() == {"shade": "dark", "colour": "red", "bulb": "led", "power": 5}
    assert Lamp(power=0).flat() == {"power": 0}
    assert Lamp(bulb="gas").flat() == {"bulb": "gas", "power": 5}
    with pytest.raises(ValueError, match=r"^shade only applies with colour red$"):
        Lamp(power=0, shade="light")


def test_a_critic_without_omega_is_dropped_when_settings_are_made_by_hand():
    assert AiKdSettings(omega=0.0).critic is None and AiKdSettings().critic == CriticSettings()
    assert replace(AiKdSettings(), omega=0.0).critic is None
    with pytest.raises(ValueError, match=r"^critic is missing$"):
        replace(AiKdSettings(omega=0.0), omega=0.1)


def exclude_each_other(conditions, others):
    """Tell whether one field asks for a value of a key that another one refuses."""
    for one, other in [*product(conditions, others), *product(others, conditions)]:
        if not isinstance(one, When) or isinstance(other, Either) or one.key != other.key:
            continue
        if isinstance(other, Unless) and one.values == (other.value,):
            return True
        if isinstance(other, When) and one.values and other.values and not set(one.values) & set(other.values):
            return True
    return False


@pytest.mark.parametrize("paper", RUN_CLASSES)
def test_groups_that_apply_together_share_no_key(paper):
    def check(group):
        for field_of_group in fields_of(group):
            for alternative in field_of_group.groups:
                check(alternative)
        names = [field_of_group.name for field_of_group in fields_of(group)]
        keys = {}
        for name in names:
            keys[name] = keys_of(group, without=tuple(other for other in names if other != name)).keys()
        conditions = {field_of_group.name: field_of_group.conditions for field_of_group in fields_of(group)}
        for name, other in combinations(names, 2):
            if not exclude_each_other(conditions[name], conditions[other]):
                assert not keys[name] & keys[other], group

    check(RUN_CLASSES[paper])


def test_an_optional_field_may_be_left_out_where_it_applies_and_never_given_elsewhere():
    @dataclass(frozen=True, kw_only=True)
    class Roof(Settings):
        kind: str
        paint: Annotated[str | None, Optionally("kind", "steel")] = None

    assert Roof(kind="steel").flat() == {"kind": "steel"} == Roof.from_flat({"kind": "steel"}).flat()
    assert Roof.from_flat({"kind": "steel", "paint": "red"}).flat() == {"kind": "steel", "paint": "red"}
    assert not_applying(Roof, {"kind": "cloth", "paint": "red"}) == {"paint": "kind steel"}
    with pytest.raises(ValueError, match="paint only applies with kind steel"):
        Roof(kind="cloth", paint="red")
