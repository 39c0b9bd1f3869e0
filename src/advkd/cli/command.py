"""What a command is, and the groups that commands stand in."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

Function: TypeAlias = Callable[..., int | None]  # of the parsed arguments, and of the user's settings if it needs them
Needs: TypeAlias = Literal["project", "papers", "nothing"]

RUN_NAME = "a run's name, such as okd/codebrim/sagan/okd/seed0"


@dataclass(frozen=True)
class Argument:
    """An argument of a command.

    Attributes:
        flags: its name, or its options such as --out.
        options: what argparse's `add_argument` takes.
        output: what the command writes there; None: it writes nothing there.
    """

    flags: tuple[str, ...]
    options: dict[str, Any]
    output: Literal["file", "folder"] | None = None

    @property
    def name(self) -> str:
        """The attribute of the parsed arguments that holds the value."""
        return self.flags[0].lstrip("-").replace("-", "_")


def argument(*flags: str, help: str, **options: Any) -> Argument:
    """Return an argument, which argparse's `add_argument` describes."""
    return Argument(flags, {"help": help, **options})


def output_file(flag: str, help: str, required: bool = False) -> Argument:
    """Return an option that names a file to write."""
    return Argument((flag,), {"help": help, "required": required, "type": Path, "metavar": "FILE"}, "file")


def output_folder(flag: str, help: str, required: bool = True) -> Argument:
    """Return an option that names a folder to write."""
    return Argument((flag,), {"help": help, "required": required, "type": Path, "metavar": "FOLDER"}, "folder")


@dataclass(frozen=True)
class Command:
    """A command.

    Attributes:
        name: the word behind `advkd`.
        gives: what one gets, in a line that starts with a small letter.
        more: what else a person needs to know, in sentences.
        example: a whole command line.
        arguments: its own arguments, without --config and --log.
        function: does the work.
        needs: what it reads beside its arguments. "project": the results and the config/config.yaml of the working
            folder. "papers": what came with the package, so it can be started anywhere; a config/config.yaml of the
            working folder counts too. "nothing": no settings.
        passes_on: whether its words are for another program, as they stand.
    """

    name: str
    gives: str
    more: str
    example: str
    arguments: Sequence[Argument]
    function: Function
    needs: Needs
    passes_on: bool


@dataclass(frozen=True)
class Group:
    """Commands that help shows together.

    Attributes:
        title: the heading.
        about: who needs these commands, in one sentence.
        commands: the commands, in the order of help.
    """

    title: str
    about: str
    commands: list[Command] = field(default_factory=list)

    def command(
        self,
        name: str,
        gives: str,
        more: str = "",
        *,
        example: str,
        arguments: Sequence[Argument] = (),
        needs: Needs = "project",
        passes_on: bool = False,
    ) -> Callable[[Function], Function]:
        """Return a decorator that adds a function as a command; `Command` describes the arguments."""

        def add(function: Function) -> Function:
            self.commands.append(Command(name, gives, more, example, arguments, function, needs, passes_on))
            return function

        return add
