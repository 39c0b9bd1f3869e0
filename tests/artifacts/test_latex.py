import re
import shutil
import subprocess

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pylatexenc.latex2text import LatexNodes2Text
from pylatexenc.latexencode import _uni2latexmap

from advkd.artifacts import latex, table_cells, table_layout
from advkd.artifacts.table_layout import Entry
from advkd.artifacts.table_records import TableRecord, table_record
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


needs_tex = pytest.mark.skipif(not shutil.which("pdflatex"), reason="needs pdflatex")
ODD = {  # the name of a class, as a user's folder may be called, and what a PDF shows of it
    "price $x^{2$": ["price $x", "{2$"],
    "50%_#&~ of it": ["50%", "#&", "of it"],
    "caf\udce9 bar": ["caf\\udce9 bar"],
    "right שלום \u202eto left": ["U+05E9", "U+05DD", "\\u202eto left"],
    "漢字 signs": ["U+6F22", "U+5B57", "signs"],
    "привет Đ «a»": ["U+043F", "U+0110", "U+00AB", "a"],
    r"\end{document} \input{/etc/passwd} ^^M": [r"\end{document}", r"\input{/etc/passwd}", "M"],
    "two\nlines\tand\x00": ["two lines and", "x00"],
    f"begin {'very long ' * 40}end": ["begin very", "long end"],
    "--cores ``quoted'' ?`": ["--cores", "quoted", "?`"],
}


def shown_in_pdf(folder, body):
    """Set a document that needs no package but booktabs, and return the text in it."""
    page = r"\documentclass{article}\usepackage{booktabs}\pdfpagewidth=400cm\hsize=390cm\textwidth=390cm"
    (folder / "page.tex").write_text(f"{page}\\begin{{document}}\n{body}\n\\end{{document}}\n", encoding="ascii")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-file-line-error", "page.tex"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace", timeout=120)
    assert done.returncode == 0, re.findall(r"^page\.tex:\d+:.*", done.stdout, re.MULTILINE)
    assert "Missing character" not in (folder / "page.log").read_text(errors="replace")
    if not shutil.which("pdftotext"):
        return None
    text = subprocess.run(["pdftotext", "-layout", "page.pdf", "-"], cwd=folder, capture_output=True, check=True).stdout
    return " ".join(text.decode().split())


@needs_tex
def test_every_character_is_set_without_another_package(tmp_path):
    """The encoder has macros for 1,500 characters, of which 700 are defined by packages that a reader need not have."""
    known = [chr(number) for number in _uni2latexmap.uni2latex]
    shown_in_pdf(tmp_path, "\n\n".join(map(latex.escape, [*known, *ODD])))


@needs_tex
@pytest.mark.parametrize("name", ODD)
def test_no_name_is_lost_in_a_table_or_its_caption(checkout, tmp_path, name):
    columns = pd.MultiIndex.from_tuples([(name, ""), ("other", name)])
    frame = pd.DataFrame([[Entry(name, "bold"), Entry(name)]], pd.MultiIndex.from_tuples([(name, name)]), columns)
    record = TableRecord("gip_table1", f"Title of {name}", "snakemake", (), [], f"Caption of {name}.")
    text = shown_in_pdf(tmp_path, latex.table_to_latex(frame, record, checkout))
    if text is not None:
        plain = text.replace("ˆ", "^").replace("’", "'").replace("‘", "`")
        for part in ODD[name]:
            assert plain.count(part) >= 7, (part, text)
