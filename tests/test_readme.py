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


def test_the_counts_of_claims_are_those_of_their_page():
    claims = (ROOT / "docs/claims.md").read_text(encoding="utf-8")
    verdicts = Counter(re.findall(r"^\| \[[\w-]+\]\(#[\w-]+\) \| ([^|]+) \|", claims, re.MULTILINE))
    total = sum(verdicts.values())
    assert f"{total} claims" in README and f"{verdicts['holds']} hold" in README
    assert f"{verdicts['contradicted']} are contradicted" in README


def test_the_answer_is_that_of_the_findings():
    """Each paper's verdict stands in the README as docs/findings.md has it."""
    findings = (ROOT / "docs/findings.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \[([\w-]+)\]\(#[\w-]+\) \| ([^|]+) \|", findings, re.MULTILINE)
    assert len(rows) == 3
    for paper, verdict in rows:
        assert f"| {paper} | {verdict} |" in README
