"""Wrong files of published numbers: each gives one line that names the file, the row and what is allowed."""

import csv
import io
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from advkd import cli
from advkd.artifacts import table_captions, table_cells
from advkd.errors import UserError
from advkd.metrics import classification, gan
from advkd.report import status
from advkd.settings import config
from advkd.settings.published_cells import COLUMNS, read_cells
from advkd.settings.published_metrics import find_metric

CHECKOUT = Path(__file__).parents[2]
PUBLISHED = CHECKOUT / "paper" / "published"


def write(folder: Path, name: str = "aikd_table4", line: int = 2, **changes: str) -> Path:
    """Copy a table, with fields of one line changed."""
    with (PUBLISHED / f"{name}.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    rows[line - 2].update(changes)
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    path = folder / f"{name}.csv"
    path.write_text(text.getvalue(), encoding="utf-8")
    return path


WRONG = {
    "mean nan": ({"mean": "nan"}, "mean is 'nan'; allowed: a decimal number"),
    "mean inf": ({"mean": "inf"}, "mean is 'inf'"),
    "mean word": ({"mean": "abc"}, "mean is 'abc'"),
    "mean comma": ({"mean": "19,87"}, "mean is '19,87'"),
    "mean exponent": ({"mean": "1e999"}, "mean is '1e999'"),
    "mean Arabic": ({"mean": "١٩.٨٧"}, "mean is "),
    "mean negative": ({"mean": "-5.00"}, "mean is '-5.00'; allowed for top1_error: a number from 0 to 100"),
    "mean 198.70": ({"mean": "198.70"}, "a number from 0 to 100"),
    "mean digits": ({"mean": "19.9"}, "mean is '19.9', but decimals is 2"),
    "std nan": ({"std": "nan"}, "std is 'nan'"),
    "std negative": ({"std": "-1.00"}, "std is '-1.00'; allowed: a number from 0"),
    "std alone": ({"mean": ""}, "without a mean"),
    "mark": ({"mark": "bolder"}, "mark is 'bolder'; allowed: nothing, bold, underline"),
    "decimals word": ({"decimals": "x"}, "decimals is 'x'; allowed: 0 to 9"),
    "decimals 2.0": ({"decimals": "2.0"}, "decimals is '2.0'"),
    "decimals negative": ({"decimals": "-1"}, "decimals is '-1'"),
    "decimals none": ({"decimals": ""}, "decimals is empty"),
    "n": ({"n": "three"}, "n is 'three'"),
    "n 0": ({"n": "0"}, "n is '0'"),
    "metric unknown": ({"metric": "top2_error"}, "metric is 'top2_error', which nobody computes"),
    "metric none": ({"metric": ""}, "metric is '', which nobody computes"),
    "metric drawn": ({"metric": "reliability"}, "metric is 'reliability', which nobody computes"),
    "metric other way": ({"metric": "accuracy"}, "better is 'lower'; allowed for accuracy: higher, nothing"),
    "metric of GANs": ({"metric": "fid.G1", "unit": ""}, "metric is 'fid.G1', which runs of aikd do not have"),
    "unit": ({"unit": ""}, "unit is empty; allowed for top1_error: %"),
    "kind": ({"kind": "Run"}, "kind is 'Run'; allowed for top1_error: run, quoted"),
    "kind none": ({"kind": ""}, "kind is empty"),
    "kind of another metric": ({"kind": "ratio"}, "kind is 'ratio'; allowed for top1_error"),
    "table": ({"table": "aikd_table5"}, "table is 'aikd_table5'; allowed: 'aikd_table4'"),
    "row": ({"row": ""}, "row is empty"),
    "run form": ({"run": "../../etc/passwd"}, "run is '../../etc/passwd'; allowed: the name of a run group"),
    "run seed": ({"run": "aikd/cifar100/preact_resnet18/aikd/seed0"}, "without a seed"),
    "run canonical": ({"run": "aikd/cifar100/preact_resnet18/aikd+omega=00"}, "write it as"),
    "run data": ({"run": "aikd/cifar1000/preact_resnet18/aikd"}, "dataset is unknown; allowed for aikd: cifar100"),
    "run network": ({"run": "aikd/cifar100/resnet19/aikd"}, "model is unknown; allowed for aikd: "),
    "run method": ({"run": "aikd/cifar100/preact_resnet18/aikdd"}, "method is unknown; allowed for aikd: "),
}


@pytest.mark.parametrize(("changes", "message"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_field_is_told_with_its_place(tmp_path, changes, message):
    with pytest.raises(UserError, match=re.escape(message)) as told:
        read_cells(write(tmp_path, **changes))
    assert "\n" not in str(told.value) and f"aikd_table4.csv, line 2 ({changes.get('row', 'ResNet-18')}" in str(
        told.value
    )


def test_a_ratio_needs_its_denominator(tmp_path):
    with pytest.raises(UserError, match=r"line 4 \(GAN-TSC \| Restored Ratio .*of is empty"):
        read_cells(write(tmp_path, "gip_table3", line=4, of=""))


def test_a_statistic_needs_a_registered_data_set(tmp_path):
    with pytest.raises(UserError, match=r"run is 'cifar'; allowed: a data set of codebrim"):
        read_cells(write(tmp_path, "aikd_table1", run="cifar"))


def test_two_rows_of_one_cell_are_refused(tmp_path):
    path = write(tmp_path)
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join([*lines, lines[1].replace("19.87", "99.00")]), encoding="utf-8")
    with pytest.raises(UserError, match=r"line 12 \(.*line 2 has the same row and column"):
        read_cells(path)
    with pytest.raises(UserError, match="line 2 has the same row and column"):
        read_cells(write(tmp_path, line=3, column="Top-1 Err (%)"))


def test_a_file_without_cells_is_refused(tmp_path):
    path = tmp_path / "aikd_table4.csv"
    path.write_text("", encoding="utf-8")
    with pytest.raises(UserError, match="but the file is empty"):
        read_cells(path)
    path.write_text(",".join(COLUMNS) + "\n", encoding="utf-8")
    with pytest.raises(UserError, match="has no cell"):
        read_cells(path)
    path.write_text(";".join(COLUMNS) + "\n", encoding="utf-8")
    with pytest.raises(UserError, match="but they are 'table;page"):
        read_cells(path)


def test_byte_order_marks_and_windows_line_ends_are_read(tmp_path):
    path = write(tmp_path)
    plain = read_cells(path)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert read_cells(path) == plain


def test_a_command_tells_it_before_anything_is_written(tmp_path, monkeypatch, capsys):
    for name in ("config", "paper"):
        shutil.copytree(CHECKOUT / name, tmp_path / name)
    write(tmp_path / "paper" / "published", mean="nan")
    monkeypatch.chdir(tmp_path)
    assert cli.main(["table", "aikd_table4", "--out", "out"]) == 2
    assert "aikd_table4.csv, line 2" in capsys.readouterr().err and not Path("out").exists()


def test_every_computed_metric_can_be_published():
    generator = np.random.default_rng(0)
    logits = generator.normal(size=(40, 6))
    values = classification.evaluate(np.arange(40) % 6, logits, logits)["values"]
    features = {name: generator.normal(size=(16, 4)) for name in ("G1", "G2", "G3")}
    real = gan.RealFeatures.from_features(generator.normal(size=(16, 4)))
    values |= gan.final_values(features, real, real.gaussian) | gan.early_values(features, real)
    values |= gan.floor_values(real, real)
    assert [name for name in values if find_metric(name) is None] == []


def test_a_changed_number_is_told(tmp_path, monkeypatch):
    for name in ("config", "paper"):
        shutil.copytree(CHECKOUT / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    folder, user = tmp_path / "paper" / "published", config.user()
    for path in folder.glob("*.csv"):  # as git may write them on Windows
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    shutil.copy(folder / "okd_tableS1.csv", folder / "okd_tableS9.csv")
    (folder / "okd_tableS9.csv").write_text((folder / "okd_tableS1.csv").read_text().replace("tableS1,", "tableS9,"))
    assert "in this checkout" not in status.report(user, everything=False)
    write(folder, mean="9.87")
    (folder / "text.csv").unlink()
    assert "published numbers changed in this checkout: aikd_table4, text\n" in status.report(user, everything=False)
    rows = {table: table_cells.collect_rows(table, user) for table in ("aikd_table4", "aikd_table5")}
    captions = {table: table_captions.table_caption(table, rows[table], user) for table in rows}
    told = [table for table, caption in captions.items() if "changed in this checkout" in caption]
    assert told == ["aikd_table4"]
