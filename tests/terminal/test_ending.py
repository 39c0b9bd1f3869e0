import re
from pathlib import Path

import pytest
from rich.console import Console

from advkd.artifacts import papers
from advkd.terminal import ending
from advkd.terminal.board import Board, Failure
from advkd.terminal.plan import Plan, Step
from checkouts import ROOT

REFERENCE = ROOT / "results/reference/results/reduced/tables"


def shown(part, columns):
    console = Console(width=columns, color_system=None)
    with console.capture() as capture:
        console.print(part, highlight=False)
    return capture.get().splitlines()


def numbers(text):
    return sorted(re.findall(r"\d+\.\d+", text))


@pytest.mark.parametrize("table", ["okd_table1", "gip_table1"])
@pytest.mark.parametrize("columns", [200, 100, 80])
def test_a_table_fits_and_has_all_numbers_of_its_file(table, columns):
    lines = shown(ending.show_table(REFERENCE / f"{table}.md", "reduced", columns), columns)
    assert lines[0] == f"{papers.title(table)} (reduced)"
    assert max(map(len, lines)) <= columns and len(lines) <= 16
    cells = [line for line in (REFERENCE / f"{table}.md").read_text().splitlines() if line.startswith("|")]
    assert numbers("\n".join(lines[1:])) == numbers("\n".join(cells))
    assert not any(mark in "\n".join(lines) for mark in ("**", "<u>", "…"))


def test_the_best_numbers_are_marked():
    assert str(ending.marked("**95.1 ± 0.1**")) == "95.1 ± 0.1" and ending.marked("**1**").style == "bold"
    assert str(ending.marked("<u>2</u>")) == "2" and ending.marked("<u>2</u>").style == "underline"


@pytest.fixture
def made(tmp_path, monkeypatch):
    """A folder with four tables and two figures, in a checkout."""
    monkeypatch.chdir(tmp_path)
    Path("paper").symlink_to(ROOT / "paper")
    paths = []
    for name in ("okd_table1", "gip_table1", "aikd_table2", "aikd_table3"):
        paths.append(Path(f"results/reduced/tables/{name}.csv"))
        paths[-1].parent.mkdir(parents=True, exist_ok=True)
        paths[-1].touch()
        paths[-1].with_suffix(".md").write_text((REFERENCE / f"{name}.md").read_text())
    return paths


def end(products, scale="reduced", targets=("table1",)):
    plan = Plan(targets, scale, products, [Step("table", False)], Path("x.log"))
    return "\n".join(line for part in ending.success(plan, Board(done=7), 200) for line in shown(part, 200))


def test_the_end_shows_the_tables_and_what_to_type_next(made):
    text = end(made[:2], scale="smoke")
    assert text.index(papers.title("okd_table1")) < text.index(papers.title("gip_table1"))
    assert "(smoke; reproduces nothing)" in text and "7 jobs in 0 s." in text
    assert "results/reduced/tables/*.md" in text and "explain gip_table1 " in text and "report --scale smoke" in text
    assert "advkd run table1 --config scale=reduced" in text, "a project has no Makefile"
    Path("Makefile").touch()
    assert 'make table1 ARGS="--config scale=reduced"' in end(made[:2], scale="smoke")


def test_many_products_are_named(made):
    text = end([*made, Path("figures/none.pdf")])
    assert papers.title("okd_table1") not in text and all(str(path) in text for path in made)
    assert "figures/none.pdf" not in text, "it is not there"
    many = [Path(f"{number}.json") for number in range(9)]
    for path in many:
        path.touch()
    assert "and 4 more in ." in end(many) and "status --config scale=reduced" in end(many)


def test_errors_come_last_and_not_too_many():
    failures = {n: Failure(f"run {n}", "advkd train: out of memory", f"{n}/log.txt") for n in range(7)}
    board = Board(done=2, total=10, failures=failures)
    lines = [str(part) for part in ending.failure(Plan([], "small", [], [], Path("x.log")), board)]
    assert lines[0].startswith("7 jobs failed. 2 of 10 jobs are finished and stay")
    assert lines[1] == "2 more errors stand in x.log" and len(lines) == 7
    assert lines[-1] == "run 4: advkd train: out of memory (log: 4/log.txt)"


def test_a_job_that_says_nothing_is_told_so():
    assert str(ending.show_error(Failure("run", "", ""))) == f"run: {ending.UNKNOWN}"
