"""Records what a command prints, as docs/terminal.svg: run it again where the command's words change.

    python docs/record.py [--shown "make table1"] make table1

In a fresh clone, so that everything has to be made. The picture asks for no font from the network.
"""

import argparse
import io
import re
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

COLUMNS = 140  # Table 1 of AI-KD takes as many where there is no terminal
OUT = Path(__file__).with_name("terminal.svg")
FONT = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)


def printed(command: list[str]) -> str:
    """Return what a command prints into a pipe, without the name of this folder; if it fails, end with that."""
    run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if run.returncode:
        sys.exit(run.stdout)
    return run.stdout.replace(f"{Path.cwd()}/", "")


def picture(shown: str, text: str) -> str:
    """Return an SVG picture of a command and what it printed."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO())
    console.print(Text(f"$ {shown}", style="bold"))
    console.print(Text("\n".join(line.rstrip() for line in text.splitlines())), soft_wrap=False)
    return FONT.sub("", console.export_svg(title=shown, unique_id="terminal"))


def main() -> None:
    """Run the command and write the picture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shown", help="the command as the picture shows it")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    arguments = parser.parse_args()
    OUT.write_text(
        picture(arguments.shown or " ".join(arguments.command), printed(arguments.command)), encoding="utf-8"
    )


if __name__ == "__main__":
    main()
