"""Only downloads open a connection: no import does, and no command that answers questions."""

import subprocess
import sys
import textwrap

import pytest

from checkouts import copy_checkout, environment

# An audit hook sees every socket of a process, whoever opens it, and cannot be removed.
GUARD = """
import os, sys
EVENTS = {"connect", "getaddrinfo", "gethostbyname", "gethostbyaddr", "sendto", "sendmsg"}
def guard(event, arguments):
    if event.startswith("socket.") and event[7:] in EVENTS:
        os.write(2, f"CONNECTION {event} {arguments[1:]}\\n".encode())
        os._exit(97)
sys.addaudithook(guard)
"""
IMPORTS = """
import importlib, pkgutil, advkd
names = [module.name for module in pkgutil.walk_packages(advkd.__path__, "advkd.")]
assert len(names) > 100
for name in names:
    if not name.endswith("__main__"):
        importlib.import_module(name)
"""
COMMANDS = """
from advkd.cli import main
for words in {words}:
    try:
        assert main(words.split()) in (0, 1), words  # 1: doctor, on a machine that lacks something
    except SystemExit as end:  # argparse
        assert not end.code, words
print("all ended")
"""
COMMAND_LINES = [
    "--help", "--version", "train --help", "status", "status --all", "doctor", "plan table1", "plan all", "claims",
    "audit", "deviations --out deviations.md", "explain okd_table1 OKD-SAGAN G2", "explain R1",
    "report --html page.html", "config okd/codebrim/sagan/okd/seed0", "draw mit67 --size 2 --out drawn.json",
]  # fmt: skip


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    return copy_checkout(tmp_path_factory.mktemp("quiet") / "checkout")


def guarded(checkout, code):
    """Run a program that ends at its first connection."""
    code = GUARD + textwrap.dedent(code)
    return subprocess.run(
        [sys.executable, "-c", code], cwd=checkout, env=environment(checkout), capture_output=True, text=True
    )


CONNECTING = [
    "import urllib.request as r; r.urlopen('http://127.0.0.1:9')",
    "import socket; socket.getfqdn('x.invalid')",
    "import requests; requests.get('http://127.0.0.1:9')",
]


@pytest.mark.parametrize("code", CONNECTING)
def test_the_guard_detects_a_connection(checkout, code):
    done = guarded(checkout, code)
    assert done.returncode == 97 and "CONNECTION socket." in done.stderr


def test_no_module_connects_when_it_is_imported(checkout):
    done = guarded(checkout, IMPORTS)
    assert done.returncode == 0, done.stderr


def test_no_command_that_answers_a_question_connects(checkout):
    done = guarded(checkout, COMMANDS.format(words=COMMAND_LINES))
    assert done.returncode == 0 and done.stdout.endswith("all ended\n"), done.stderr


def test_a_workflow_that_draws_its_data_is_planned_without_a_connection(checkout):
    code = """
    import sys
    from snakemake.cli import main
    sys.argv = ["snakemake", "-n", "table1"]
    main(sys.argv[1:])
    """
    done = guarded(checkout, code)
    assert done.returncode == 0 and "train" in done.stdout, done.stderr


def test_nothing_is_downloaded_if_a_mirror_is_given(checkout):
    (checkout / "mirror").mkdir()
    code = """
    from advkd.cli import main
    assert main("fetch codebrim --out x.json --config mirror=mirror".split()) == 2
    """
    done = guarded(checkout, code)
    assert done.returncode == 0 and "holds neither the archive" in done.stderr, done.stderr
