"""latexmk, and what it says when it cannot."""

import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

from advkd.errors import UserError
from advkd.files import atomic

PROGRAMS = ("latexmk", "pdflatex")
PACKAGES = "latexmk texlive-latex-recommended lmodern"  # Debian's names
TIMEOUT = 300  # seconds
PASSES = 4


def typeset(main: Path, parts: Path, out: Path) -> int:
    """Set `main` with the parts in the folder `parts`, where TeX's own files stay too; returns the number of pages.

    Equal parts give an equal PDF: no time stands in it.

    Raises:
        UserError: TeX is missing, stops at an error, or takes longer than TIMEOUT.
    """
    if missing := [program for program in PROGRAMS if not shutil.which(program)]:
        raise UserError(f"no {', no '.join(missing)}, so no {out}: apt-get install {PACKAGES} (or TeX Live)")
    words = [
        "latexmk", "-norc", "-pdf", "-interaction=nonstopmode", "-halt-on-error", "-file-line-error",
        f"-outdir={parts}", f"-usepretex=\\def\\parts{{{parts}}}", str(main),
    ]  # fmt: skip
    said = latexmk(words, main, parts)
    # latexmk sees what changed by files' times, which two quick passes share: it may stop before references settle.
    for _ in range(PASSES):
        before = references(main, parts)
        said = latexmk([*words, "-g"], main, parts)
        if references(main, parts) == before:
            break
    with atomic(out) as temporary:
        shutil.copyfile(parts / f"{main.stem}.pdf", temporary)
    return int(re.search(r"Output written on .*\((\d+) pages?", said)[1])


def references(main: Path, parts: Path) -> list[bytes]:
    """Return what a pass leaves for the next one: page numbers, widths of tables, contents, bookmarks."""
    files = [parts / f"{main.stem}{suffix}" for suffix in (".aux", ".toc", ".out")]
    return [path.read_bytes() if path.exists() else b"" for path in files]


def latexmk(words: list[str], main: Path, parts: Path) -> str:
    """Run latexmk and return TeX's log; raises UserError with its first error."""
    # TeX breaks its log's lines at 79 letters, through the middle of a file's name, unless told otherwise.
    settings = os.environ | {"max_print_line": "1000", "openout_any": "p"}
    log = parts / f"{main.stem}.log"
    # A session of its own, so that latexmk's children end with it.
    program = subprocess.Popen(words, env=settings, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               stdin=subprocess.DEVNULL, start_new_session=True)  # fmt: skip
    try:
        failed = program.wait(TIMEOUT)
    except subprocess.TimeoutExpired:
        raise UserError(f"{main}: latexmk took longer than {TIMEOUT} s; see {log}") from None
    finally:
        if program.returncode is None:
            os.killpg(program.pid, signal.SIGKILL)
            program.wait()
    said = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
    if failed:
        wrong = re.search(r"^(?:\S+:\d+|!).*", said, re.MULTILINE)
        raise UserError(f"{main}: {wrong[0] if wrong else 'latexmk failed'}; see {log}")
    return said
