"""The page on what is wrong in the papers: every finding is in it, each fact once, and it is as it is written."""

import re

import pytest

from advkd.claims import audit
from advkd.report import content, page, paper_errors
from advkd.report.choices import gather_choices
from advkd.settings import config
from checkouts import ROOT

PAGE = paper_errors.errors_page()
ENTRY = re.compile(r"^\d+\. .*(?:\n +- .*)*", re.MULTILINE)
ENTRIES = ENTRY.findall(PAGE)


def section(title):
    return PAGE.partition(f"## {title}\n")[2].partition("\n## ")[0]


def test_the_page_is_as_it_is_written():
    assert (ROOT / "docs/errors-in-the-papers.md").read_text(encoding="utf-8") == PAGE, "run advkd errors --out …"


def test_entries_are_numbered_through_and_counted():
    assert [int(entry.partition(".")[0]) for entry in ENTRIES] == list(range(1, len(ENTRIES) + 1))
    assert f"\n{len(ENTRIES)} points" in PAGE


def test_the_report_names_both_counts(checkout):
    """The audit's findings are more than the facts; the report says so, and has the page's counts beside them."""
    user = config.user({"scale": "smoke"})
    gathered = content.gather_content(user)
    overview = gathered.overview
    errors, others = re.search(r"\*\*(\d+) are errors.*?\*\*(\d+) are none", PAGE, re.DOTALL).groups()
    assert overview.errors == f"{errors} errors, {others} doubts"
    html = page.build(gathered, user)
    assert f"{overview.errors} (<code>advkd errors</code>)" in html
    assert "one fact may be found by several rules" in html
    assert sum(overview.findings.values()) > len({(one.paper, one.fact) for one in audit.find_all()})


def test_errors_are_told_from_doubts():
    """Only contradictions of the audit, marks and equations count as errors; remarks never do."""
    bodies = [part.partition("\n") for part in PAGE.split("\n## ")[1:]]
    numbers = {title: (len(ENTRY.findall(body)), body.lstrip()[:8]) for title, _, body in bodies}
    errors = sum(count for count, about in numbers.values() if about.startswith("Errors"))
    assert f"**{errors} are errors**" in PAGE and f"**{len(ENTRIES) - errors} are none**" in PAGE
    facts = {finding.fact for finding in audit.find_all() if finding.kind == "contradiction"}
    equations = [one for one in gather_choices() if one.kind == "Printed" and one.place.startswith("Eq")]
    assert errors == len(facts) + len(equations)


def test_every_fact_of_the_audit_stands_once():
    facts = {(finding.paper, finding.fact) for finding in audit.find_all()}
    equations = [one for one in gather_choices() if one.kind == "Printed" and one.place.startswith("Eq")]
    by_statistics = len(audit.control_by_chance()) + 2  # AI-KD's and GIP's differences within their deviations
    assert len(ENTRIES) == len(facts) + len(equations) + by_statistics


@pytest.mark.parametrize("words", [["1.80", "2.71", "swapped"], ["3333", "10001"], ["count 100 classes", "10 here"]])
def test_findings_about_one_fact_are_one_entry(words):
    (entry,) = [entry for entry in ENTRIES if all(word in entry for word in words)]
    assert not any(words[0] in other for other in ENTRIES if other != entry and words[0] != "1.80")


def test_over_confidence_comes_first_with_all_that_speaks_against_it():
    first = ENTRIES[0]
    assert "over-confident on all data sets" in first and "above the diagonal" in first
    assert "18.74 %" in first and "18.20 %" in first


def test_marks_of_fonts_are_apart_and_last():
    marks = section("Marks of fonts")
    assert PAGE.rstrip().endswith(marks.rstrip()) and len(ENTRY.findall(marks)) == 3
    assert not re.search(r"expected (bold|underline)", PAGE.replace(marks, ""))


def test_chance_explains_okd_s_improvement():
    text = section("Comparisons that show less than they seem to")
    assert "OKD-SAGAN against SAGAN" in text and "p = 0.66" in text and "14 % of cases" in text
    assert "In 24 of 44 comparisons" in text
