"""The logger plugin: fed with Snakemake's records, and in workflows of a checkout."""

import logging
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from snakemake.logging import LoggerManager
from snakemake.settings.types import OutputSettings
from snakemake_interface_logger_plugins.common import LogEvent
from snakemake_interface_logger_plugins.registry import LoggerPluginRegistry

from advkd.channel import ADDRESS
from advkd.terminal.handler import LogHandler
from advkd.terminal.plan import ACTIVE, PRINTED, Plan, Step
from checkouts import environment

PLAN = Plan(["okd_table1"], "small", [], [Step("train", False), Step("table", False)], Path("x.log"))


@pytest.fixture
def begin(monkeypatch):
    """Return a function that makes a handler, which prints to the standard streams of that moment."""
    handlers = []
    monkeypatch.setenv(ACTIVE, "")  # so that it is restored
    monkeypatch.delenv(ACTIVE)

    def begin(**settings):
        handlers.append(LogHandler(OutputSettings(**settings), None))
        handlers[-1].setFormatter(logging.Formatter())
        return handlers[-1]

    yield begin
    for handler in handlers:
        handler.close()


def send(handler, message="", level=logging.INFO, **of):
    record = logging.LogRecord("snakemake.logging", level, "", 0, message, (), None)
    vars(record).update(of)
    handler.emit(record)


def start_job(handler, number, rule, wildcards, log):
    send(handler, event=LogEvent.JOB_INFO, jobid=number, rule_name=rule, wildcards=wildcards, log=[log], output=["x"])


def error(handler, message, kind):
    send(handler, message, logging.ERROR, event=LogEvent.ERROR, exception=kind)


def test_a_workflow_that_succeeds(begin, capsys):
    handler = begin()
    send(handler, "Building DAG of jobs...")
    send(handler, plan=PLAN)
    start_job(handler, 1, "train", {"run": "okd/codebrim/sagan/okd/seed0"}, "a.log")
    send(handler, event=LogEvent.JOB_FINISHED, job_id=1)
    start_job(handler, 2, "table", {"table": "okd_table1"}, "b.log")
    send(handler, event=LogEvent.JOB_FINISHED, job_id=2)
    send(handler, event=LogEvent.JOB_FINISHED, job_id=0)  # the target
    handler.close()
    handler.close()
    printed = capsys.readouterr()
    assert printed.err.splitlines() == [*PLAN.lines(), "  finished: okd_table1"]
    assert printed.out.startswith("2 jobs in ") and printed.out.count("Next:") == 1


def test_the_error_of_a_job_is_the_last_line(begin, capsys, tmp_path):
    handler = begin()
    log = tmp_path / "fetch.log"
    log.write_text("2026-01-01 00:00:00 advkd fetch: the mirror /x does not exist\n")
    send(handler, plan=PLAN)
    start_job(handler, 1, "fetch", {"dataset": "codebrim"}, str(log))
    error(handler, "RuleException:\nCalledProcessError in file x, line 3:\nCommand '…' failed", "RuleException")
    send(handler, "Error in rule fetch", logging.ERROR, event=LogEvent.JOB_ERROR, jobid=1)
    error(handler, "WorkflowError:\nAt least one job did not complete successfully.", "WorkflowError")
    handler.close()
    *_, before, last = capsys.readouterr().err.splitlines()
    assert last == f"fetching codebrim: advkd fetch: the mirror /x does not exist (log: {log})"
    assert before.startswith("1 job failed. 0 of 2 jobs are finished")


def test_an_interrupted_workflow_has_not_failed(begin, capsys):
    handler = begin()
    send(handler, plan=PLAN)
    start_job(handler, 1, "train", {"run": "okd/codebrim/sagan/okd/seed0"}, "a.log")
    send(handler, "Terminating processes on user request, this might take some time.")
    send(handler, "Error in rule train", logging.ERROR, event=LogEvent.JOB_ERROR, jobid=1)
    handler.close()
    *_, last = capsys.readouterr().err.splitlines()
    assert last.startswith("Stopped, as you asked. 0 of 2 jobs are finished and stay") and "failed" not in last


def test_an_error_before_there_is_a_plan_is_one_line(begin, capsys):
    handler = begin()
    send(handler, "Assuming unrestricted shared filesystem usage.")
    error(
        handler,
        'WorkflowError in file "x/common.smk", line 40:\nscale \'huge\' is unknown\n  File "y"',
        "WorkflowError",
    )
    handler.close()
    assert capsys.readouterr().err == "scale 'huge' is unknown\n"


def test_what_is_no_workflow_keeps_snakemake_s_answer(begin, capsys):
    handler = begin()
    send(handler, "Unlocked working directory.")
    handler.close()
    assert capsys.readouterr().err == "Unlocked working directory.\n"


def test_a_dry_run_keeps_snakemake_s_lines(begin, capsys):
    handler = begin(dryrun=True)
    send(handler, "This was a dry-run")
    handler.close()
    assert capsys.readouterr().out == "This was a dry-run\n" and ADDRESS not in os.environ


def test_a_reader_who_has_gone_stops_nothing():
    program = (
        "import sys, time\nfrom advkd.terminal.handler import console_of\n"
        "console = console_of(sys.stdout)\nsys.stdin.readline()\n"
        "for _ in range(3): console.print('line')\nprint('goes on', file=sys.stderr)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    process.stdout.close()
    process.stdin.write("\n")
    process.stdin.close()
    assert process.stderr.read().startswith("goes on\n")
    process.wait()


def test_snakemake_finds_the_plugin_and_prints_nothing_itself():
    settings = LoggerPluginRegistry().get_plugin("advkd").get_settings(SimpleNamespace())
    manager = LoggerManager(
        logging.getLogger("test-of-the-plugin"), OutputSettings(log_handler_settings={"advkd": settings})
    )
    try:
        assert [type(handler) for handler in manager.plugin_handlers] == [LogHandler]
        assert not any(isinstance(handler, logging.StreamHandler) for handler in manager.logger.handlers)
    finally:
        manager.stop()
        os.environ.pop(ACTIVE, None)


def make(checkout: Path, *words: str) -> subprocess.CompletedProcess:
    """Do what `make` does once the environment is there."""
    command = [sys.executable, "-m", "advkd.start", *words]
    return subprocess.run(command, cwd=checkout, env=environment(checkout), capture_output=True, text=True)


def test_make_shows_few_lines_and_the_jobs_print_into_the_log(checkout):
    done = make(checkout, "okd_table1", "aikd_table2", "gip_table6", "--until", "prepare")
    assert done.returncode == 0 and "Traceback" not in done.stderr, done.stderr
    lines = [*done.stderr.splitlines(), *done.stdout.splitlines()]
    assert len(lines) < 20 and "at scale smoke" in done.stderr and "preparations of data" in done.stderr
    (log,) = (checkout / ".snakemake/log").iterdir()
    assert str(log.relative_to(checkout)) in done.stderr and "localrule draw" in log.read_text()
    assert "preparations of data" in log.read_text(), "the plan stands there too"


def test_make_ends_with_the_error(checkout):
    done = make(checkout, "okd_table1", "--config", "scale=reduced", "mirror=/nowhere")
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.splitlines()[-1] == (
        "fetching codebrim: advkd fetch: the mirror /nowhere does not exist (log: logs/fetch/codebrim.log)"
    )
    assert "Traceback" not in done.stderr and len(done.stderr.splitlines()) < 10
    (log,) = (checkout / ".snakemake/log").iterdir()
    assert log.read_text().count("the mirror /nowhere does not exist") >= 2, "what the job printed, and its log"


def test_without_the_plugin_the_jobs_print_to_the_terminal(checkout):
    command = [sys.executable, "-m", "snakemake", "okd_table1", "--until", "fetch"]
    command += ["--config", "scale=reduced", "mirror=/nowhere"]
    done = subprocess.run(command, cwd=checkout, env=environment(checkout), capture_output=True, text=True)
    assert "\nadvkd fetch: the mirror /nowhere does not exist\n" in done.stderr and "Provided cores" in done.stderr
    assert PRINTED not in os.environ
