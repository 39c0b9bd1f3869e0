"""What ends when a client, the server or Snakemake is killed, and when a job is a plain process."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from small_server import lives, wait_until

from advkd.jobs import launch, preloaded
from advkd.runs import workflow_jobs

IS_SERVED = "import sys; print('advkd.settings.config' in sys.modules)"
# A job that starts a process, tells both, and waits. A second start of it ends at once.
WAIT = """
import os, subprocess, sys, time
from pathlib import Path
again = Path("begun").exists()
Path("begun").touch()
if again: sys.exit("begun again")
helper = subprocess.Popen(["sleep", "60"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
print(os.getpid(), helper.pid, flush=True)
time.sleep(60)
"""


def started(jobs):
    job = jobs.start(WAIT)
    process, helper = map(int, job.stdout.readline().split())
    return job, process, helper


def test_a_killed_client_takes_its_job_along_and_what_that_started(jobs):
    job, process, helper = started(jobs)
    job.kill()
    job.wait()
    wait_until(lambda: not lives(process) and not lives(helper))
    assert jobs.run(IS_SERVED)[:2] == (0, "True\n"), "the server goes on"


def test_with_snakemake_all_jobs_end_and_none_begins_again(jobs):
    folder = Path(jobs.address).parent
    assert folder.stat().st_mode & 0o777 == 0o700
    (job, process, helper), server = started(jobs), jobs.server
    jobs.snakemake.kill()
    jobs.snakemake.wait()
    job.communicate(timeout=60)
    assert job.returncode == -signal.SIGKILL
    wait_until(lambda: not lives(process) and not lives(helper) and not lives(server) and not folder.exists())


def test_with_the_server_its_jobs_end_and_begin_again_as_plain_processes(jobs):
    (job, process, helper), server = started(jobs), jobs.server
    os.kill(server, signal.SIGKILL)
    assert job.communicate(timeout=60)[1] == "begun again\n" and job.returncode == 1
    wait_until(lambda: not lives(process))
    os.kill(helper, signal.SIGKILL)
    assert jobs.run(IS_SERVED)[:2] == (0, "False\n")


def test_a_job_that_was_asked_to_end_does_not_begin_again_if_the_server_dies(jobs):
    server = jobs.server
    # The handler writes without Python's buffer, which the signal may find in use by `print`.
    code = (
        "import os, signal, time; signal.signal(signal.SIGTERM, lambda *_: os.write(1, b'asked\\n'));"
        "print('ready', flush=True); [time.sleep(0.1) for _ in range(600)]"
    )
    job = jobs.start(code)
    assert job.stdout.readline() == "ready\n"
    job.terminate()
    assert job.stdout.readline() == "asked\n"
    os.kill(server, signal.SIGKILL)
    job.communicate(timeout=60)
    assert job.returncode == -signal.SIGTERM


def test_the_server_outlives_the_signals_of_a_scheduler(jobs):
    server = jobs.server
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGQUIT):
        os.kill(server, number)
    assert jobs.run(IS_SERVED)[:2] == (0, "True\n")


@pytest.mark.parametrize(
    "variable", ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "PYTHONHASHSEED", "LC_ALL", "MPLCONFIGDIR"]
)
def test_a_job_of_another_environment_is_a_plain_process(jobs, variable):
    other = {**jobs.environment, variable: "4"}
    code = f"{IS_SERVED}; import os; print(os.environ['{variable}'])"
    assert jobs.run(code, env=other)[:2] == (0, "False\n4\n")


def test_a_job_after_a_change_of_the_code_is_a_plain_process(jobs, tmp_path):
    module = Path(jobs.folder).parent / "src" / "piece.py"
    assert jobs.run(IS_SERVED)[1] == "True\n", "the server has not loaded the job's own module"
    module.write_text("print('new code')\n")
    assert jobs.run(IS_SERVED)[1] == "new code\n"


def test_the_server_refuses_once_a_file_that_it_has_loaded_changes(tmp_path):
    from advkd.jobs.server import Request, stamp, suits

    file = tmp_path / "module.py"
    file.write_text("x = 1\n")
    stamps = {str(file): stamp(str(file))}
    request = Request([os.fsencode(sys.executable), b"-m", b"advkd"], {}, 0, [], [])
    threads = len(list(Path("/proc/self/task").iterdir()))
    assert suits(request, {}, stamps) == (threads == 1)
    for change in (lambda: file.write_text("x = 2\n"), file.unlink, lambda: file.write_text("x = 1\n")):
        change()
        assert not suits(request, {}, stamps)


def test_without_a_server_a_job_is_a_plain_process(jobs):
    jobs.address = str(jobs.folder / "nothing")
    assert jobs.run(IS_SERVED)[:2] == (0, "False\n")


def test_a_closed_stream_makes_a_plain_process(jobs):
    code = f"{IS_SERVED}; print(sys.stdin)"
    assert jobs.run(code, preexec_fn=lambda: os.close(0))[:2] == (0, "False\nNone\n")


def test_few_jobs_have_no_server(tmp_path, monkeypatch):
    monkeypatch.setattr(launch.tempfile, "mkdtemp", lambda **_: pytest.fail("it starts one"))
    assert not launch.start(["train"] * (launch.FEW - 1), [], tmp_path)


@pytest.mark.parametrize("folder", ["missing", "x" * 100])
def test_where_no_socket_can_be_made_there_is_no_server(tmp_path, monkeypatch, folder):
    if folder != "missing":
        (tmp_path / folder).mkdir()
    monkeypatch.setattr(launch.tempfile, "tempdir", str(tmp_path / folder))
    assert not launch.start(["train"] * 9, [], tmp_path)
    assert launch.ADDRESS not in os.environ and not list((tmp_path).rglob("advkd-jobs-*"))


def test_the_preloaded_modules_exist():
    import importlib.util

    names = preloaded.modules(preloaded.MODULES)
    assert [name for name in names if not importlib.util.find_spec(name)] == []
    assert {"advkd.methods.okd", "advkd.models.preact_resnet", "advkd.training.gan"} <= set(names)


ENDED_AND_ASKED = """
import os, selectors, signal, socket
from advkd.jobs.server import Server

class Ends(Exception):
    pass

life, _held = os.pipe()
listener, _nobody = socket.socketpair()
server = Server(listener, life, lambda request: True)
child = os.fork()
if not child:
    os._exit(3)
os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
client, other = socket.socketpair()
server.clients[child] = client
server.selector.register(client, selectors.EVENT_READ, lambda: server.hear(child))
other.sendall(bytes([signal.SIGTERM]))
both = sorted(server.selector.select(), key=lambda event: event[0].fileobj is client)
assert len(both) == 2
batches = iter([both])

def select():
    for batch in batches:
        return batch
    raise Ends

server.selector.select = select
try:
    server.serve()
except Ends:
    print(int.from_bytes(other.recv(4), "little"), server.clients)
"""


def test_the_server_outlives_a_message_about_a_job_whose_end_came_with_it():
    done = subprocess.run([sys.executable, "-c", ENDED_AND_ASKED], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "3 {}\n", "")


def test_what_a_plan_asks_for_is_no_server():
    """Both are named in the environment, so a dry run that a served job starts must not mistake one for the other."""
    assert launch.ADDRESS != workflow_jobs.FILE
