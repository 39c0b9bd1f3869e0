"""`advkd explain`: from a cell to its runs, and from a run to everything that rests on it."""

import re

import pytest
from report_runs import leave

from advkd.errors import UserError
from advkd.report import explain
from advkd.runs.lookup import folder_of
from advkd.settings import catalog, config, tags

TEACHER, STUDENT = "gip/cifar10/resnet34/baseline", "gip/cifar10/resnet18/gip"


@pytest.fixture
def user(checkout):
    return config.user({"scale": "paper", "seeds": 2})


def lines(text: str, head: str) -> list[str]:
    return [line.removeprefix(f"  {head:<12}") for line in text.splitlines() if line.startswith(f"  {head:<12}")]


def test_a_run_is_explained_alike_by_tag_name_and_group(user):
    tag = tags.tags(user)[STUDENT]
    texts = {explain.report(subject, [], user) for subject in (tag, tag.lower(), STUDENT, f"{STUDENT}/seed1")}
    (text,) = texts
    assert text.startswith(f"{tag} {STUDENT}  at scale paper\n")


def test_a_run_names_its_seeds_its_cells_with_our_numbers_and_its_figures(user):
    for seed, right in enumerate((60, 62)):
        leave(f"{STUDENT}/seed{seed}", user, right)
    text = explain.report(STUDENT, [], user)
    assert [line.partition(": ")[0] for line in lines(text, "run")] == [f"{STUDENT}/seed0", f"{STUDENT}/seed1"]
    shown = lines(text, "cell")
    assert shown[0] == (
        "gip_table1: CIFAR-10 | Proposed Method (%)  (accuracy): ours 61.0 ± 1.4, done; published 95.13 ± 0.08"
    )
    assert any(line.startswith("gip_table4: CIFAR-10 / Our method | Restored Ratio (%)") for line in shown)
    expected = [c.table for t in catalog.tables() for c in catalog.cells(t) if STUDENT in (c.run, c.of)]
    assert [line.partition(":")[0] for line in shown] == expected
    assert lines(text, "figure") == [f for f in catalog.figures() if any(c.run == STUDENT for c in catalog.cells(f))]


def test_teachers_name_their_students_and_students_their_teachers(user):
    known = tags.tags(user)
    assert lines(explain.report(STUDENT, [], user), "learns from") == [f"{known[TEACHER]} {TEACHER}, its teacher"]
    taught = lines(explain.report(TEACHER, [], user), "taught")
    assert f"{known[STUDENT]} {STUDENT}, as its teacher" in taught
    learners = {
        one.run.group
        for one in catalog.all_runs(user).values()
        if TEACHER in {parent.run.group for parent in one.parents.values()}
    }
    assert {line.split()[1].rstrip(",") for line in taught} == learners
    assert [int(line.split()[0][1:]) for line in taught] == sorted(int(known[name][1:]) for name in learners)


def test_parents_that_are_no_cell_say_so(user):
    text = explain.report("gip/cifar10/acgan/acgan", [], user)
    assert "  cell        none: no table or figure shows it" in text and ", as its gan" in text
    assert "no tag gip/cifar10/resnet18/gip+delta=5.1  at" in explain.report(f"{STUDENT}+delta=5.1", [], user)


def test_a_cell_names_the_tags_of_its_runs_and_these_lead_back_to_it(user):
    for place, words in (("gip_table3", ["Our", "Ratio"]), ("okd_table1", ["OKD-SAGAN", "G2"])):
        text = explain.report(place, words, user)
        rests = dict(line.split() for line in lines(text, "rests on"))
        (cell,) = catalog.find_cells(place, words)
        assert set(rests.values()) == {cell.run, cell.of} - {""}
        for tag in rests:
            back = lines(explain.report(tag, [], user), "cell")
            assert any(line.startswith(f"{cell.table}: {cell.row} | {cell.column}  (") for line in back)


def test_a_damaged_file_is_a_line_and_the_rest_is_told(user):
    for seed in range(2):
        leave(f"{STUDENT}/seed{seed}", user)
    folder = folder_of(config.resolve(f"{STUDENT}/seed0", user)).path
    (folder / "provenance.json").write_text("{}")
    text = explain.report(STUDENT, [], user)
    assert f"seed0: damaged: {folder}/provenance.json has no 'code', as a file of another version" in text
    assert f"{STUDENT}/seed1: done" in text and "gip_table1" in text
    (folder / "provenance.json").unlink()
    assert "provenance.json is missing" in explain.report(STUDENT, [], user)


@pytest.mark.parametrize(("name", "content"), [("result.json", '{"status": '), ("provenance.json", None)])
def test_a_cell_of_a_damaged_run_says_so_once_and_tells_of_the_other(user, name, content):
    for seed in range(2):
        leave(f"{STUDENT}/seed{seed}", user)
    path = folder_of(config.resolve(f"{STUDENT}/seed0", user)).path / name
    path.unlink() if content is None else path.write_text(content)
    text = explain.report("gip_table1", ["CIFAR-10", "Proposed"], user)
    (line,) = lines(text, "damaged")
    what = "it" if name == "result.json" else "result.json beside it"
    assert str(path) in line and line.endswith(f"delete {what}, then: advkd train {STUDENT}/seed0")
    assert text.count(str(path)) == 1
    assert f"{STUDENT}/seed0: damaged\n" in text and f"{STUDENT}/seed1: done" in text and "made by" in text


@pytest.mark.parametrize(
    ("subject", "words", "message"),
    [
        ("R9999", [], "no run group has the tag R9999: there are R1 to R"),
        ("R1", ["SAGAN"], "R1 is a run group: leave out 'SAGAN'"),
        ("gip/cifar10", [], "is not the name of a run: expected PAPER/DATASET/MODEL/METHOD"),
        ("gip/cifar10/resnet18/none", [], "'none' is not among the methods"),
        ("gip_table99", [], "'gip_table99' is not a table or figure"),
    ],
)
def test_what_does_not_exist_is_one_line(user, subject, words, message):
    with pytest.raises(UserError, match=re.escape(message)) as caught:
        explain.report(subject, words, user)
    assert "\n" not in str(caught.value)
