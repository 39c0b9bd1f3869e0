"""A job that is forked from the server of jobs is what a plain process is, and ends as one."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from small_server import lives, wait_until

DESCRIBE = """
import gc, json, locale, os, resource, signal, sys, threading, warnings
print(json.dumps({
    "argv": sys.argv, "orig_argv": sys.orig_argv, "path": sys.path, "name": __name__, "flags": str(sys.flags),
    "cwd": os.getcwd(), "umask": os.umask(0), "environment": dict(sorted(os.environ.items())),
    "descriptors": sorted(os.listdir("/proc/self/fd")), "threads": threading.active_count(),
    "signals": {int(number): str(signal.getsignal(number)) for number in range(1, 32)},
    "mask": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
    "limits": [resource.getrlimit(getattr(resource, name)) for name in dir(resource) if name.startswith("RLIMIT_")],
    "streams": [(s.encoding, s.errors, s.line_buffering, s.isatty()) for s in (sys.stdin, sys.stdout, sys.stderr)],
    "locale": locale.setlocale(locale.LC_ALL), "collector": [gc.isenabled(), gc.get_threshold()],
    "warnings": str(warnings.filters), "name in ps": open("/proc/self/comm").read(),
    "command": open("/proc/self/cmdline", errors="surrogateescape").read().rstrip("\\0"),
    "main": sorted(name for name in vars(sys.modules["__main__"]) if not name.startswith("__")),
}))
"""


def ignore_and_mask():
    os.umask(0o027)
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)


@pytest.mark.parametrize("prepare", [None, ignore_and_mask], ids=["as it is", "umask and ignored signal"])
def test_a_served_job_is_what_a_plain_process_is(jobs, prepare):
    elsewhere = jobs.folder / "in a folder with spaces"
    elsewhere.mkdir()
    options = {"preexec_fn": prepare, "cwd": elsewhere}
    options["env"] = {**jobs.environment, "TMPDIR": str(elsewhere), "PWD": str(elsewhere)}
    served, plain = [
        jobs.run(DESCRIBE, "a b", "\udcff", "", served=served, **options) for served in (True, False)
    ]  # fmt: skip
    assert served[2] == plain[2] == "" and served[0] == plain[0] == 0
    assert json.loads(served[1]) == json.loads(plain[1])
    assert jobs.run("import sys; print('advkd.settings.config' in sys.modules)")[1] == "True\n", "it is served"


@pytest.mark.parametrize(
    "code",
    [
        "import sys; print('out'); print('err', file=sys.stderr)",
        "import sys; print('out'); sys.exit(3)",
        "import sys; sys.exit('a message')",
        "import sys; sys.exit(256 + 7)",
        "import sys; sys.exit(None)",
        "import os; os._exit(9)",
        "import os; os.abort()",
        "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)",
        "import os, signal; os.kill(os.getpid(), signal.SIGINT)",
        "1 / 0",
        "import atexit; atexit.register(print, 'last'); print('first')",
        "import threading, time; threading.Thread(target=lambda: (time.sleep(0.2), print('thread'))).start()",
        "import sys; sys.stdout.write('no newline'); sys.stdout.buffer.write(b'\\xff'[:0]); print(sys.stdin.read())",
        "import sys; sys.stdout.close()",
        "import os; os.close(1)",
        "import subprocess; subprocess.run(['cat'], check=True)",
    ],
)
def test_a_served_job_prints_and_ends_as_a_plain_process_does(jobs, code):
    (jobs.folder / "in").write_text("what is read ✓")
    ends = []
    for served in (True, False):
        with (jobs.folder / "in").open() as given:
            ends.append(jobs.run(code, served=served, stdin=given))
    server = ("runpy", "advkd/jobs/server.py")  # in tracebacks
    without_server = [
        (
            status,
            out,
            [line for line in err.splitlines() if not line.startswith("    ") and not any(map(line.count, server))],
        )
        for status, out, err in ends
    ]
    assert without_server[0] == without_server[1]


def test_a_full_disk_behind_the_output_gives_python_s_exit_code(jobs):
    with Path("/dev/full").open("w") as full:
        assert jobs.run("print('x' * 10)", stdout=full)[0] == 120


def test_random_numbers_differ_between_jobs_and_temporary_files_go_where_the_job_says(jobs):
    code = "import random, numpy, tempfile; print(random.random(), numpy.random.rand(), tempfile.gettempdir())"
    first, second = (jobs.run(code)[1].split() for _ in range(2))
    assert first[0] != second[0] and first[1] != second[1]
    own = {**jobs.environment, "TMPDIR": str(jobs.folder)}
    assert jobs.run(code, env=own)[1].split()[2] == str(jobs.folder)


# The handler writes without Python's buffer, which a second signal may find in use.
HANDLE = """
import os, signal, sys, time
def handle(number, frame):
    os.write(1, b"%d\\n" % number)
    if number != signal.SIGUSR2: sys.exit(40 + number)
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGHUP, signal.SIGQUIT):
    signal.signal(number, handle)
print("ready", flush=True)
while True: time.sleep(60)
"""


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGUSR1", "SIGHUP", "SIGQUIT"])
def test_a_signal_to_the_client_reaches_the_job_once(jobs, name):
    job = jobs.start(HANDLE, preexec_fn=ignore_and_mask)
    assert job.stdout.readline() == "ready\n"
    job.send_signal(signal.SIGUSR2)
    assert job.stdout.readline() == f"{int(signal.SIGUSR2)}\n"
    number = getattr(signal, name)
    job.send_signal(number)
    assert job.communicate(timeout=60) == (f"{int(number)}\n", "") and job.returncode == 40 + number


def test_a_signal_is_kept_until_the_job_begins(jobs):
    """A client is told to end while the server still imports."""

    def blocks(process, number):
        blocked = re.search(r"SigBlk:\s*(\w+)", Path(f"/proc/{process}/status").read_text())
        return int(blocked[1], 16) & 1 << number - 1

    server = jobs.server
    os.kill(server, signal.SIGSTOP)
    job = jobs.start("import time; time.sleep(60)")
    wait_until(lambda: blocks(job.pid, signal.SIGTERM))
    job.terminate()
    os.kill(server, signal.SIGCONT)
    job.communicate(timeout=60)
    assert job.returncode == -signal.SIGTERM


def test_a_signal_without_a_handler_ends_job_and_client_as_it_ends_a_process(jobs):
    job = jobs.start("import os, time; print(os.getpid(), flush=True); time.sleep(60)")
    process = int(job.stdout.readline())
    job.terminate()
    job.communicate(timeout=60)
    assert job.returncode == -signal.SIGTERM and not lives(process)


def test_ctrl_z_stops_a_job_and_fg_continues_it(jobs):
    def state(process):
        return Path(f"/proc/{process}/stat").read_text().rpartition(") ")[2][0]

    job = jobs.start("import os, time; print(os.getpid(), flush=True); time.sleep(60)")
    process = int(job.stdout.readline())
    job.send_signal(signal.SIGTSTP)
    wait_until(lambda: state(process) == "T" and state(job.pid) == "T")
    job.send_signal(signal.SIGCONT)
    wait_until(lambda: state(process) == "S" and state(job.pid) == "S")
    job.kill()
    job.communicate(timeout=60)


def descriptors(process):
    return len(list(Path(f"/proc/{process}/fd").iterdir()))


def test_many_jobs_at_once_end_each_with_their_own_output_and_leave_no_descriptor(jobs):
    server = jobs.server
    before = descriptors(server)
    code = "import os, sys; n = int(sys.argv[2]); print(n, len(os.listdir('/proc/self/fd')), flush=True); sys.exit(n)"
    started = [jobs.start(code, str(number)) for number in range(30)]
    for number, job in enumerate(started):
        assert job.communicate(timeout=60)[0] == f"{number} 4\n" and job.returncode == number
    wait_until(lambda: descriptors(server) <= before)
    children = subprocess.run(["ps", "--ppid", str(server), "-o", "pid="], capture_output=True, text=True)
    assert children.stdout == "", "no zombie is left"


def test_a_command_that_is_no_module_of_this_python_is_run_plainly(jobs):
    from advkd.jobs import client

    command = [sys.executable, "-IS", client.__file__, jobs.address, "/bin/sh", "-c", "echo $PPID; exit 5"]
    done = subprocess.run(command, env=jobs.environment, cwd=jobs.folder, capture_output=True, text=True)
    assert done.stdout == f"{os.getpid()}\n" and done.returncode == 5
