"""Processes share GPUs by file locks; the GPUs are faked by an `nvidia-smi` that lists them."""

import contextlib
import multiprocessing
import os
import subprocess
import sys
import tempfile

import pytest
import torch

from advkd.errors import UserError
from advkd.runs import gpus
from advkd.runs.device import select_device
from checkouts import ROOT, environment


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """Makes this a machine with so many GPUs, and nobody on them; returns their names."""
    for name in (gpus.VISIBLE, "SLURM_JOB_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(gpus, "_held", [])
    monkeypatch.setattr(gpus, "WAIT", 0.02)

    def with_gpus(count: int) -> list[str]:
        names = [f"GPU-{i}-1" for i in range(count)]
        program = tmp_path / "nvidia-smi"
        program.write_text(f"#!/bin/sh\nprintf '%s\\n' {' '.join(names)}\n")
        program.chmod(0o755)
        return names

    return with_gpus


class Holder:
    """A process that holds a GPU until it is killed."""

    def __init__(self, runs_per_gpu: int, variables: dict[str, str]) -> None:
        fork = multiprocessing.get_context("fork")
        self._pipe, pipe = fork.Pipe()
        self.process = fork.Process(target=self._hold, args=(pipe, runs_per_gpu, variables), daemon=True)
        self.process.start()

    def _hold(self, pipe, runs_per_gpu: int, variables: dict[str, str]) -> None:
        os.environ.update(variables)
        gpus.say = lambda line: pipe.send(f"said: {line}")
        gpus.hold(runs_per_gpu)
        pipe.send(os.environ.get(gpus.VISIBLE))
        pipe.recv()

    def tells(self, seconds: float = 20.0) -> str | None:
        """The GPU that CUDA shows it, or what it said; "nothing" after so long."""
        return self._pipe.recv() if self._pipe.poll(seconds) else "nothing"

    def kill(self) -> None:
        self.process.kill()
        self.process.join()


@pytest.fixture
def holder():
    """Starts holders, and kills them in the end."""
    with contextlib.ExitStack() as stack:

        def start(runs_per_gpu: int = 1, **variables: str) -> Holder:
            one = Holder(runs_per_gpu, variables)
            stack.callback(one.kill)
            return one

        yield start


def test_each_process_has_a_gpu_of_its_own(machine, holder):
    names = machine(8)
    holders = [holder() for _ in names]
    assert sorted(one.tells() for one in holders) == names


def test_a_killed_holder_frees_its_gpu_for_the_one_that_waits(machine, holder):
    machine(2)
    held = {one.tells(): one for one in (holder(), holder())}
    third = holder()
    assert third.tells() == "said: all GPUs here (2) are taken with runs_per_gpu=1; waiting for a free one"
    assert third.tells(0.3) == "nothing"
    name, second = held.popitem()
    second.kill()
    assert third.tells() == name


def test_second_places_are_taken_after_all_first_ones(machine, holder):
    names = machine(2)
    assert sorted([holder(2).tells(), holder(2).tells()]) == names
    assert sorted([holder(2).tells(), holder(2).tells()]) == names
    assert holder(2).tells() == "said: all GPUs here (2) are taken with runs_per_gpu=2; waiting for a free one"


def test_all_names_of_a_gpu_lead_to_one_lock(machine, holder):
    names = machine(3)
    assert holder(CUDA_VISIBLE_DEVICES="1, 2").tells() == names[1]
    assert holder(CUDA_VISIBLE_DEVICES=f"{names[1]},{names[2][:5]}").tells() == names[2]
    assert holder(CUDA_VISIBLE_DEVICES="2").tells().startswith("said: all GPUs here (1) are taken")
    assert holder().tells() == names[0]


def test_the_one_gpu_that_slurm_gave_is_kept_as_it_is(machine, holder):
    names = machine(2)
    for _ in range(2):  # where SLURM confines a job to its GPU, each job's is number 0
        assert holder(CUDA_VISIBLE_DEVICES="0", SLURM_JOB_ID="7").tells() == "0"
    two = {"CUDA_VISIBLE_DEVICES": "0,1", "SLURM_JOB_ID": "7"}
    assert [holder(**two).tells(), holder(**two).tells()] == names, "of two that it gave, one for each run"


@pytest.mark.parametrize("hidden", ["", "-1", "-1,0", "NoDevFiles", "nonsense,0", "7"])
def test_hidden_gpus_are_not_held(hidden, machine, holder):
    machine(1)
    assert holder(CUDA_VISIBLE_DEVICES=hidden).tells() == hidden
    assert not list(gpus.Path(tempfile.gettempdir()).glob("advkd-gpus-*"))


def test_without_nvidia_smi_there_is_nothing_to_choose(machine, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    gpus.hold(1)
    assert gpus.VISIBLE not in os.environ and not gpus._held
    monkeypatch.setenv(gpus.VISIBLE, "0,MIG-5,-1,2")
    assert gpus.visible() == ["0", "MIG-5"]


def test_a_gpu_out_of_order_does_not_hide_the_others(machine, tmp_path):
    machine(0)
    (tmp_path / "nvidia-smi").write_text("#!/bin/sh\necho GPU-1-1\necho No handle: GPU is lost\nexit 15\n")
    assert gpus.installed() == ["GPU-1-1"]
    (tmp_path / "nvidia-smi").write_text("#!/bin/sh\necho No devices were found\nexit 6\n")
    assert gpus.installed() == []


def test_several_gpus_that_nobody_lists_are_not_shared(machine, monkeypatch):
    machine(0)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(UserError, match="does not list the GPUs that torch finds: name one in CUDA_VISIBLE"):
        select_device("auto")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert select_device("auto").type == "cuda"


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")
def test_gpus_that_torch_does_not_find(machine, monkeypatch):
    machine(1)
    assert select_device("cpu").type == "cpu" and gpus.VISIBLE not in os.environ
    assert select_device("auto").type == "cpu"
    assert not gpus._held, "what computes on the CPU holds no GPU"
    monkeypatch.setenv(gpus.VISIBLE, "0")
    with pytest.raises(UserError, match="CUDA_VISIBLE_DEVICES is 0, but torch finds no CUDA device here: use --config"):
        select_device("auto")


def test_who_waits_has_imported_neither_torch_nor_pydantic(machine):
    machine(1)
    code = "from advkd.runs import gpus, train; gpus.hold(1); print({'torch', 'pydantic'} & {*sys.modules})"
    command = [sys.executable, "-c", f"import sys; {code}"]
    done = subprocess.run(command, env=environment(ROOT), capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "set()\n"), done.stderr


def test_locks_of_another_user_or_nowhere_are_one_line(machine, tmp_path, monkeypatch):
    machine(1)
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    with pytest.raises(UserError, match=r"advkd-gpus-12345.* is another user's: delete it, or set TMPDIR"):
        gpus.hold(1)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    with pytest.raises(UserError, match=r"cannot hold the locks of the GPUs \(No such file"):
        gpus.hold(1)
