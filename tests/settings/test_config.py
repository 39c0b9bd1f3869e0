import itertools
import json
from dataclasses import dataclass, field
from typing import get_args

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from advkd.errors import UserError
from advkd.files import digest
from advkd.methods.settings.aikd import AiKdSettings, CriticSettings
from advkd.settings import catalog, config, config_files, layers
from advkd.settings.feature_networks import NETWORKS, FeatureName
from advkd.settings.names import Run, shortest

SCALES = sorted(path.stem for path in config.CONFIG.glob("scales/*.yaml"))
OKD = "okd/codebrim/sagan/okd"


@pytest.mark.parametrize("scale", SCALES)
def test_different_names_have_different_settings_at_every_scale(scale):
    runs = catalog.all_runs(config.user({"scale": scale}))
    assert len(runs) >= 13
    assert len({resolved.hash for resolved in runs.values()}) == len(runs)


def test_paper_scale_is_what_the_paper_states():
    user = config.user({"scale": "paper"})
    sagan = config.resolve(f"{OKD}/seed0", user).settings
    stated = {"batch": 25, "iterations": 50000, "beta1": 0.0, "beta2": 0.9, "lr_discriminator": 4e-4, "sets": 3}
    stated |= {"lr_generator": 1e-4, "lr_connector": 5e-5, "z": 128, "image_size": 64, "crops": 2642, "fakes": 10000}
    assert {key: sagan[key] for key in stated} == stated
    acgan = config.resolve("okd/codebrim/acgan/okd/seed0", user).settings
    assert (acgan["batch"], acgan["early_iteration"]) == (5, 3000)
    assert acgan["iterations"] * acgan["batch"] == sagan["iterations"] * sagan["batch"]


def test_paper_scale_changes_no_setting_of_any_run():
    """Whatever deviates from a paper stands in its method, in its file, or in docs/deviations.md: not in the scale."""
    runs = catalog.all_runs(config.user({"scale": "paper"}))
    assert {resolved.run.paper for resolved in runs.values()} == set(config.PAPERS) and len(runs) > 600
    changed = set()
    for resolved in runs.values():
        changed |= {(key, resolved.settings[key]) for key, source in resolved.sources.items() if "scales/" in source
                    and key in resolved.settings}  # fmt: skip
    assert changed == {("data", "real")}, "where images come from is said by every scale; the papers' files say real"
    for paper in config.PAPERS:
        assert config_files.paper_file(paper).defaults["data"] == "real"
    for name, resolved in runs.items():
        precisions = {resolved.settings.get(key, "float32") for key in ("precision", "frozen_precision")}
        assert precisions == {"float32"}, name


def test_layers_override_in_order_and_name_their_sources():
    user = config.user({"scale": "smoke", "override": {"okd": {"z": 32}}})
    resolved = config.resolve(f"{OKD}+rho=0.3+width=24/seed1", user)
    assert resolved.settings["rho"] == 0.3 and resolved.sources["rho"] == "the run's name"
    assert resolved.settings["width"] == 24, "a scale never overrides what the variant names"
    assert resolved.settings["z"] == 32 and "override" in resolved.sources["z"]
    assert resolved.settings["fakes"] == 80 and "smoke" in resolved.sources["fakes"]
    assert resolved.settings["gp_weight"] == 10 and resolved.sources["gp_weight"].endswith("models.sagan")


def test_multiplied_variants_stay_distinct():
    user = config.user({"scale": "reduced"})
    plain, longer = (config.resolve(f"{OKD}{v}/seed0", user).settings for v in ("", "+iterations=100000"))
    assert longer["iterations"] == 2 * plain["iterations"]


def test_an_override_leaves_alone_what_a_variant_names_and_what_does_not_apply():
    for override in ({"rho": 0.3}, {"penalty": "split"}, {"spectral_norm": False}):
        user = config.user({"override": {"okd": override}})
        runs = catalog.all_runs(user)
        assert runs["okd/codebrim/sagan/okd+rho=0/seed0"].settings["rho"] == 0
        assert "rho" not in runs["okd/codebrim/acgan/single/seed0"].settings
        assert override.items() <= runs["okd/codebrim/sagan/okd/seed0"].settings.items()


def test_an_override_does_not_excuse_a_second_name_for_a_run():
    with pytest.raises(UserError, match="shortest form"):
        config.resolve(f"{OKD}+rho=0.30/seed0", config.user({"override": {"okd": {"z": 32}}}))


def test_options_say_what_the_user_chose_without_places_on_this_machine():
    places = {"mirror": "/home/me/archives", "folders": {"mine": "/home/me/photos"}, "inception_weights": "/home/me/w"}
    user = config.user({"scale": "reduced", **places, "seeds": 2, "override": {"okd": {"rho": 0.3}}, "device": "cpu"})
    assert config.options(user) == (
        """--config scale=reduced mirror=PATH 'folders={"mine": "PATH"}' inception_weights=PATH seeds=2"""
        """ 'override={"okd": {"rho": 0.3}}'"""
    )


def test_what_is_done_to_settings_changes_no_other_s():
    user = config.user()
    resolved = config.resolve(f"{OKD}/seed0", user)
    before, hashed = dict(resolved.settings), resolved.hash
    with pytest.raises(TypeError):
        resolved.settings["rho"] = 9
    resolved.document()["settings"].clear()
    again = config.resolve(f"{OKD}/seed0", user)
    assert again.settings == before
    assert again.hash == hashed == digest({key: value for key, value in before.items() if key != "features"})
    assert yaml.safe_load(yaml.safe_dump(again.document())) == json.loads(json.dumps(again.document()))


def test_an_override_is_known_by_what_is_written():
    written = [{"z": 1}, {"z": 1.0}, {"z": True}, {"z": "1"}, {"milestones": [0.5]}, {}]
    assert len({config.Override.of(layer) for layer in written}) == len(written)
    assert config.Override.of({"milestones": [0.5]}) == config.Override.of({"milestones": [0.5]})
    user = config.user({"override": {"okd": {"z": 32}}})
    assert config.resolve(f"{OKD}/seed0", user) is config.resolve(Run.parse(f"{OKD}/seed0"), user)


def test_settings_are_merged_level_by_level_as_snakemake_does(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text("override: {okd: {rho: 0.3, z: 64}}\n")
    user = config.user({"override": {"okd": {"rho": 0.5}}}, path)
    assert user.override == {"okd": {"rho": 0.5, "z": 64}}
    assert config.user({"override": {"okd": {"z": "32", "spectral_norm": "false"}}}).override["okd"] == {
        "z": 32,
        "spectral_norm": False,
    }, "as Snakemake hands them over"
    path = tmp_path / "wrong/config.yaml"
    path.parent.mkdir()
    path.write_text("scael: smoke\n")
    with pytest.raises(UserError, match=r"config.yaml: unknown key 'scael'"):
        config.user({"seeds": 1}, path)


def test_a_setting_that_does_not_matter_to_the_numbers_changes_no_hash():
    plain = config.resolve(f"{OKD}/seed0", config.user())
    moved = config.user({"device": "cpu", "mirror": "/elsewhere", "data_root": "/data"})
    assert config.resolve(f"{OKD}/seed0", moved).hash == plain.hash


def test_stores_are_shared_by_runs_that_draw_the_same_crops():
    user = config.user()
    stores = {config.resolve(f"okd/codebrim/{m}/seed{s}", user).store
              for m, s in itertools.product(["sagan/okd", "acgan/single"], [0, 1])}  # fmt: skip
    assert len(stores) == 1
    assert config.resolve(f"{OKD}+crop=resized/seed0", user).store not in stores


@given(st.floats(min_value=0, max_value=100).map(lambda x: float(f"{x:.10g}")))
def test_numbers_in_names_survive_a_round_trip(value):
    name = f"{OKD}+rho={shortest(value)}/seed0"
    if "e+" not in name:  # a plus sign separates variants, so such numbers are written without
        assert Run.parse(name).variant == (("rho", shortest(value)),)
        assert str(Run.parse(name)) == name


@given(st.text(max_size=60))
def test_any_text_is_a_run_or_one_line_of_error(text):
    try:
        assert str(Run.parse(text)) == text
    except UserError as error:
        assert "\n" not in str(error)


BAD_RUNS = {
    "nonsense": "is not the name of a run",
    f"{OKD}/seed0; rm -rf x": "is not the name of a run",
    f"{OKD}+sets=1/seed0": "connects at least 2",
    "okd/codebrim/sagan/single+sets=3/seed0": "`single` is one set",
    f"{OKD}+roh=1/seed0": "unknown key 'roh'",
    f"{OKD}+seed=3/seed0": "unknown key 'seed'",
    f"{OKD}+rho=-1/seed0": "greater than or equal to 0",
    f"{OKD}+rho=nan/seed0": "finite number",
    f"{OKD}+rho=1/seed0": "is what it is without",
    f"{OKD}+rho=0.30/seed0": "shortest form",
    f"{OKD}+z=64+rho=0.3/seed0": "keys sorted",
    f"{OKD}+image_size=32/seed0": "should be 64",
    f"{OKD}+batch=1000/seed0": "larger than the data set of 120 crops",
    "okd/codebrim/acgan/okd+penalty=split/seed0": "penalty only applies with model sagan",
    "okd/codebrin/sagan/okd/seed0": "'codebrin' is no data set of this paper",
    "okd/codebrim/stylegan/okd/seed0": "not among the models",
    "gip/cifar10/resnet18/gip+binary=all/seed0": "binary only applies with model reactnet18",
}


@pytest.mark.parametrize("name", BAD_RUNS)
def test_bad_runs_are_one_line(name):
    with pytest.raises(UserError, match=BAD_RUNS[name]) as caught:
        config.resolve(name, config.user())
    assert "\n" not in str(caught.value)


BAD_USERS = [
    ({"scael": "smoke"}, "--config: unknown key 'scael'; did you mean scale"),
    ({"xyz": "smoke"}, "--config: unknown key 'xyz'; allowed: accept"),
    ({"scale": "tiny"}, "config/scales has gpu, paper, reduced, small, smoke"),
    ({"device": "tpu"}, "device is 'tpu'"),
    ({"seeds": 0}, "seeds is 0"),
    ({"accept": {"codebrim": "yes"}}, "accept.codebrim is 'yes'"),
    ({"runs": ["x"]}, "'x' is not the name of a run"),
    ({"override": {"okd": {"width": 17}}}, "width is 17: input should be a multiple of 8"),
    ({"override": {"okd": {"widht": 16}}}, "override.okd: unknown key 'widht'"),
    ({"override": {"okd": {"batch": "many"}}}, "batch is 'many'"),
    ({"override": {"okd": {"seed": 7}}}, "override.okd: unknown key 'seed'"),
    ({"accept": {"codebrm": "content:" + "0" * 64}}, "accept names 'codebrm', which is no data set"),
]


@pytest.mark.parametrize(("values", "message"), BAD_USERS)
def test_bad_settings_name_file_key_and_what_is_allowed(values, message):
    with pytest.raises(UserError, match=message) as caught:
        config.resolve(f"{OKD}/seed0", config.user(values))
    assert "\n" not in str(caught.value)


BAD_FILES = [
    (
        "okd.yaml",
        ["models", "sagan", "widht"],
        16,
        r"config/okd.yaml models.sagan: unknown key 'widht'; did you mean width",
    ),
    ("scales/smoke.yaml", ["okd", "sagn"], {}, r"smoke.yaml okd: unknown key 'sagn'; did you mean sagan"),
    ("scales/smoke.yaml", ["okd", "xyz"], {}, r"smoke.yaml okd: unknown key 'xyz'; allowed: acgan, all, codebrim, "),
    ("scales/smoke.yaml", ["okd", "all", "mul"], {}, r"smoke.yaml okd.all: unknown key 'mul'; allowed: multiply, set"),
    ("scales/smoke.yaml", ["okd", "acgan", "multiply", "iteratons"], 0.1, r"okd.acgan: unknown key 'iteratons'"),
    ("scales/smoke.yaml", ["okd", "acgan", "multiply", "beta2"], 0.1, r"multiply is for whole numbers, but beta2"),
    ("scales/smoke.yaml", ["okd", "all"], 3, r"smoke.yaml okd.all: expected keys and values, found 3"),
    ("scales/smoke.yaml", ["okd", "all", "set"], ["width"], r"okd.all set: expected keys and values, found \['width'"),
    ("scales/smoke.yaml", ["okd", "acgan", "multiply", "iterations"], "half", r"iterations is multiplied by 'half'"),
    (
        "scales/smoke.yaml",
        ["okd", "acgan", "multiply", "iterations"],
        -1,
        r"iterations is multiplied by -1; allowed: a",
    ),
    ("scales/smoke.yaml", ["okd", "acgan", "set"], {"model": "sagan"}, r"okd.acgan: unknown key 'model'"),
    ("scales/smoke.yaml", ["threads"], 0, r"threads is 0; allowed: a number from 1"),
    ("scales/smoke.yaml", ["data"], "imagined", r"data is 'imagined'; allowed: real, made"),
]


@pytest.mark.parametrize(("name", "keys", "value", "message"), BAD_FILES)
def test_a_wrong_file_is_named_with_its_key(checkout, name, keys, value, message):
    path = checkout / "config" / name
    content = yaml.safe_load(path.read_text())
    place = content
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = value
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(UserError, match=message):
        config.resolve("okd/codebrim/acgan/okd/seed0", config.user({"override": {}}))
        config.resolve(f"{OKD}/seed0", config.user())


def test_a_default_group_of_a_method_keeps_its_own_values():
    @dataclass(frozen=True, kw_only=True)
    class Narrow(AiKdSettings):
        critic: CriticSettings | None = field(default_factory=lambda: CriticSettings(fc1=8))

    values = layers.defaults(Narrow)
    assert values["fc1"] == 8 and values["fc2"] == layers.defaults(AiKdSettings)["fc2"]


def test_milestones_of_a_resolved_run_cannot_be_changed():
    resolved = config.resolve("aikd/cifar100/preact_resnet18/baseline/seed0", config.user())
    with pytest.raises(AttributeError):
        resolved.settings["milestones"].append(0.9)


def test_the_features_of_an_evaluation_decide_no_training():
    """GANs are evaluated on other features without being trained again."""
    plain = config.resolve("okd/codebrim/sagan/okd/seed0", config.user({"scale": "paper"}))
    override = {"okd": {"features": "efficientnet_lite0"}}
    other = config.resolve(plain.run, config.user({"scale": "paper", "override": override}))
    assert (plain.features, other.features) == ("inception", "efficientnet_lite0")
    assert plain.hash == other.hash and plain.store == other.store
    assert set(NETWORKS) == set(get_args(FeatureName))
    assert config.resolve("gip/cifar10/resnet18/kd/seed0", config.user({})).features is None


SEEDS = ["okd/codebrim/sagan/okd+rho=0.3", "aikd/cifar100/preact_resnet18/aikd+omega=0", "gip/cifar10/reactnet18/gip"]


def forget():
    config._resolve.cache_clear()
    config._applying.cache_clear()


@pytest.mark.parametrize("group", SEEDS)
def test_the_settings_of_a_seed_are_those_of_the_first(group, monkeypatch):
    """They are made from the first seed's, and must be what they are when they are made from nothing."""
    user = config.user({"scale": "smoke"})
    derived = config.resolve(f"{group}/seed3", user)
    forget()
    monkeypatch.setattr(config, "_first_seed", lambda *arguments: None)
    plain = config.resolve(f"{group}/seed3", user)
    forget()
    assert derived == plain and derived.hash == plain.hash and derived.settings["seed"] == 3
    assert derived.parents.keys() == plain.parents.keys()


def test_more_seeds_lay_no_more_layers(monkeypatch):
    """What took `advkd status` minutes with many seeds."""
    user, folded = config.user({"scale": "smoke"}), []
    fold = layers.fold
    monkeypatch.setattr(layers, "fold", lambda *arguments: folded.append(arguments[0]) or fold(*arguments))
    forget()
    for seed in range(20):
        config.resolve(f"{OKD}+rho=0.3/seed{seed}", user)
    assert {run.seed for run in folded} == {0}


@pytest.mark.parametrize("seeds", [0, 101, 99999999])
def test_the_number_of_seeds_is_bounded(seeds):
    with pytest.raises(UserError, match=rf"^--config: seeds is {seeds}: input should be (less|greater) than or equal"):
        config.user({"seeds": seeds})
    assert config.user({"seeds": 100}).seeds == 100


def test_a_run_that_cannot_be_built_is_told_by_its_own_name():
    with pytest.raises(config.CannotBeBuilt, match=r"^okd/codebrim/sagan/okd\+rhoo=1/seed7: unknown key 'rhoo'"):
        config.resolve(f"{OKD}+rhoo=1/seed7", config.user())
