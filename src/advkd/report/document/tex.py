"""Run latexmk, and report its first error in one line."""

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
    """Set the document `main`, write the PDF to `out`, and return its number of pages.

    Equal parts give an equal PDF, since it holds no time.

    Args:
        main: the document.
        parts: the folder of the parts that it includes; TeX's own files stay there too.
        out: the PDF.

    Raises:
        UserError: TeX is missing, stops at an error, or takes longer than TIMEOUT.
    """
    if missing := [program for program in PROGRAMS if not shutil.which(program)]:
        raise UserError(f"no {', no '.join(missing)}, so no {out}: apt-get install {PACKAGES} (or TeX Live)")
    command = [
        "latexmk", "-norc", "-pdf", "-interaction=nonstopmode", "-halt-on-error", "-file-line-error",
        f"-outdir={parts}", f"-usepretex=\\def\\parts{{{parts}}}", str(main),
    ]  # fmt: skip
    log_text = latexmk(command, main, parts)
    # latexmk detects changes by the files' times, which may be equal for two quick passes: it may stop too early.
    for _ in range(PASSES):
        before = references(main, parts)
        log_text = latexmk([*command, "-g"], main, parts)
        if references(main, parts) == before:
            break
    with atomic(out) as temporary:
        shutil.copyfile(parts / f"{main.stem}.pdf", temporary)
    pages = re.search(r"Output written on .*\((\d+) pages?", log_text)
    return int(pages[1]) if pages else 0


def references(main: Path, parts: Path) -> list[bytes]:
    """Return the files that a pass leaves for the next one: page numbers, widths of tables, contents, bookmarks."""
    files = [parts / f"{main.stem}{suffix}" for suffix in (".aux", ".toc", ".out")]
    return [path.read_bytes() if path.exists() else b"" for path in files]


def latexmk(command: list[str], main: Path, parts: Path) -> str:
    """Run latexmk and return TeX's log; raises UserError with its first error."""
    # By default TeX breaks the lines of its log after 79 characters, even within a file's name.
    settings = os.environ | {"max_print_line": "1000", "openout_any": "p"}
    log = parts / f"{main.stem}.log"
    # In a session of its own, latexmk can be killed together with its children.
    program = subprocess.Popen(command, env=settings, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               stdin=subprocess.DEVNULL, start_new_session=True)  # fmt: skip
    try:
        failed = program.wait(TIMEOUT)
    except subprocess.TimeoutExpired:
        raise UserError(f"{main}: latexmk took longer than {TIMEOUT} s; see {log}") from None
    finally:
        if program.returncode is None:
            os.killpg(program.pid, signal.SIGKILL)
            program.wait()
    log_text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
    if failed:
        first_error = re.search(r"^(?:\S+:\d+|!).*", log_text, re.MULTILINE)
        raise UserError(f"{main}: {first_error[0] if first_error else 'latexmk failed'}; see {log}")
    return log_text
