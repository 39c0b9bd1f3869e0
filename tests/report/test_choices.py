import re
import string
import subprocess
import sys
import textwrap
from itertools import groupby
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from advkd.errors import UserError
from advkd.places import PACKAGE
from advkd.report import deviations
from advkd.report.choices import KINDS, Choice, gather_choices, parse_choice
from advkd.schema import keys_of
from advkd.settings import catalog, config
from advkd.settings.names import shortest
from advkd.settings.papers import RUN_CLASSES
from advkd.settings.user import User

CHOICES = gather_choices()
KEYS = sorted({(one.paper, key) for one in CHOICES for key in one.settings})
ITEM = re.compile(r"\s*- \[((?:okd|aikd|gip)[^]]*)\]")
GOOD = "[okd: Eq. 8] Printed: by z. Here: by the image (`gp_weight`). Why: WGAN-GP."


def module(folder, items, name="one.py"):
    lines = "\n".join(f"    - {item}" for item in items)
    (folder / name).write_text(f'"""A method.\n\n    L = 0\n\nChoices:\n{lines}\n"""\n', encoding="utf-8")
    return folder


def test_the_committed_document_is_what_the_code_documents():
    """If it fails: advkd deviations --out docs/deviations.md."""
    assert Path("docs/deviations.md").read_text(encoding="utf-8") == deviations.markdown_document()


def test_no_choice_of_the_package_is_overlooked():
    """Every line that looks like a choice is read. None stands outside a section or below a misspelt heading."""
    written = [
        (path.relative_to(PACKAGE).as_posix(), paper)
        for path in PACKAGE.rglob("*.py")
        if path.name != "choices.py"
        for line in path.read_text(encoding="utf-8").splitlines()
        if (match := ITEM.match(line))
        for paper in match[1].split(":")[0].split(", ")
    ]
    assert sorted(written) == sorted((one.source, one.paper) for one in CHOICES)


def test_every_paper_has_its_kinds_of_choices():
    kinds = {paper: {one.kind for one in CHOICES if one.paper == paper} for paper in config.PAPERS}
    assert kinds["okd"] == {"Printed", "Open", "Usual", "Added"}
    assert kinds["aikd"] == kinds["gip"] == set(KINDS)


def test_a_choice_against_the_print_or_a_published_method_names_its_place():
    assert [one for one in CHOICES if one.kind in ("Printed", "Published") and not one.place] == []


def test_no_choice_is_documented_twice():
    told = [(one.paper, one.kind, one.place, one.subject) for one in CHOICES]
    assert len(set(told)) == len(told)


def test_the_parts_of_a_choice():
    assert parse_choice(GOOD, "methods/sagan.py", "here") == [
        Choice(
            "okd", "Printed", "Eq. 8", "by z", "by the image (`gp_weight`)", "WGAN-GP", ("gp_weight",),
            "methods/sagan.py",
        )
    ]  # fmt: skip
    assert [one[:6] for one in parse_choice("[aikd, gip] Open: kept? Here: yes.", "", "")] == [
        (paper, "Open", "", "kept?", "yes", "") for paper in ("aikd", "gip")
    ]
    assert parse_choice("[okd] Added: KID. Why: unbiased.", "", "")[0][3:6] == ("KID", "", "unbiased")


WORDS = st.text(string.ascii_letters + string.digits + "²λ∞%|*+-=/'()[]_^.,;", min_size=1).filter(
    lambda word: not word.endswith((".", "?"))
)
TEXT = st.lists(WORDS, min_size=1, max_size=40).map(" ".join)


@st.composite
def choices(draw):
    paper = draw(st.sampled_from(list(config.PAPERS)))
    kind = draw(st.sampled_from(list(KINDS)))
    place = draw(st.just("") | TEXT.filter(lambda text: "]" not in text and ":" not in text))
    keys = draw(st.lists(st.sampled_from(sorted(keys_of(RUN_CLASSES[paper]))), unique=True, max_size=3))
    subject = " ".join([draw(TEXT), *(f"(`{key}`)" for key in keys)]) + draw(st.sampled_from(["", "?"]))
    done = "" if kind == "Added" else draw(TEXT)
    return Choice(paper, kind, place, subject, done, draw(st.just("") | TEXT), tuple(keys), "one.py")


def written(one: Choice) -> str:
    """Return the text of a choice as a docstring has it."""
    place = f": {one.place}" if one.place else ""
    parts = [(one.kind, one.subject), ("Here", one.done), ("Why", one.why)]
    told = " ".join(f"{name}: {text}{'' if text.endswith('?') else '.'}" for name, text in parts if text)
    return textwrap.fill(
        f"[{one.paper}{place}] {told}", 80, subsequent_indent="      ", break_on_hyphens=False, break_long_words=False
    )


@settings(max_examples=60, deadline=None)
@given(found=st.lists(choices(), min_size=1, max_size=5))
def test_a_written_choice_is_parsed_back(tmp_path_factory, found):
    folder = module(tmp_path_factory.mktemp("package"), [written(one) for one in found])
    assert sorted(gather_choices(folder)) == sorted(found)


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        ("Printed: by z. Here: by x.", "begins with [PAPERS]"),
        ("[okd Printed: by z. Here: by x.", "begins with [PAPERS]"),
        ("[vgg] Open: depth. Here: 16.", "'vgg' is not a paper: okd, aikd, gip"),
        ("[okd] By z. Here: by x.", "one of Printed:, Open:"),
        ("[okd] Because: by z. Here: by x.", "one of Printed:, Open:"),
        ("[okd] Open: depth. Why: none.", "expected Open: … Here: … Why: …, found Open: … Why: …"),
        ("[okd] Open: depth. Hear: 16.", "found Open: … Hear: …"),
        ("[okd] Open: depth. Here: 16. Here: 17.", "found Open: … Here: … Here: …"),
        ("[okd] Added: KID. Here: KID.", "expected Added: … Why: …"),
        ("[okd] Open: depth. Here: 16", "the text after Here: ends with neither a full stop"),
        ("[okd] Open: depth. Here: 16 (`depth`).", "okd has no such setting"),
        ("[okd] Open: depth. Here: 16 (`z).", "a backtick is not closed"),
        ("[okd, aikd] Open: weight. Here: 1 (`rho`).", "'rho' is in backticks, which enclose settings, but aikd"),
    ],
)
def test_a_malformed_choice_is_refused_with_its_file_and_line(tmp_path, item, reason):
    module(tmp_path, [GOOD, item])
    with pytest.raises(UserError) as error:
        gather_choices(tmp_path)
    assert str(error.value).startswith(f"{tmp_path / 'one.py'}:7: ")
    assert reason in str(error.value)


@pytest.mark.parametrize(
    ("docstring", "line"),
    [
        ("A method.\n\nChoices:\n", 3),
        ("A method.\n\nChoices:\n  - [okd] Open: depth. Here: 16.\n", 4),
        ("A method.\n\nChoices:\n    - [okd] Open: depth.\n     Here: 16.\n", 5),
        ("A method.\n\nChoices:\n    - [okd] Open: depth. Here: 16.\n\nMore of it.\n", 6),
    ],
)
def test_a_malformed_section_is_refused_with_its_file_and_line(tmp_path, docstring, line):
    (tmp_path / "one.py").write_text(f'"""{docstring}"""\n')
    with pytest.raises(UserError, match=rf"one\.py:{line}: "):
        gather_choices(tmp_path)


def test_choices_are_sorted_by_paper_kind_and_place_then_in_the_order_of_the_files(tmp_path):
    (tmp_path / "methods").mkdir()
    module(tmp_path, ["[okd] Open: late. Here: x.", "[okd: Eq. 10] Printed: c. Here: x."])
    module(
        tmp_path / "methods",
        [
            "[aikd] Open: other. Here: x.",
            "[okd] Open: soon. Here: x.",
            "[okd: Eq. 8] Printed: b. Here: x.",
            "[okd: abstract] Printed: a. Here: x.",
        ],
        "two.py",
    )
    assert [one.subject for one in gather_choices(tmp_path)] == ["a", "b", "c", "soon", "late", "other"]


@pytest.mark.parametrize(("paper", "key"), KEYS)
def test_the_described_values_are_those_of_every_run(paper, key):
    """For each run whose name does not vary the setting, the value parsed from the description is the run's value."""
    not_varied = [
        one
        for one in catalog.all_runs(User(scale="paper")).values()
        if one.run.paper == paper and key in one.settings and key not in dict(one.run.variant)
    ]
    told = deviations.describe_values(paper, key).split(", or ")[0]
    grouped = {
        name.strip(): value
        for value, names in re.findall(r"(\[[^]]*\]|[^\s(]+) \(([^)]*)\)(?:, )?", told)
        for name in names.split(",")
    }
    otherwise = re.search(r"(\[[^]]*\]|[^\s(]+) otherwise$", told)
    for one in not_varied:
        run = one.run
        names = {run.method, run.model, run.dataset, f"{run.method} {run.model}", f"{run.method} {run.dataset}"}
        found = {grouped[name] for name in names & grouped.keys()}
        expected = found or {otherwise[1] if otherwise else told}
        assert expected == {shortest(one.settings[key])}, (str(run), told)


@pytest.mark.parametrize(("paper", "key"), KEYS)
def test_every_value_of_a_closed_set_is_described(paper, key):
    """The expected values come from pydantic's JSON schema."""
    schema = TypeAdapter(keys_of(RUN_CLASSES[paper])[key]).json_schema()
    found = schema.get("anyOf", [schema])
    allowed = [value for one in found for value in one.get("enum", [one["const"]] if "const" in one else [])]
    if any(one.get("type") == "boolean" for one in found):
        allowed += [True, False]
    words = re.findall(r"[\w.+-]+", deviations.describe_values(paper, key))
    assert {shortest(value) for value in allowed if value is not None} <= set(words)


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("iterations", "250000 (acgan), 50000 (sagan)"),
        ("rho", "1, or 0, 0.1, 0.3, 3 (also run)"),
        ("penalty", "joint, or split (also run)"),
        ("features", "inception, or efficientnet_lite0, random_inception, random_inception64"),
        ("made_photos", "not set"),
    ],
)
def test_described_values_of_the_gan_paper(key, words):
    assert deviations.describe_values("okd", key).startswith(words)


def test_a_method_whose_only_run_varies_another_setting_has_its_own_values():
    """GAN-TSC runs as gip/cifar10/resnet18/gantsc+teacher=wrn28_10 only, with Adam at 1e-4 and batches of 256."""
    assert "0.0001 (gantsc)" in deviations.describe_values("gip", "lr")
    assert deviations.describe_values("gip", "batch").startswith("256 (gantsc), 128 otherwise")


def test_many_values_are_given_as_first_to_last():
    assert deviations.describe_values("gip", "delta").endswith(", or 0 to 10 (also run)")


def test_tables_hold_every_choice_once():
    """Every choice is a row of one table, and exactly the columns that would be empty are left out."""
    found = list(deviations.deviation_tables())
    assert len({(table.paper, table.title) for table in found}) == len(found)
    for table in found:
        chosen = [one for one in CHOICES if (one.paper, KINDS[one.kind].title) == (table.paper, table.title)]
        assert [row[-1] for row in table.rows] == [one.source for one in chosen]
        assert all(any(column) for column in zip(*table.rows, strict=True))
        assert ("setting" in table.head) == any(one.settings for one in chosen)
    assert sum(len(table.rows) for table in found) == len(CHOICES)


def test_the_document_is_sound_markdown():
    """The rows of a table have as many columns as its head, and links lead to files."""
    lines = deviations.markdown_document().splitlines()
    blocks = [list(rows) for table, rows in groupby(lines, key=lambda line: line.startswith("|")) if table]
    widths = [{len(re.findall(r"(?<!\\)\|", row)) for row in rows} for rows in blocks]
    assert [len(found) for found in widths] == [1] * len(list(deviations.deviation_tables()))
    assert sum(len(rows) - 2 for rows in blocks) == len(CHOICES)
    links = re.findall(r"\]\(([^)]*)\)", "\n".join(lines))
    assert len(links) == len(CHOICES)
    assert all((Path("docs") / link).is_file() for link in links)


def test_deviations_do_not_import_torch():
    """Tables and pages can be made on machines without torch, and importing it takes seconds."""
    code = """import sys
from advkd.report import deviations
deviations.markdown_document()
sys.exit("torch" in sys.modules)"""
    assert subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": "src"}).returncode == 0
