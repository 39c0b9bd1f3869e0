"""The layers of a run's settings: their order, that a result cannot be changed, and that changed files are read."""

import os
import shutil
from collections.abc import Mapping
from dataclasses import FrozenInstanceError
from pathlib import Path
from types import MappingProxyType

import pytest
import yaml

from advkd.errors import UserError
from advkd.methods.settings.base import registered
from advkd.settings import catalog, config, config_files, tags
from advkd.settings.config_files import PaperFile, ScaleFile, Section
from advkd.settings.names import Run, parse_value

SCALES = sorted(path.stem for path in config.CONFIG.glob("scales/*.yaml"))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A copy of config/ and paper/, as the working folder."""
    return enter(copy(tmp_path / "one"), monkeypatch)


def copy(folder: Path) -> Path:
    for name in ("config", "paper"):
        shutil.copytree(name, folder / name)
    return folder


def enter(folder: Path, monkeypatch) -> Path:
    monkeypatch.chdir(folder)
    return folder


def load(path) -> dict:
    return yaml.safe_load(Path(path).read_text(encoding="utf-8"))


# --- a user's folder


@pytest.mark.parametrize("scale", SCALES)
def test_no_scale_takes_a_part_of_a_users_folder(scale):
    """22 classes were trained as 20 at scale `reduced`."""
    user = config.user({"scale": scale, "folders": {"mine": "/x", "codebrim": "/y"}})
    for name in ("aikd/mine/resnet18/aikd/seed0", "gip/mine/resnet18/gip/seed0"):
        resolved = config.resolve(name, user)
        assert not {"classes", "train_per_class", "valid_per_class"} & resolved.settings.keys()
    for name in ("okd/mine/sagan/okd/seed0", "okd/codebrim/sagan/okd/seed0"):
        settings = config.resolve(name, user).settings
        assert (settings["crops"], settings["held_out_crops"]) == (0, 2642)


def test_a_part_of_a_users_folder_is_taken_where_the_user_says_so():
    user = config.user({"scale": "reduced", "folders": {"mine": "/x"}, "override": {"aikd": {"train_per_class": 5}}})
    assert config.resolve("aikd/mine/resnet18/aikd+classes=7/seed0", user).settings["classes"] == 7
    assert config.resolve("aikd/mine/resnet18/aikd/seed0", user).settings["train_per_class"] == 5
    assert config.resolve("okd/mine/sagan/okd+crops=99/seed0", user).settings["crops"] == 99


# --- the order

RUN = "aikd/cifar100/densenet121_cifar/tfkd+augment=cutout/seed0"
# From the bottom: the place in config/ that sets `tf_alpha` (file, then keys), and the source that is named for it.
PLACES = [
    (("aikd.yaml", "defaults"), "config/aikd.yaml defaults"),
    (("aikd.yaml", "models", "densenet121_cifar"), "config/aikd.yaml models.densenet121_cifar"),
    (("aikd.yaml", "models", "densenet121_cifar", "where", "augment=cutout"),
     "config/aikd.yaml models.densenet121_cifar.where.augment=cutout"),
    (("aikd.yaml", "datasets", "cifar100"), "config/aikd.yaml datasets.cifar100"),
    (("aikd.yaml", "methods", "tfkd"), "config/aikd.yaml methods.tfkd"),
    (("aikd.yaml", "methods", "tfkd", "where", "cifar100"), "config/aikd.yaml methods.tfkd.where.cifar100"),
    (("aikd.yaml", "methods", "tfkd", "where", "densenet121_cifar"),
     "config/aikd.yaml methods.tfkd.where.densenet121_cifar"),
    (("scales/smoke.yaml", "aikd", "all", "set"), "config/scales/smoke.yaml aikd.all"),
    (("scales/smoke.yaml", "aikd", "densenet121_cifar", "set"), "config/scales/smoke.yaml aikd.densenet121_cifar"),
    (("scales/smoke.yaml", "aikd", "cifar100", "set"), "config/scales/smoke.yaml aikd.cifar100"),
    (("scales/smoke.yaml", "aikd", "tfkd", "set"), "config/scales/smoke.yaml aikd.tfkd"),
]  # fmt: skip


def write(places: dict[tuple[str, ...], object]) -> None:
    """Set keys in files of config/ and write these, each with a later time than before."""
    for (name, *keys), value in places.items():
        path = Path("config", name)
        content = load(path)
        level = content
        for key in keys[:-1]:
            level = level.setdefault(key, {})
        level[keys[-1]] = value
        rewrite(path, yaml.safe_dump(content))


def rewrite(path: Path, text: str) -> None:
    later = path.stat().st_mtime_ns + 1_000_000_000
    path.write_text(text, encoding="utf-8")
    os.utime(path, ns=(later, later))


def test_each_layer_wins_over_those_below_it_and_the_name_over_all(folder):
    write({("aikd.yaml", "methods", "tfkd"): {}})
    resolved = config.resolve(RUN, config.user())
    assert resolved.settings["tf_alpha"] == 0.95
    assert resolved.sources["tf_alpha"] == "the method's defaults (advkd.methods.settings.tfkd)"
    for number, (place, source) in enumerate(PLACES, start=1):
        write({(*place, "tf_alpha"): number / 100})
        resolved = config.resolve(RUN, config.user())
        assert (resolved.settings["tf_alpha"], resolved.sources["tf_alpha"]) == (number / 100, source)
    user = config.user({"override": {"aikd": {"tf_alpha": 0.5}}})
    resolved = config.resolve(RUN, user)
    assert (resolved.settings["tf_alpha"], resolved.sources["tf_alpha"]) == (0.5, "override.aikd")
    named = config.resolve(RUN.replace("/seed", "+tf_alpha=0.75/seed"), user)
    assert (named.settings["tf_alpha"], named.sources["tf_alpha"]) == (0.75, "the run's name")


def test_multiply_applies_to_what_lies_below_and_to_what_the_name_says(folder):
    place = ("scales/smoke.yaml", "aikd")
    write({
        (*place, "all"): {"multiply": {"epochs": 0.5}},
        (*place, "densenet121_cifar"): {"set": {"epochs": 40}},
        (*place, "tfkd"): {"multiply": {"epochs": 0.1}},
    })  # fmt: skip

    def epochs(variant="", override=None):
        name = RUN.replace("/seed", f"{variant}/seed")
        resolved = config.resolve(name, config.user({"override": {"aikd": override or {}}}))
        return resolved.settings["epochs"], resolved.sources["epochs"]

    above = "config/scales/smoke.yaml aikd.tfkd"
    assert epochs() == (4, f"{above} (40 x 0.1)"), "the network's section, then the method's"
    assert epochs("+epochs=200") == (10, f"{above} (100 x 0.1)"), "both factors, but not what the scale sets"
    assert epochs("+epochs=8") == (1, f"{above} (4 x 0.1)"), "at least 1"
    assert epochs(override={"epochs": 7}) == (7, "override.aikd")
    assert epochs("+epochs=200", {"epochs": 7})[0] == 10, "the name wins over the override"


def expected(name: str, scale: str, override: dict[str, object]) -> dict[str, object]:
    """Return the value of every key that a layer sets, computed from the files by looking it up from the top."""
    run = Run.parse(name)
    paper, sections = load(f"config/{run.paper}.yaml"), load(f"config/scales/{scale}.yaml").get(run.paper, {})
    named = {key: parse_value(value) for key, value in run.variant}
    model, method = paper["models"][run.model], paper["methods"].get(run.method) or {}
    from_above = [
        named,
        (method.get("where") or {}).get(run.model) or {},
        (method.get("where") or {}).get(run.dataset) or {},
        method,
        paper["datasets"][run.dataset],
        *((model.get("where") or {}).get(f"{key}={value}") or {} for key, value in reversed(run.variant)),
        model,
        paper["defaults"],
        {"dataset": run.dataset, "model": run.model, "method": run.method, "seed": run.seed},
        registered(run.paper)[run.method]().flat(),
        {"data": load(f"config/scales/{scale}.yaml")["data"]},
    ]
    values = {}
    for key in set().union(*from_above) - {"where"}:
        value = next(layer[key] for layer in from_above if key in layer)
        values[key] = load(f"config/scales/{scale}.yaml")["data"] if key == "data" else value
    for section in [sections[part] for part in ("all", run.model, run.dataset, run.method) if part in sections]:
        values |= {key: value for key, value in section.get("set", {}).items() if key not in named}
        for key, factor in section.get("multiply", {}).items():
            if values.get(key):
                values[key] = max(1, round(values[key] * factor))
    return values | {key: value for key, value in override.items() if key not in named}


HANDFUL = [
    ("okd/codebrim/sagan/okd+rho=0.3/seed1", {"rho": 2.0, "z": 64}),
    ("okd/codebrim/acgan/single+iterations=100000/seed0", {"iterations": 7000, "early_iteration": 0}),
    ("aikd/cifar100/preact_resnet18/aikd+omega=0.5/seed2", {}),
    ("aikd/cub200/resnet18/cskd/seed0", {"lr": 0.2, "cs_tau": 2.0}),
    ("aikd/tiny_imagenet/densenet121_cifar/tfkd/seed0", {"milestones": [0.25]}),
    ("gip/cifar100/resnet18/dafl/seed0", {"noise": 10}),
    ("gip/cifar10/reactnet18/gip+binary=activations/seed0", {}),
    ("gip/cifar10/reactnet18/kd+tau=3/seed0", {"tau": 2.0, "weight_decay": 0.01}),
    ("gip/cifar100/wrn28_10/baseline/seed0", {}),
    ("gip/cifar10/resnet18/gip+epochs=300+schedule_epochs=200/seed0", {}),
]


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize(("name", "override"), HANDFUL, ids=[name for name, _ in HANDFUL])
def test_settings_against_another_way_to_compute_them(name, override, scale):
    for changes in ({}, override):
        resolved = config.resolve(name, config.user({"scale": scale, "override": {Run.parse(name).paper: changes}}))
        settings = resolved.document()["settings"]
        values = expected(name, scale, changes)
        assert settings == {key: values[key] for key in settings}
        assert settings.keys() == resolved.sources.keys() & settings.keys()


# --- what is resolved cannot be changed


def test_nothing_in_what_is_resolved_can_be_changed():
    name, user = (
        "aikd/cifar100/preact_resnet18/aikd/seed0",
        config.user({"override": {"aikd": {"milestones": [0.5, 0.7]}}}),
    )
    resolved = config.resolve(name, user)
    before = (dict(resolved.settings), dict(resolved.sources), resolved.hash, resolved.document(), resolved.store)
    assert resolved.settings["milestones"] == resolved.typed.schedule.milestones == (0.5, 0.7)
    for mapping in (resolved.settings, resolved.sources, resolved.parents):
        with pytest.raises(TypeError):
            mapping["lr"] = 0.9
    superior = resolved.parents["superior"]
    frozen = [(resolved, "hash"), (resolved.typed, "seed"), (resolved.typed.recipe, "lr"), (superior.typed, "seed")]
    for thing, attribute in frozen:
        with pytest.raises(FrozenInstanceError):
            setattr(thing, attribute, 9)

    document = resolved.document()
    document["settings"]["milestones"].append(0.9)
    document["settings"]["lr"] = 9
    document["parents"]["superior"]["run"] = "another"
    resolved.store_settings["stored_size"] = 99
    user.override["aikd"]["milestones"].append(0.9)

    again = config.resolve(name, config.user({"override": {"aikd": {"milestones": [0.5, 0.7]}}}))
    assert before == (dict(again.settings), dict(again.sources), again.hash, again.document(), again.store)
    assert config.resolve(name, user).settings["milestones"] == (0.5, 0.7, 0.9), "what is asked for now"


def test_what_is_done_to_a_user_s_settings_or_a_file_s_content_is_not_remembered(folder):
    write({("config.yaml", "override"): {"aikd": {"milestones": [0.5]}}})
    config.user().override["aikd"]["milestones"].append(0.9)
    assert config.user().override == {"aikd": {"milestones": [0.5]}}
    path = config.CONFIG / "aikd.yaml"
    config_files.read(path)["defaults"]["lr"] = 9
    assert config_files.read(path)["defaults"]["lr"] == 0.1


def test_nothing_in_a_paper_s_or_a_scale_s_file_can_be_changed(folder):
    def parts(value):
        """Yield a value and everything inside it."""
        yield value
        inside = value.values() if isinstance(value, Mapping) else value if isinstance(value, tuple) else ()
        for part in inside:
            yield from parts(part)

    path = ("aikd.yaml", "models", "densenet121_cifar", "where", "augment=cutout", "milestones")
    write({path: [0.5, 0.6]})
    paper, scale = config_files.paper_file("aikd"), config_files.scale_file("smoke")
    assert paper.models["densenet121_cifar"]["where"]["augment=cutout"]["milestones"] == (0.5, 0.6)
    containers = [part for part in parts((paper, scale)) if not isinstance(part, str | int | float | Path | None)]
    assert len(containers) > 50
    assert {type(part) for part in containers} == {MappingProxyType, tuple, PaperFile, ScaleFile, Section}
    with pytest.raises(TypeError):
        scale.sections["aikd"]["all"].set["epochs"] = 9


def test_a_wrong_value_of_a_file_is_told_as_it_is_written(folder):
    write({("aikd.yaml", "defaults", "lr"): [0.1, {"a": [2]}]})
    with pytest.raises(UserError, match=r"lr is \[0.1, {'a': \[2\]}\]: input should be a valid number"):
        config.resolve(RUN, config.user())


# --- what is read again

PLAIN = "aikd/cifar100/preact_resnet18/baseline/seed0"


def change(path: str, old: str, new: str) -> None:
    """Replace a text by one of the same length in a file, which then has the same size and a later time."""
    text = Path(path).read_text(encoding="utf-8")
    assert len(old) == len(new) and old in text
    rewrite(Path(path), text.replace(old, new))


def test_a_changed_file_of_the_same_size_is_read_again(folder):
    def lr_and_width():
        settings = config.resolve(PLAIN, config.user()).settings
        return settings["lr"], settings["width"]

    assert lr_and_width() == (0.1, 8)
    change("config/aikd.yaml", "  lr: 0.1\n", "  lr: 0.3\n")
    assert lr_and_width() == (0.3, 8)
    change("config/scales/smoke.yaml", "set: { width: 8, tf_mult", "set: { width: 9, tf_mult")
    with pytest.raises(UserError, match="width is 9: input should be a multiple of 4"):
        lr_and_width()
    change("config/scales/smoke.yaml", "seeds: { okd: 2", "seeds: { okd: 3")
    assert config.seeds("okd", config.user()) == [0, 1, 2]


def test_a_changed_table_of_the_same_size_is_read_again(folder):
    table = "paper/published/aikd_table2.csv"
    assert catalog.cells("aikd_table2")[0].mean == "23.97"
    change(table, "23.97", "11.11")
    assert catalog.cells("aikd_table2")[0].mean == "11.11"

    user = config.user()
    first, second = ("aikd/cifar100/preact_resnet18/cskd", "aikd/cifar100/preact_resnet18/tfkd")
    before = tags.tags(user)
    assert before[first] < before[second]
    figure = "paper/published/aikd_figure4.csv"  # the first artifact that names both
    text = Path(figure).read_text(encoding="utf-8")
    swapped = text.replace("/cskd,", "/####,").replace("/tfkd,", "/cskd,").replace("/####,", "/tfkd,")
    assert len(swapped) == len(text)
    rewrite(Path(figure), swapped)
    after = tags.tags(user)
    assert (after[first], after[second]) == (before[second], before[first])


def test_the_files_of_the_working_directory_are_read(folder, tmp_path, monkeypatch):
    other = copy(tmp_path / "other")  # with equal sizes and times
    for name in ("config/aikd.yaml", "paper/published/aikd_table2.csv"):
        about = Path(name).stat()
        text = (other / name).read_text(encoding="utf-8")
        swapped = text.replace("  lr: 0.1\n", "  lr: 0.3\n").replace("23.97", "11.11")
        (other / name).write_text(swapped, encoding="utf-8")
        os.utime(other / name, ns=(about.st_atime_ns, about.st_mtime_ns))
        assert swapped != text and (other / name).stat().st_size == about.st_size
    (other / "paper/published/okd_tableS1.csv").unlink()

    def seen():
        user = config.user()
        control = "okd/codebrim/sagan/single+iterations=250000" in tags.tags(user)
        return config.resolve(PLAIN, user).settings["lr"], catalog.cells("aikd_table2")[0].mean, control

    for _ in range(2):
        enter(folder, monkeypatch)
        assert seen() == (0.1, "23.97", True)
        enter(other, monkeypatch)
        assert seen() == (0.3, "11.11", False)
