"""The README: its commands work, its sentences are short, and its counts are those of the pages that it names."""

import re
import shlex
import shutil
import subprocess
from collections import Counter

import pytest

from advkd.cli.parser import build_parser
from checkouts import ROOT, advkd, copy_checkout, snakemake

README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = [line for block in re.findall(r"^```sh\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
            for line in block.splitlines()]  # fmt: skip
NEEDS_A_RUN = ("predict", "export")  # tests/inference runs these on trained runs


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A checkout without results, with a folder of images where the README has one."""
    return copy_checkout(tmp_path_factory.mktemp("readme") / "checkout")


def here(words, folder):
    """The words of a command with the README's example folder replaced by one that exists."""
    (folder / "photos/crack").mkdir(parents=True, exist_ok=True)
    return [word.replace("/my/photos", str(folder / "photos")).replace("/archives", str(folder)) for word in words]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_works(command, folder):
    program, *words = here(shlex.split(command, comments=True), folder)
    if program == "advkd" and words[0] in NEEDS_A_RUN:
        build_parser().parse_args(words)
    elif program == "advkd":
        done = advkd(folder, *words, check=False)
        assert done.returncode == 0 or (words[0] == "doctor" and done.stdout), done.stderr  # it tells what is missing
    elif program == "snakemake":
        assert "Job stats" in snakemake(folder, "-n", *words).stdout
    else:
        assert program == "make"
        make = [shutil.which("make"), "-n", "-o", ".venv/installed", *words]
        done = subprocess.run(make, cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0 and ("advkd.start" in done.stdout or "pytest" in done.stdout), done.stderr


def test_sentences_are_short():
    text = re.sub(r"^```.*?^```|^\|.*?$|^#.*?$|^!\[.*?$", "\n\n", README, flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"\]\([^)]*\)", "]", text)
    for paragraph in re.split(r"\n\n|^- ", text, flags=re.MULTILINE):
        for sentence in re.split(r"(?<=[.:?!])\**\s", " ".join(paragraph.split())):
            assert len(sentence.split()) <= 25, sentence


def test_the_help_says_what_the_readme_says():
    """Neither promises that numbers are reproduced."""
    does = "builds three papers on adversarial knowledge distillation again, from "
    assert does in README and build_parser().format_help().lower().replace("\n", " ").find(does) >= 0


def test_the_counts_of_claims_are_those_of_their_page():
    claims = (ROOT / "docs/claims.md").read_text(encoding="utf-8")
    verdicts = Counter(re.findall(r"^\| \[[\w-]+\]\(#[\w-]+\) \| ([^|]+) \|", claims, re.MULTILINE))
    total = sum(verdicts.values())
    text = " ".join(README.split())
    assert f"of {total} claims {verdicts['holds']} hold" in text
    assert f"{verdicts['contradicted']} are contradicted by the paper itself" in text
    assert f"{verdicts['contradicted in our reading']} are contradicted in our reading" in text
    assert f"and {verdicts['not printed']} cannot be checked" in text
    significant = re.search(r"Of the (\d+) claims that hold in print, (\d+) are such", claims)
    assert int(significant[1]) == verdicts["holds"] and f"in {significant[2]} of them all differences" in text


def test_the_answer_is_that_of_the_findings():
    """Each paper's verdict stands in the README as docs/findings.md has it."""
    findings = (ROOT / "docs/findings.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \[([\w-]+)\]\(#[\w-]+\) \| ([^|]+) \|", findings, re.MULTILINE)
    assert len(rows) == 3
    for paper, verdict in rows:
        assert f"| {paper} | {verdict} |" in README


def test_what_is_trained_is_what_the_findings_lack():
    """The README's runs of the tests, done and all, follow from the costs of docs/findings.md."""
    findings = (ROOT / "docs/findings.md").read_text(encoding="utf-8")
    missing = re.findall(r"^- the \d unfinished tests: (\d+) of (\d+) trainings are missing", findings, re.MULTILINE)
    (okd, okd_all), (aikd, aikd_all), (gip, gip_all) = [(int(all_) - int(few), all_) for few, all_ in missing]
    sentence = (
        f"Trained so far are {okd} of OKD-SAGAN's {okd_all} runs, {aikd} of AI-KD's {aikd_all}, and {gip} of GIP's"
        f" {gip_all}."
    )
    assert sentence in " ".join(README.split())


def test_the_counts_of_attacks_are_those_of_their_rows():
    page = (ROOT / "docs/attacks.md").read_text(encoding="utf-8")
    rows = [row.strip("|").split(" | ") for row in re.findall(r"^\| (?!section |---).*", page, re.MULTILINE)]
    tested = sum("tests/" in row[2] for row in rows)
    uncovered = sum(row[3].startswith("not covered") for row in rows)
    untested = len(rows) - tested - uncovered
    said = (
        f"{len(rows)} attacks: {tested} have a test that keeps the outcome, {untested} have none, and {uncovered} are"
    )
    assert said in " ".join(page.split())
    text = " ".join(README.split())
    assert f"[Of {len(rows)} attacks]" in text
    assert f"{tested} have a test, {untested} have none, and {uncovered} are not covered" in text


def test_the_comparison_is_a_part_of_the_whole_one():
    """Every row of the README's comparison stands in docs/comparison.md."""
    rows = re.findall(
        r"^\| [^|]* \|.*", README.partition("## How it compares\n")[2].partition("\n## ")[0], re.MULTILINE
    )
    page = (ROOT / "docs/comparison.md").read_text(encoding="utf-8").splitlines()
    assert len(rows) >= 6 and [row for row in rows if row not in page] == []


def test_durations_stand_in_one_place():
    """How long `make table1` and `make test` take is said in the README alone."""
    others = [ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]
    said = re.compile(r"`?make (?:table1|test)`?[^\n|]*\|?[^\n]*\b(?:\d+|two|eight|ten|fifteen) min")
    assert not [path.name for path in others if said.search(path.read_text(encoding="utf-8"))]
    assert len(said.findall(README.partition("## Times")[2])) == 1


def test_the_version_is_that_to_cite():
    version = re.search(r"^version: (\S+)$", (ROOT / "CITATION.cff").read_text(encoding="utf-8"), re.MULTILINE)[1]
    assert f"This is {version}, not released yet" in README
    assert f"## {version} - unreleased" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
