import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from advkd import files, opening
from advkd.cli import main
from advkd.errors import UserError
from advkd.settings import config

BAD = [
    (["explain", "okd_table9"], "'okd_table9' is not a table or figure"),
    (["explain", "okd_tabel1"], "'okd_tabel1' is not a table or figure; did you mean okd_table1 or"),
    (["explain", "okd_table1", "StyleGAN"], "has no cell with 'StyleGAN'"),
    (["explain", "okd_table1", "OKD-SAGEN", "G2"], "'OKD-SAGEN G2'; did you mean OKD-SAGAN or"),
    (["plan", "tabel1"], "'tabel1' is not a target; did you mean table1 or"),
    (["config", "okd/codebrim/sagan/okd"], "is not the name of a run; did you mean okd/codebrim/sagan/okd/seed0?"),
    (["config", "aikdd/cifar10/x/y/seed0"], "is not the name of a run; did you mean aikd/cifar10/x/y/seed0?"),
    (["config", "okd/codebirm/sagan/okd/seed0"], "'codebirm' is no data set of this paper (codebrim); did you mean"),
    (
        ["config", "okd/codebrim/sagn/okd/seed0"],
        "'sagn' is not among the models of config/okd.yaml; did you mean sagan",
    ),
    (["config", "okd/codebrim/sagan/okdd/seed0"], "'okdd' is not among the methods of okd; did you mean okd?"),
    (["config", "okd/codebrim/sagan/okd+roh=0.3/seed0"], "unknown key 'roh'; did you mean rho?"),
    (["status", "--config", "scael=smoke"], "unknown key 'scael'; did you mean scale?"),
    (["status", "--config", "scale=smok"], "scale 'smok' is unknown; did you mean smoke?"),
    (["fetch", "codebirm", "--out", "x"], "no data set is called 'codebirm'; did you mean codebrim?"),
    (["config", "okd/codebrim/sagan"], "is not the name of a run"),
    (["config", "gip/cifar10/resnet50/gip/seed0"], "'resnet50' is not among the models"),
    (["status", "--config", "scale=huge"], "scale 'huge' is unknown"),
    (["status", "--config", "colour=red"], "unknown key 'colour'"),
    (["figure", "okd_table1", "--out", "x"], "cannot be drawn by this version"),
    (["fetch", "imagenet", "--out", "x"], "no data set is called 'imagenet'"),
    (["fetch", "codebrim", "--out", "x", "--config", "mirror=/nowhere"], "the mirror /nowhere does not exist"),
    (["fetch-inception", "--out", "x", "--config", "inception_weights=/nowhere"], "/nowhere does not exist: name the"),
]


@pytest.mark.parametrize(("words", "message"), BAD, ids=[" ".join(words) for words, _ in BAD])
def test_bad_input_is_one_line_and_status_2(words, message, capsys):
    assert main(words) == 2
    printed = capsys.readouterr().err
    assert printed.startswith(f"advkd {words[0]}: ") and message in printed and printed.count("\n") == 1


@pytest.mark.parametrize("value", ["[1, 2", "[" * 3000], ids=["open", "deep"])
def test_a_setting_that_is_no_yaml_is_refused(value, capsys):
    assert main(["status", "--config", f"seeds={value}"]) == 2
    assert "is no valid YAML: " in capsys.readouterr().err.splitlines()[-1]


def test_wrong_weights_are_refused_and_nothing_is_written(tmp_path, capsys):
    weights = tmp_path / "weights.pth"
    weights.write_bytes(b"not the network")
    out = tmp_path / "out/weights.pth"
    assert main(["fetch-inception", "--out", str(out), "--config", f"inception_weights={weights}"]) == 2
    assert "expected sha256:6726825d0af5f729" in capsys.readouterr().err
    assert not out.exists()


def test_config_prints_every_setting_with_its_source(capsys):
    assert main(["config", "okd/codebrim/sagan/okd+rho=0.3/seed0", "--config", "scale=paper"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("rho: 0.3 ") and line.endswith("# the run's name") for line in lines)
    assert any(line.startswith("iterations: 50000") and "config/okd.yaml models.sagan" in line for line in lines)


@pytest.mark.parametrize("run", ["aikd/cifar100/preact_resnet18/aikd/seed0", "gip/cifar10/resnet18/dafl/seed0"])
def test_config_prints_yaml_with_one_line_for_each_setting(capsys, run):
    assert main(["config", run]) == 0
    lines = capsys.readouterr().out.splitlines()
    resolved = config.resolve(run, config.user())
    assert yaml.safe_load("\n".join(lines)) == resolved.document()["settings"]
    sources = [line.split(" # ")[1] for line in lines[1:]]
    assert sources == [resolved.sources[key] for key in resolved.settings]


def test_questions_do_not_import_torch(monkeypatch, capsys):
    for name in [name for name in sys.modules if name.split(".")[0] == "torch"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torch", None)
    for words in (["status"], ["config", "okd/codebrim/sagan/okd/seed0"], ["explain", "okd_table1", "SAGAN"]):
        assert main(words) == 0
    assert capsys.readouterr().out


def test_claims_are_written_or_printed_and_the_audit_is_printed(tmp_path, capsys):
    out = tmp_path / "docs/claims.md"
    assert main(["claims", "--out", str(out), "--config", "scale=paper"]) == 0 and not capsys.readouterr().out
    assert main(["claims", "--config", "scale=paper"]) == 0
    assert capsys.readouterr().out == out.read_text(encoding="utf-8")
    assert main(["audit"]) == 0
    assert "the text states 1.43, but the tables give 1.80" in capsys.readouterr().out


def test_the_report_is_written_of_the_scale_that_is_asked_for(tmp_path, capsys):
    out = tmp_path / "report.html"
    assert main(["report", "--scale", "reduced", "--html", str(out)]) == 0
    assert "report at scale reduced" in capsys.readouterr().err and "</html>" in out.read_text(encoding="utf-8")
    assert main(["report", "--scale", "huge", "--html", str(out)]) == 2


def test_help_loads_none_of_the_packages_that_take_time():
    program = (
        "import sys\n"
        "from advkd.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "print(*sorted({name.split('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    slow = {"jinja2", "matplotlib", "numpy", "pandas", "pydantic", "scipy", "snakemake", "torch", "tqdm", "yaml"}
    assert "advkd" in done.stdout and not slow & set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize("kind", ["a pipe", "a folder", "a device"])
@pytest.mark.parametrize(
    "words",
    [["report", "--html"], ["report", "--pdf"], ["claims", "--out"], ["deviations", "--out"], ["audit", "--log"]],
    ids=" ".join,
)
def test_what_is_no_file_is_not_replaced_by_an_output(words, kind, tmp_path, monkeypatch, capsys):
    """Root could replace a device by a file. No test does it to a real one."""
    place = tmp_path / "place"
    if kind == "a folder":
        place.mkdir()
    else:
        os.mkfifo(place)
    if kind == "a device":
        monkeypatch.setitem(opening.KINDS, stat.S_IFIFO, kind)
        if "--log" in words:
            pytest.skip("lines may be appended to /dev/null")
    before = place.stat()
    assert main([*words, str(place)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    reason = f"it is {kind}, not a file: move it away, or name another place"
    assert said.err == f"advkd {words[0]}: {place} cannot be written: {reason}\n"
    assert os.path.samestat(before, place.stat()) and list(tmp_path.iterdir()) == [place]


@pytest.mark.parametrize("words", [["table", "aikd_table1", "--out"], ["keep", "--out"]], ids=" ".join)
def test_a_pipe_in_a_folder_s_place_is_refused(words, tmp_path, capsys):
    os.mkfifo(tmp_path / "place")
    assert main([*words, str(tmp_path / "place")]) == 2
    assert capsys.readouterr().err.endswith(
        "place cannot be written: it is a pipe, not a folder: move it away, or name another place\n"
    )


@pytest.mark.parametrize("words", [["table", "aikd_table1", "--out"], ["keep", "--out"]], ids=" ".join)
def test_a_place_that_cannot_be_looked_at_is_one_line(words, tmp_path, capsys):
    place = tmp_path / ("x" * 300)
    assert main([*words, str(place)]) == 2
    assert capsys.readouterr().err == f"advkd {words[0]}: {place}: File name too long\n"


def test_nothing_in_dev_is_an_output():
    """/dev/stdout is a link, and may lead to a file."""
    with pytest.raises(UserError, match=r"/dev/advkd-test cannot be written: it is a device"):
        files.check_output(Path("/dev/advkd-test"))
