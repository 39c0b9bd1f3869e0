"""Runs one command: every error becomes printed lines and an exit status."""

# Only what `advkd --help` needs is imported here, and in the modules of the groups.
import argparse
import os
import stat
import sys
import traceback
from collections.abc import Callable

from advkd.cli.groups import COMMANDS
from advkd.cli.parser import BadWords, build_parser, parse
from advkd.errors import UserError, machine_fault


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return the exit status: 0, 1 for a fault, 2 for bad input, 130 for Ctrl-C."""
    if "_ARGCOMPLETE" in os.environ:  # a shell asks for completions
        complete()
    try:
        args = parse(sys.argv[1:] if arguments is None else arguments)
    except BadWords as error:
        return _report(error.called, error)
    if args is None:
        return 0
    title = f"advkd {args.name}"
    if status := _reporting(title, lambda: _check_outputs(args)):
        return status
    if not args.log:
        return _reporting(title, lambda: _run(args))
    from advkd.progress import logging_to

    with logging_to(args.log):
        return _reporting(title, lambda: _run(args))


def complete() -> None:
    """Answer the shell that asks how the words typed so far may go on, and end the process (docs/install.md)."""
    import argcomplete

    argcomplete.autocomplete(build_parser())


def _run(args: argparse.Namespace) -> int | None:
    command = COMMANDS[args.name]
    if command.needs == "nothing":
        return command.function(args)
    from advkd.settings import config, words

    user = config.user(words.read_words(args.config), anywhere=command.needs == "papers")
    return command.function(args, user)


def _check_outputs(args: argparse.Namespace) -> None:
    """Refuse a device, a pipe or a folder at the place of an output file, before anything is computed or written."""
    from advkd.errors import CannotWrite
    from advkd.files import check_output
    from advkd.opening import KINDS, other_than_file

    for argument in COMMANDS[args.name].arguments:
        place = vars(args)[argument.name]
        if not place or not argument.output:
            continue
        if argument.output == "file":
            check_output(place)
        elif place.exists() and not place.is_dir():
            kind = other_than_file(place) or "a file"
            raise CannotWrite(place, f"it is {kind}, not a folder: move it away, or name another place")
    if args.log and other_than_file(args.log) != KINDS[stat.S_IFCHR]:  # lines may be appended to /dev/null
        check_output(args.log)


def _reporting(title: str, work: Callable[[], int | None]) -> int:
    """Do a command's work and return its exit status; every error becomes printed lines and an exit status."""
    try:
        return work() or 0
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        return _report(title, error)


def _report(title: str, error: Exception) -> int:
    """Print an error's lines and return its exit status."""
    from advkd.extras import extra_of, lacking
    from advkd.progress import say

    if isinstance(error, ModuleNotFoundError) and (extra := extra_of(error)):
        say(f"{title} {lacking(extra)}")
        return 2
    if isinstance(error, UserError):
        say(f"{title}: {' '.join(str(error).splitlines())}")
        return 2
    if reason := machine_fault(error):
        say(f"{title}: {reason}")
        return 2
    say("".join(traceback.format_exception(error)))
    return 1
