import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pylatexenc.latex2text import LatexNodes2Text

from advkd.artifacts import latex, table_cells, table_layout
from advkd.artifacts.table_records import table_record
from advkd.settings import config, tags
from checkouts import copy_checkout

SIGNS = "&%$#_{}~^\\<>|*±×†‡–³éδρ∞≥−“”"


@given(st.text(st.sampled_from("abc 019.,:;()/+=-[]'" + SIGNS), max_size=40))
def test_escaped_text_is_ascii_and_means_the_same(text):
    written = latex.escape(text)
    assert written.isascii()
    read = LatexNodes2Text(keep_comments=True, strict_latex_spaces=True).latex_to_text(written)
    plain = str.maketrans({"“": '"', "”": '"', "ˆ": "^", "˜": "~", "−": "-"})
    assert read.translate(plain).replace("''", '"') == text.translate(plain).replace("''", '"')


@given(st.text(max_size=60))
def test_no_text_ends_a_group_or_a_line(text):
    written = latex.escape(text)
    bare = re.sub(r"\\[{}%\\]", "", written)
    depths = [bare[:end].count("{") - bare[:end].count("}") for end in range(len(bare) + 1)]
    assert min(depths) == 0 == depths[-1]
    assert not re.search(r"[%\n\r]", bare)


def test_quotes_open_and_close():
    assert latex.escape('"as printed", ("too")') == (
        "\\textquotedblleft{}as printed'', (\\textquotedblleft{}too'')"
    )  # fmt: skip


def test_hyphens_side_by_side_stay_two():
    assert latex.escape("--cores ,, ---") == "-{}-cores ,{}, -{}-{}-"


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    copy_checkout(tmp_path)
    monkeypatch.chdir(tmp_path)
    return config.user()


def written(name, user):
    record = table_record(name, user)
    return latex.table_to_latex(table_layout.layout_table(record.rows, user), record, user)


def test_a_table_names_the_command_the_commit_and_needs_only_booktabs(checkout):
    text = written("gip_table3", checkout)
    first, second, *_ = text.splitlines()
    assert first == "% Made by: snakemake --cores all gip_table3 --config scale=smoke"
    assert re.fullmatch(r"% Commit: ([0-9a-f]{40}( with changes)?|no checkout)", second)
    assert not re.search(r"\\(multirow|rotatebox|resizebox|cline)", text)


def test_every_number_of_ours_carries_the_tag_of_its_runs(checkout):
    text = written("gip_table3", checkout)
    known = tags.tags(checkout)
    expected = {known[row["run"]] for row in table_cells.collect_rows("gip_table3", checkout)}
    assert set(re.findall(r"\\runtag\{(R\d+)\}", text)) == expected
    assert r"\providecommand{\runtag}[1]{}" in text
