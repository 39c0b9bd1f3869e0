"""Learning curves: lines through the values, gaps, logarithms, and histories that are refused."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advkd.report.content import curves
from advkd.runs.damaged import Damaged
from advkd.runs.folder import RunFolder


def drawn(tmp_path, text: str) -> list[curves.Chart]:
    (tmp_path / "history.csv").write_text(text)
    return curves.draw_charts({0: RunFolder(tmp_path).history()})


def test_a_line_goes_through_the_values(tmp_path):
    (one,) = drawn(tmp_path, "epoch,L\n1,4\n2,1\n3,2\n")
    assert one.lines[0].polylines == [
        f"0,0 {curves.WIDTH // 2},{curves.HEIGHT} {curves.WIDTH},{round(2 / 3 * curves.HEIGHT)}"
    ]
    assert (one.moment, one.first, one.final, one.low, one.high, one.lines[0].last) == (
        "epoch",
        "1",
        "3",
        "1",
        "4",
        "2",
    )
    assert not one.logarithmic


def test_a_line_breaks_where_a_value_is_not_finite(tmp_path):
    found = drawn(tmp_path, "iteration,L,W\n1,4,\n2,nan,\n3,inf,\n4,2,\n")
    assert [one.column for one in found] == ["L"], "a column without numbers has no chart"
    assert [part.count(",") for part in found[0].lines[0].polylines] == [1, 1]


def test_a_column_over_decades_is_logarithmic(tmp_path):
    (one,) = drawn(tmp_path, "epoch,lr\n1,0.1\n2,0.01\n3,0.001\n")
    assert one.logarithmic
    assert one.lines[0].polylines[0].split()[1] == f"{curves.WIDTH // 2},{curves.HEIGHT // 2}"


@settings(deadline=None)
@given(st.integers(1, 5000))
def test_thinned_points_keep_both_ends_and_stay_few(count):
    found = curves.thin_out(range(count))
    assert found[0] == 0 and found[-1] == count - 1 and len(found) == min(count, curves.MAX_POINTS)
    assert found == sorted(set(found))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "epoch,L\n",
        "L\n1\n",
        "epoch,L\n1,x\n",
        "epoch,L\n1,2,3\n",
        "epoch,L\n1,2\n2\n",
        "epoch,L\n,2\n",
        "epoch,L\nnan,2\n",
    ],
)
def test_a_damaged_history_is_refused(tmp_path, text):
    with pytest.raises(Damaged, match=r"history\.csv"):
        drawn(tmp_path, text)
