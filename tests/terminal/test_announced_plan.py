from pathlib import Path

from advkd.terminal.plan import Plan, Step

TABLES = [Path(f"results/small/tables/{paper}_table1.csv") for paper in ("aikd", "gip", "okd")]


def plan(steps, products=TABLES, targets=("table1",), scale="small", log=None):
    return Plan(targets, scale, products, steps, log)


def test_the_first_line_says_what_was_asked_for_and_what_the_scale_is():
    assert plan([]).lines()[0] == "table1 at scale small: aikd_table1, gip_table1, okd_table1"
    assert plan([], TABLES[:1], ["aikd_table1"]).lines()[0] == "aikd_table1 at scale small"
    assert "it reproduces nothing" in plan([], scale="smoke").lines()[0]
    many = [Path(f"figures/small/okd_figure{number}.pdf") for number in range(9)]
    assert plan([], many, ["figures"]).lines()[0].endswith("okd_figure4, okd_figure5 and 3 more")
    run = Path("results/small/runs/okd/codebrim/sagan/okd/seed0/result.json")
    assert plan([], [run], ["runs"]).lines()[0] == "runs at scale small: okd/codebrim/sagan/okd/seed0"


def test_the_second_line_says_what_is_to_do_and_why():
    new = [Step("train", False), Step("train", False), Step("draw", False), Step("prepare", False)]
    assert plan(new).lines()[1:] == ["  to do: 2 trainings, 2 preparations of data; nothing of it is there yet"]
    mixed = [*new, Step("table", True), Step("a_new_rule", False)]
    assert plan(mixed, log=Path("x.log")).lines()[1] == (
        "  to do: 2 trainings, 2 preparations of data, 1 table, 1 other jobs; 1 of these are made again, since its"
        " settings, data or inputs changed, or because you asked for it. The jobs print into x.log"
    )
    assert "all of it is made again" in plan([Step("page", True)]).lines()[1]
    assert plan([]).lines()[1:] == ["  everything is there already"]
