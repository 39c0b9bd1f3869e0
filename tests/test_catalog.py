import pytest

from advkd import catalog, config
from advkd.errors import UserError
from advkd.run import Run


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
    assert catalog.missing("okd_table1", user) == {}


def test_tables_of_methods_to_come_ask_for_no_run_and_say_why():
    user = config.user()
    assert catalog.runs("gip_table1", user) == {}
    assert set(catalog.missing("gip_table1", user).values()) == {"the gip paper's methods are not part of this version"}


def test_table_one_of_every_paper():
    assert catalog.tables(1) == ["aikd_table1", "gip_table1", "okd_table1"]
    assert len(catalog.tables()) == 15


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
    with pytest.raises(UserError, match=r"'okd_table9' is no table or figure; paper/published has .*okd_table1"):
        catalog.cells("okd_table9")
    with pytest.raises(UserError, match=r"okd_table1 has no cell with 'StyleGAN'; its rows are ACGAN, OKD-ACGAN G1"):
        catalog.find_cells("okd_table1", ["StyleGAN"])
