import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from advkd.errors import UserError
from advkd.methods.okd import GanEnsemble
from advkd.settings import catalog, config
from advkd.settings.names import Run


def test_every_published_run_name_is_well_formed():
    for artifact in catalog.artifacts():
        for cell in catalog.cells(artifact):
            if catalog.trained(cell):
                assert Run.parse(f"{cell.run}/seed0").group == cell.run


def test_okd_table1_needs_four_groups_times_the_seeds():
    user = config.user({"scale": "smoke"})
    runs = catalog.runs("okd_table1", user)
    groups = {f"okd/codebrim/{model}/{method}" for model in ("sagan", "acgan") for method in ("single", "okd")}
    assert set(runs) == {f"{group}/seed{seed}" for group in groups for seed in range(2)}


def test_the_controls_of_table_1_scale_with_it():
    for scale, factor in (("paper", 1), ("reduced", 0.02), ("smoke", 0.0002)):
        user = config.user({"scale": scale, "seeds": 1})
        runs = catalog.runs("okd_tableS1", user)
        steps = {resolved.settings["iterations"] for name, resolved in runs.items() if "/sagan/" in name}
        assert steps == {50_000 * factor, 250_000 * factor}
        assert catalog.runs("okd_table1", user).keys() < runs.keys()
        assert sorted(resolved.settings["rho"] for name, resolved in runs.items() if "/sagan/okd" in name) == [
            0,
            0.1,
            0.3,
            1,
            3,
        ]


class Operations(TorchDispatchMode):
    """Counts what PyTorch has a formula for: matrix products and convolutions, forwards and backwards."""

    total = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        if formula := flop_registry.get(func._overloadpacket):
            self.total += formula(*args, **(kwargs or {}), out_val=out)
        return out


def test_the_control_of_equal_compute_costs_as_much_as_connected_sets():
    user = config.user({"scale": "paper"})
    costs = []
    for group in ("single+iterations=250000", "okd"):
        settings = config.resolve(f"okd/codebrim/sagan/{group}/seed0", user).typed
        gans = GanEnsemble(settings.base, settings.method, settings.adam, 5, torch.device("cpu"))
        with Operations() as counted:
            gans.step(torch.rand(2, 3, 64, 64), torch.zeros(2, dtype=torch.int64))
        costs.append(counted.total * settings.training.iterations)
    assert costs[0] == pytest.approx(costs[1], rel=0.01) and costs[0] > 1e12


def test_what_a_table_needs_is_no_variant():
    user = config.user({"scale": "paper", "seeds": 1})
    shown = {name for artifact in catalog.artifacts() for name in catalog.runs(artifact, user)}
    assert catalog.variants(user) and not shown & catalog.variants(user).keys()


def test_a_ratio_needs_a_student_and_a_teacher_of_each_seed():
    user = config.user({"scale": "paper"})
    runs = catalog.runs("gip_table3", user)
    students = {f"gip/cifar10/resnet18/{m}+teacher=wrn28_10/seed{k}" for m in ("gip", "gantsc") for k in range(3)}
    teachers = [f"gip/cifar10/wrn28_10/baseline/seed{k}" for k in range(3)]
    assert runs.keys() == students | set(teachers)
    ratios = [cell for cell in catalog.cells("gip_table3") if cell.kind == "ratio"]
    assert all([str(run.run) for run in catalog.denominators(cell, user)] == teachers for cell in ratios)


@pytest.mark.parametrize(
    ("groups", "values"),
    [
        ("a+delta={1..1.6..0.2}", ["1", "1.2", "1.4", "1.6"]),
        ("a+delta={5.2..6..0.4}", ["5.2", "5.6", "6"]),
        ("a+delta=5", ["5"]),
    ],
)
def test_a_series_of_variants_is_written_as_names_are(groups, values):
    assert catalog.series(groups) == [f"a+delta={value}" for value in values]


def test_the_sweep_of_delta_is_the_paper_s():
    user = config.user({"scale": "paper", "seeds": 1})
    variants = [dict(resolved.run.variant) for resolved in catalog.variants(user, ["gip"]).values()]
    deltas = {float(variant["delta"]) for variant in variants if variant.keys() == {"delta"}} | {5.0}
    assert sorted(deltas) == pytest.approx([1 + 0.2 * step for step in range(46)])


def test_table_one_of_every_paper():
    assert catalog.tables(1) == catalog.targets()["table1"] == ["aikd_table1", "gip_table1", "okd_table1"]
    assert catalog.tables()[-3:] == ["okd_table1", "okd_tableS1", "okd_tableS2"]


def test_cells_are_found_by_words_of_row_and_column():
    (cell,) = catalog.find_cells("okd_table1", ["OKD-SAGAN", "G2"])
    assert cell.mean == "118.23"
    (cell,) = catalog.find_cells("okd_table1", ["okd-sagan average"])
    assert cell.mean == "132.13"


def test_a_folder_that_no_run_uses_is_a_mistake():
    with pytest.raises(UserError, match="folders names 'codebrm', which no run uses"):
        catalog.all_runs(config.user({"folders": {"codebrm": "/x"}}))
    mine = config.user({"folders": {"mine": "/x"}, "runs": ["okd/mine/sagan/okd/seed0"]})
    assert catalog.all_runs(mine)["okd/mine/sagan/okd/seed0"].settings["data"] == "folder"
    assert catalog.all_runs(config.user({"folders": {"codebrim": "/x"}}))


def test_unknown_names_say_what_there_is():
    with pytest.raises(UserError, match=r"'okd_table9' is not a table or figure; did you mean okd_table1 or"):
        catalog.cells("okd_table9")
    with pytest.raises(UserError, match=r"'xyz' is not a table or figure; paper/published has .*okd_table1"):
        catalog.cells("xyz")
    with pytest.raises(UserError, match=r"okd_table1 has no cell with 'pix2pix'; its rows are ACGAN, OKD-ACGAN G1"):
        catalog.find_cells("okd_table1", ["pix2pix"])
