"""All groups of commands, in the order of help."""

from advkd.cli.ask import ASK
from advkd.cli.command import Command
from advkd.cli.make import MAKE
from advkd.cli.steps import STEPS
from advkd.cli.use import USE
from advkd.cli.work import WORK

GROUPS = [WORK, ASK, MAKE, USE, STEPS]
COMMANDS: dict[str, Command] = {command.name: command for group in GROUPS for command in group.commands}
