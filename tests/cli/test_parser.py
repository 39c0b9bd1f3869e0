import argparse
import re
import shlex
import subprocess
import sys

import pytest

from advkd.cli import main
from advkd.cli.groups import COMMANDS, GROUPS
from advkd.cli.parser import build_parser, parse
from checkouts import ROOT, environment

EVERY = pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS.keys())
MISTYPED = [
    ("staus", "advkd: no command is called 'staus'; did you mean status?"),
    ("xyzzy", "advkd: no command is called 'xyzzy'; `advkd --help` lists the commands"),
    ("status --al --evrything", "advkd status: --evrything is no option of it; `advkd status --help` lists them"),
    ("plan paper --jbos 2", "advkd plan: --jbos is no option of it; did you mean --jobs?"),
    ("status smoke", "advkd status: 'smoke' is a word too many; `advkd status --help` shows what it takes"),
    ("plan", "advkd plan: the following arguments are required: target; `advkd plan --help` shows what it takes"),
    ("plan --config scale=paper gip_table2", "advkd plan: argument --config: 'gip_table2' is not KEY=VALUE;"),
    ("prepare x --out y --settings {", "advkd prepare: argument --settings: no valid JSON: Expecting property name"),
    ("--nothing", "advkd: '--nothing' is no command; `advkd --help` shows what it takes"),
]


@pytest.mark.parametrize(("words", "line"), MISTYPED, ids=[words for words, _ in MISTYPED])
def test_mistyped_words_are_answered_in_one_line(words, line, capsys):
    assert main(words.split()) == 2
    printed = capsys.readouterr()
    assert printed.err.startswith(line) and printed.err.count("\n") == 1 and not printed.out


@EVERY
def test_the_example_of_a_command_is_one(command):
    program, *words = shlex.split(command.example)
    args = parse(words)
    assert program == "advkd" and args.name == command.name


@EVERY
def test_help_explains_every_argument_and_ends_with_the_example(command, capsys):
    with pytest.raises(SystemExit):
        parse([command.name, "--help"])
    printed = " ".join(capsys.readouterr().out.split())
    for argument in command.arguments:
        assert argument.options["help"] and " ".join(argument.options["help"].split()) in printed
        assert argument.options["help"] is not argparse.SUPPRESS
    assert printed.lower().startswith(f"usage: advkd {command.name} ")
    assert printed.endswith(f"Example: {' '.join(command.example.split())}")


def test_the_help_of_all_commands_has_each_in_its_group(capsys):
    assert main([]) == 0
    printed = capsys.readouterr().out
    place = 0
    for group in GROUPS:
        place = printed.index(f"\n{group.title}: {group.about}", place)
        for command in group.commands:
            found = re.compile(rf"^  {command.name} +{re.escape(command.gives[:30])}", re.MULTILINE).search(
                printed, place
            )
            assert found, command.name
            place = found.start()


def test_advkd_alone_prints_the_help(capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["advkd"])
    assert main() == 0
    alone = capsys.readouterr().out
    assert alone == build_parser().format_help()


def test_words_of_config_may_stand_in_any_number_and_repeat():
    args = parse(["status", "--config", "scale=paper", "seeds=2", "--config", "mirror=/a=b"])
    assert args.config == ["scale=paper", "seeds=2", "mirror=/a=b"]


def test_every_command_of_the_workflow_exists():
    rules = "".join(
        path.read_text(encoding="utf-8") for path in [ROOT / "Snakefile", *ROOT.glob("workflow/rules/*.smk")]
    )
    called = set(re.findall(r"[\"']advkd ([a-z-]+) ", rules))
    assert len(called) >= 10 and called <= COMMANDS.keys()


@pytest.mark.parametrize(("typed", "expected"), [
    ("advkd doc", {"doctor"}), ("advkd doctor --fo", {"--folder"}), ("advkd export RUN --to out --format on", {"onnx"}),
])  # fmt: skip
def test_a_shell_is_told_how_words_go_on(typed, expected, tmp_path):
    answer = tmp_path / "answer"
    asked = {"_ARGCOMPLETE": "1", "_ARGCOMPLETE_IFS": "\n", "_ARGCOMPLETE_STDOUT_FILENAME": str(answer),
             "COMP_LINE": typed, "COMP_POINT": str(len(typed)), "COMP_TYPE": "9"}  # fmt: skip
    subprocess.run([sys.executable, "-m", "advkd"], env={**environment(ROOT), **asked}, check=True, timeout=60)
    assert {word.strip() for word in answer.read_text().split("\n")} == expected
