"""A workflow starts the server of jobs where its jobs run here, and only there."""

from checkouts import snakemake

DRAWN = ["okd_table1", "aikd_table2", "gip_table6", "--until", "draw"]


def test_the_jobs_of_a_workflow_are_served(checkout, tmp_path, monkeypatch):
    client = checkout / "src/advkd/jobs/client.py"
    code = client.read_text()
    assert code.count("os.execvp(command[0], command)") == 2
    client.write_text(code.replace("os.execvp(command[0], command)", "sys.exit('a plain process')"))
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    done = snakemake(checkout, *DRAWN)
    assert "rule draw" in done.stderr and "a plain process" not in done.stderr
    assert list(folder.iterdir()) == [], "the server's folder is gone"


def test_a_dry_run_starts_no_server(checkout):
    launch = checkout / "src/advkd/jobs/launch.py"
    launch.write_text("def start(*_):\n    raise SystemExit('started')\n")
    assert "started" not in snakemake(checkout, *DRAWN, "-n").stderr


def test_snakemake_decides_what_to_start_when_a_job_ends_and_not_every_second(checkout):
    rule = 'rule wait:\n    output:\n        touch("{name}.waited"),\n    threads: 2\n    shell:\n        "sleep 1.3"\n'
    (checkout / "Snakefile").write_text((checkout / "Snakefile").read_text() + rule)
    done = snakemake(checkout, "a.waited", "b.waited", "c.waited", "--verbose")
    ready = [line for line in done.stderr.splitlines() if line.startswith("Ready jobs")]
    assert ready == [f"Ready jobs: {number}" for number in (3, 2, 1)]
