"""Reads the words of the command line, and prints what commands there are and what one of them takes."""

import argparse
import shutil
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NoReturn

from rich_argparse import RawDescriptionRichHelpFormatter

from advkd import __version__
from advkd.cli.groups import COMMANDS, GROUPS
from advkd.errors import UserError
from advkd.suggestions import did_you_mean

ABOUT = "Builds three papers on adversarial knowledge distillation again, from the archives of their data to a report."
FIRST = "advkd COMMAND --help shows what a command takes, with an example. A workflow is started with: advkd run table1"
WIDTH = min(shutil.get_terminal_size().columns, 120) - 2  # columns of a description
CONFIG_HELP = (
    "settings laid over config/config.yaml, as for snakemake: scale=small mirror=/archives. config/README.md lists"
    " them. They come after the command's other words"
)


class BadWords(UserError):
    """The words of the command line are not those of a command; `called` is what they began with."""

    def __init__(self, called: str, message: str) -> None:
        super().__init__(message)
        self.called = called


def parse(words: Sequence[str]) -> argparse.Namespace | None:
    """Return the parsed words, with the command's name as `name`; None after the help of all commands was printed.

    Raises:
        BadWords: they are not the words of a command.
        SystemExit: the help of one command, or the version, was printed.
    """
    parser = build_parser()
    if not words:
        parser.print_help()
        return None
    if not words[0].startswith("-") and words[0] not in COMMANDS:
        asked = did_you_mean(words[0], COMMANDS) or "; `advkd --help` lists the commands"
        raise BadWords("advkd", f"no command is called {words[0]!r}{asked}")
    command = COMMANDS.get(words[0])
    if command and command.passes_on and not {"-h", "--help"} & set(words[1:2]):
        return argparse.Namespace(name=command.name, words=list(words[1:]), log=None)
    args, unknown = parser.parse_known_args(words)
    if args.name is None:
        parser.error(f"{words[0]!r} is no command")
    if unknown:
        called = f"advkd {args.name}"
        if not unknown[0].startswith("-"):
            raise BadWords(called, f"{unknown[0]!r} is a word too many; `{called} --help` shows what it takes")
        options = [flag for argument in COMMANDS[args.name].arguments for flag in argument.flags if flag[0] == "-"]
        asked = did_you_mean(unknown[0], [*options, "--config", "--log", "--help"])
        raise BadWords(called, f"{unknown[0]} is no option of it{asked or f'; `{called} --help` lists them'}")
    return args


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    parser = _Parser(prog="advkd", usage="advkd COMMAND …", formatter_class=_Overview)
    parser.description = "\n".join(_overview())
    parser.add_argument("--version", action="version", version=__version__, help="print the version")
    commands = parser.add_subparsers(dest="name", metavar="COMMAND", prog="advkd", help=argparse.SUPPRESS)
    for command in COMMANDS.values():
        subparser = commands.add_parser(
            command.name,
            description=_paragraph(f"{command.gives[0].upper()}{command.gives[1:]}.", command.more),
            epilog=f"Example:\n  {command.example}",
            formatter_class=_Formatter,
        )
        for argument in command.arguments:
            subparser.add_argument(*argument.flags, **argument.options)
        if command.passes_on:
            continue
        subparser.add_argument(
            "--config", nargs="+", action="extend", default=[], type=_setting, metavar="KEY=VALUE", help=CONFIG_HELP
        )
        subparser.add_argument("--log", type=Path, metavar="FILE", help="append the printed lines to this file too")
    return parser


def _overview() -> Iterator[str]:
    """Yield the lines of the help of all commands."""
    yield from [ABOUT, FIRST]
    width = max(map(len, COMMANDS)) + 2
    for group in GROUPS:
        yield from ["", f"[argparse.groups]{group.title}:[/] {group.about}"]
        indent = " " * (width + 2)
        for command in group.commands:
            gives = textwrap.fill(command.gives, WIDTH, initial_indent=indent, subsequent_indent=indent)
            yield f"  [argparse.args]{command.name:<{width}}[/]{gives.lstrip()}"


def _paragraph(*sentences: str) -> str:
    return textwrap.fill(" ".join(filter(None, sentences)), WIDTH)


def _setting(word: str) -> str:
    """Return a word of --config.

    Raises:
        argparse.ArgumentTypeError: it is not KEY=VALUE, such as a target that stands behind --config.
    """
    if "=" not in word[1:]:
        raise argparse.ArgumentTypeError(f"{word!r} is not KEY=VALUE; other words come before --config")
    return word


class _Overview(RawDescriptionRichHelpFormatter):
    """Shows commands and options in colour on a terminal."""

    group_name_formatter = str.capitalize


class _Formatter(_Overview):
    """Shows options in colour on a terminal; square brackets, as in runs=[…], are no markup."""

    text_markup = False
    help_markup = False


class _Parser(argparse.ArgumentParser):
    """A parser that raises `BadWords` where argparse prints the usage and ends the process."""

    def error(self, message: str) -> NoReturn:
        """Raise `BadWords`."""
        raise BadWords(self.prog, f"{message}; `{self.prog} --help` shows what it takes")
