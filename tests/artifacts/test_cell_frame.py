"""The table of cells, against the published numbers and the CSV files that the workflow writes."""

import pandas as pd
import pytest
from test_tables import GROUPS, fill, reduced  # noqa: F401  (a fixture)

import advkd
from advkd.artifacts import tables
from advkd.errors import UserError
from advkd.settings import catalog
from advkd.settings.tags import tags

SETTINGS = {"seeds": 3, "override": {"okd": {"features": "inception"}}}


def test_a_cell_has_the_published_number_and_ours(reduced, checkout):  # noqa: F811
    fill(reduced, GROUPS[2:])
    frame = advkd.cells("okd_table1", scale="reduced", settings=SETTINGS)
    ours = frame.set_index(["row", "metric"])
    cell = ours.loc[("OKD-SAGAN G2", "fid.G2")]
    assert (cell["ours"], cell["sd"], cell["n"]) == (pytest.approx(131.2), pytest.approx(1.0), 3)
    assert cell["published"] == 118.23 and cell["better"] == "lower" and cell["status"] == "done"
    assert cell["tag"] == tags(reduced)["okd/codebrim/sagan/okd"]
    missing = ours.loc[("ACGAN", "fid.G1")]
    assert missing["status"] == "not run" and pd.isna(missing["ours"]) and pd.isna(missing["n"])
    assert missing["published"] > 0

    tables.write_table("okd_table1", reduced, checkout / "out")
    written = pd.read_csv(checkout / "out/okd_table1.csv")
    assert list(frame["row"]) == list(written["row"])
    for ours_name, csv_name in (("ours", "mean"), ("sd", "std"), ("published", "published"), ("n", "n")):
        pd.testing.assert_series_equal(
            frame[ours_name].astype(float), written[csv_name].astype(float), check_names=False, rtol=1e-12
        )


def test_every_cell_of_every_table_has_a_row(checkout):
    frame = advkd.cells()
    counts = frame.groupby("table", sort=False).size()
    assert list(counts.index) == catalog.tables()
    assert dict(counts) == {table: len(catalog.cells(table)) for table in catalog.tables()}
    for table in catalog.tables():
        printed = [float(cell.mean) for cell in catalog.cells(table) if cell.mean]
        assert frame.loc[frame["table"] == table, "published"].dropna().tolist() == printed
    assert frame["ours"].isna().all() and frame["ours"].dtype == float


def test_the_folder_of_another_project(reduced, checkout, tmp_path, monkeypatch):  # noqa: F811
    fill(reduced, GROUPS[2:3])
    monkeypatch.chdir(tmp_path)
    frame = advkd.cells("okd_table1", scale="reduced", folder=checkout, settings=SETTINGS)
    assert frame.loc[frame["row"] == "SAGAN", "ours"].notna().all()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"tables": ["okd_table9"]}, "'okd_table9' is not a table or figure"),
        ({"scale": "huge"}, "scale 'huge' is unknown"),
        ({"settings": {"seeds": 0}}, "seeds is '?0'?"),
    ],
)
def test_bad_input_is_one_line(checkout, words, message):
    with pytest.raises(UserError, match=message):
        advkd.cells(*words.pop("tables", []), **words)
