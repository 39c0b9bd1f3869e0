"""A real SLURM makes the same table as this machine, in spite of a cancelled job, a power cut and a time limit.

The cluster is one node on this machine with its own folder (up.sh). It needs Debian's packages slurm-wlm and munge.
"""

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import pytest

from advkd.files import read_json
from checkouts import copy_checkout, environment, snakemake

HERE = Path(__file__).parent
PATH = f"{os.environ['PATH']}:/usr/sbin"
LINK = Path("/etc/slurm/slurm.conf")


def missing() -> str:
    """Return why no cluster can be started on this machine, or an empty text."""
    programs = [name for name in ("slurmctld", "slurmd", "munged") if not shutil.which(name, path=PATH)]
    if programs:
        return f"no {', '.join(programs)} on this machine: apt-get install slurm-wlm munge, as .ci/run does"
    if not importlib.util.find_spec("snakemake_executor_plugin_slurm"):
        return "snakemake-executor-plugin-slurm is not installed: the extra `slurm`"
    if not os.access("/etc/slurm", os.W_OK) or (LINK.exists() and not abandoned()):
        return "/etc/slurm is not ours: this machine may belong to a cluster"
    return ""


def abandoned() -> bool:
    """Return whether the cluster of this machine was left by a killed test."""
    owner = LINK.resolve().with_name("owner.pid")
    return owner.exists() and not psutil.pid_exists(int(owner.read_text()))


# .ci/run installs what a cluster needs, so these tests must not be skipped there.
pytestmark = pytest.mark.skipif(bool(missing()) and "CI" not in os.environ, reason=missing())

TABLE, RUN = "gip_table3", "gip/cifar10/wrn28_10/baseline/seed0"  # RUN is its longest training; two others wait for it
SETTINGS = ["--config", "scale=longer", "device=cpu", "checkpoint_seconds=0.3"]
QUICK = [  # short waits, and the options for a cluster without slurmdbd
    *("--slurm-status-command", "squeue", "--slurm-no-account", "--latency-wait", "10"),
    *("--slurm-init-seconds-before-status-checks", "2", "--seconds-between-status-checks", "2"),
]  # fmt: skip


class Cluster:
    """A SLURM of one node."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {"SLURM_CONF": str(folder / "slurm.conf"), "PATH": PATH}

    def up(self) -> None:
        subprocess.run([HERE / "up.sh", self.folder], check=True)

    def down(self) -> None:
        subprocess.run([HERE / "down.sh", self.folder], check=True)

    def ask(self, *words: str) -> str:
        """Return what a SLURM command prints."""
        done = subprocess.run(words, env=os.environ | self.environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def job(self, run: str) -> tuple[str, str] | None:
        """Return the number and state of a training's newest job."""
        lines = [line.split() for line in self.ask("squeue", "-h", "-t", "all", "-o", "%A %T %k").splitlines()]
        jobs = [(number, state) for number, state, comment in lines if comment.endswith(run.replace("/", "_"))]
        return max(jobs, key=lambda job: int(job[0])) if jobs else None

    def lose_power(self) -> None:
        """Kill the node's daemon and all its processes, and tell SLURM, which would take minutes to notice."""
        slurmd = psutil.Process(int((self.folder / "slurmd.pid").read_text()))
        steps = [process for process in psutil.process_iter() if process.name() == "slurmstepd" and self.owns(process)]
        doomed = [slurmd, *steps, *(child for step in steps for child in step.children(recursive=True))]
        for process in doomed:
            process.kill()
        psutil.wait_procs(doomed, timeout=10)
        self.ask("scontrol", "update", "NodeName=ALL", "State=DOWN", "Reason=power")

    def owns(self, process: psutil.Process) -> bool:
        words = f"SLURM_CONF={self.environment['SLURM_CONF']}".encode()
        return words in Path(f"/proc/{process.pid}/environ").read_bytes().split(b"\0")  # psutil stops at its title


@pytest.fixture
def cluster():
    if LINK.exists():
        Cluster(LINK.resolve().parent).down()
    folder = Path(tempfile.mkdtemp(prefix="slurm"))  # pytest's folders are too long for the path of a socket
    (folder / "owner.pid").write_text(str(os.getpid()))
    cluster = Cluster(folder)
    try:
        cluster.up()
        yield cluster
    finally:
        cluster.down()
        shutil.rmtree(folder)


def longer(folder: Path) -> Path:
    """Copy the checkout to `folder`; add a scale whose longest training lasts long enough to be stopped repeatedly."""
    scales = copy_checkout(folder) / "config/scales"
    smoke = (scales / "smoke.yaml").read_text()
    changed = smoke.replace("wrn28_10:\n    set:", "wrn28_10:\n    multiply: {epochs: 5}\n    set:")
    assert changed != smoke
    (scales / "longer.yaml").write_text(changed)
    return folder


def test_a_cancelled_job_a_power_cut_and_a_time_limit_leave_the_same_table(cluster, tmp_path):
    local, remote = longer(tmp_path / "local"), longer(tmp_path / "remote")
    run, log = remote / "results/longer/runs" / RUN, tmp_path / "snakemake.txt"
    command = [sys.executable, "-m", "snakemake", "--workflow-profile", "profiles/slurm", TABLE, *SETTINGS, *QUICK]
    with log.open("w") as out:
        driver = subprocess.Popen(command, cwd=remote, env=environment(remote), stdout=out, stderr=out)

    def wait_for(condition, seconds=150):
        deadline = time.monotonic() + seconds
        while not (result := condition()):
            assert driver.poll() is None and time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        return result

    def begun(number: int) -> bool:
        """Return whether the training has started `number` times and written a checkpoint since."""
        log_file, newest = run / "log.txt", run / "checkpoint.pt"
        if not newest.exists() or log_file.read_text().count("thread(s)") < number:
            return False
        return newest.stat().st_mtime > log_file.stat().st_mtime

    try:
        wait_for(lambda: begun(1))
        cancelled, _ = cluster.job(RUN)
        cluster.ask("scancel", cancelled)
        wait_for(lambda: begun(2))
        lost, _ = cluster.job(RUN)
        assert lost != cancelled, "Snakemake submits a cancelled job again as a new one"
        cluster.lose_power()
        wait_for(lambda: cluster.job(RUN) == (lost, "PENDING"))
        cluster.up()
        for job in cluster.ask("squeue", "-h", "-t", "pending", "-o", "%A").split():
            # otherwise SLURM waits for two minutes
            cluster.ask("scontrol", "update", f"JobId={job}", "StartTime=now+5")
        wait_for(lambda: begun(3))
        cluster.ask("scancel", "--signal=USR1", lost)  # the profile's --signal=USR1@120 sends it before a limit
        assert driver.wait(timeout=480) == 0, log.read_text()
    finally:
        driver.kill()
        driver.wait()
    attempts = read_json(run / "provenance.json")["attempts"]
    steps = [attempt["from_step"] for attempt in attempts]
    assert len(steps) == 4 and 0 == steps[0] < steps[1] < steps[2] < steps[3]
    lines = (run / "log.txt").read_text()
    assert lines.count("stopped on request") == 2, "scancel and a time limit leave time to write a checkpoint"

    snakemake(local, TABLE, *SETTINGS)
    for name in (f"results/longer/tables/{TABLE}.csv", f"results/longer/runs/{RUN}/model.safetensors"):
        assert (remote / name).read_bytes() == (local / name).read_bytes()
