"""The report as a PDF: the content of its parts, and that TeX sets them."""

import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from matplotlib.text import Text
from report_runs import fill, leave

from advkd import places
from advkd.artifacts.figures import FIGURES, write_figure
from advkd.errors import UserError
from advkd.files import read_json, write_json
from advkd.report import content, document, page
from advkd.report.document import tex
from advkd.runs.lookup import folder_of
from advkd.settings import catalog, config, tags
from advkd.settings.names import PAPERS
from checkouts import copy_checkout

needs_tex = pytest.mark.skipif(not all(map(shutil.which, tex.PROGRAMS)), reason=f"needs TeX (Debian: {tex.PACKAGES})")
HOSTILE = r"\write18{rm} $& %#_{}~^ \end{document} 漢 \input{/etc/passwd}"


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    copy_checkout(tmp_path)
    monkeypatch.chdir(tmp_path)
    return config.user()


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """A folder with some runs, what the report on them shows, and the user."""
    folder = copy_checkout(tmp_path_factory.mktemp("shown") / "checkout")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(places, "SHIPPED", Path())
        user = config.user()
        fill(user, "")
        return folder, content.gather_content(user), user


@pytest.fixture(scope="module")
def written(shown):
    """The folder with the report in a.pdf."""
    folder, found, user = shown
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(places, "SHIPPED", Path())
        document.write(found, user, folder / "a.pdf")
    return folder


def parts(user):
    return document.build_parts(content.gather_content(user), user)


def test_nothing_is_run_yet(checkout):
    found = parts(checkout)
    assert "No run of this scale has been started" in found["answers"]
    assert set(found) == {"tags", *document.SECTIONS, *catalog.tables()}
    assert found["tags"] == "" and "No run of this scale has been started" in found["runs"]


def test_every_tag_leads_to_a_run_and_back(checkout):
    fill(checkout, "")
    told = content.gather_content(checkout)
    found = document.build_parts(told, checkout)
    used = {tag for text in found.values() for tag in re.findall(r"\\runlink\{(R\d+)\}", text)}
    listed = re.findall(r"\\hypertarget\{(R\d+)\}", found["runs"])
    assert len(listed) == len(set(listed)) and used <= set(listed)
    assert re.findall(r"\\started\{(R\d+)\}", found["tags"]) == listed, "of other runs, cells show no tag"
    started = ["resnet34/baseline", "resnet18/baseline", "resnet18/gip"]
    names = [f"gip/cifar10/{name}" for name in started] + ["gip/cifar100/resnet18/gip+delta=1"]
    assert {tags.tags(checkout)[name] for name in names} == set(listed)
    others = len(told.groups) - len(names)
    assert f"{others} other run groups of this scale are not started" in found["runs"]
    labels = {label for text in found.values() for label in re.findall(r"\\label\{(tab:\w+)\}", text)}
    back = {f"tab:{name}" for name in re.findall(r"\\shownin\{(\w+)\}", found["runs"])}
    assert back <= labels == {f"tab:{name}" for name in (*catalog.tables(), *catalog.figures())}


def test_every_claim_and_every_finding_is_told(checkout):
    told = content.gather_content(checkout)
    found = document.build_parts(told, checkout)
    assert all(rf"\texttt{{{claim['id']}}}" in found["claims"] for claim in told.claims.items)
    assert found["audit"].count(r"\\\addlinespace") == len(told.audit.findings)
    assert "one fact may be found by several rules" in found["answers"] and told.overview.errors in found["answers"]


def test_a_damaged_run_spoils_its_cells_alone(checkout):
    fill(checkout, "")
    before = parts(checkout)
    broken = folder_of(config.resolve("gip/cifar10/resnet18/gip/seed0", checkout)).path
    (broken / "result.json").write_text('{"status": ')
    found = parts(checkout)
    assert "result.json" in found["answers"]
    assert "damaged" in found["gip_table1"] and "61.0" not in found["gip_table1"]
    assert found["gip_table1"] != before["gip_table1"] and found["gip_table2"] == before["gip_table2"]


@needs_tex
def test_the_pdf_is_whole_and_the_same_every_time(written, tmp_path, monkeypatch):
    """Also in another folder, whose name is longer."""
    again = shutil.copytree(written, tmp_path / "another checkout", ignore=shutil.ignore_patterns("*.pdf", "report"))
    monkeypatch.chdir(again)
    user = config.user()
    document.write(content.gather_content(user), user, again / "b.pdf")
    made = (written / "a.pdf").read_bytes()
    assert made == (again / "b.pdf").read_bytes() and made.startswith(b"%PDF")
    log = (written / "results/smoke/report/report.log").read_text(errors="replace")
    wide = [float(points) for points in re.findall(r"Overfull \\hbox \(([\d.]+)pt too wide\)", log)]
    assert max(wide, default=0) < 3, re.findall(r"Overfull \\hbox.*\n.*\n.*\n.*", log)
    assert "undefined" not in log.lower().replace("undefined on input line", "")


@needs_tex
def test_text_that_is_tex_stays_text_and_no_name_of_a_class_is_lost(checkout, tmp_path):
    """The names of a user's folder stand in figures; GIP's two show each class that a teacher names."""
    path = folder_of(leave("gip/cifar10/resnet18/baseline/seed0", checkout)).path / "provenance.json"
    known = read_json(path)
    write_json(path, {**known, "attempts": [{**known["attempts"][0], "processor": HOSTILE}]})
    runs = [leave(f"gip/cifar10/resnet18/{method}/seed0", checkout) for method in ("gip", "dafl")]
    names = ["price $x^{2$ end", "50%_#&~ end", "caf\udce9 end", "שלום \u202eend", "漢字 end", f"{'long ' * 60}end",
             r"\end{document} end", "tab\tand\x00 end", "--cores end", "_end"]  # fmt: skip
    for one in runs:
        path = folder_of(one).path / "provenance.json"
        known = read_json(path)
        write_json(path, {**known, "data": {**known["data"], "classes": names}})
    for figure in ("gip_figureS1", "gip_figureS2"):
        write_figure(figure, checkout, tmp_path / "figures/smoke")
    drawn = read_json(tmp_path / "figures/smoke/gip_figureS2.json")
    assert names in [panel["classes"] for panel in drawn["numbers"].values() if "classes" in panel]
    document.write(content.gather_content(checkout), checkout, tmp_path / "out.pdf")
    assert r"\textbackslash{}write18\{rm\}" in (tmp_path / "results/smoke/report/answers.tex").read_text()
    page.write(content.gather_content(checkout), checkout, tmp_path / "out.html")
    drawing = FIGURES["gip_figureS2"]("gip_figureS2", checkout)
    texts = {text.get_text() for text in drawing.figure.findobj(Text)}
    ends = [text for text in texts if text.endswith("end")]
    assert len(ends) == len(names) and all(part in str(ends) for part in ("x^{2", "udce9", "u202e", "u6f22"))


def test_without_tex_it_says_what_to_install_and_leaves_what_there_is(shown, checkout, tmp_path, monkeypatch):
    _, found, user = shown
    monkeypatch.setattr(tex.shutil, "which", lambda name: None)
    (tmp_path / "old.pdf").write_bytes(b"%PDF-old")
    with pytest.raises(UserError, match="apt-get install latexmk texlive-latex-recommended lmodern"):
        document.write(found, user, tmp_path / "old.pdf")
    assert (tmp_path / "old.pdf").read_bytes() == b"%PDF-old"


@needs_tex
def test_what_stops_tex_is_named_in_one_line(shown, checkout, tmp_path):
    _, found, user = shown
    main = tmp_path / "paper/report.tex"
    main.write_text(main.read_text().replace(r"\appendix", r"\nosuchcommand"))
    with pytest.raises(UserError, match=r"report\.tex:\d+: Undefined control sequence") as caught:
        document.write(found, user, tmp_path / "out.pdf")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out.pdf").exists()


@needs_tex
def test_tex_that_never_ends_is_stopped(checkout, tmp_path, monkeypatch):
    main = tmp_path / "endless.tex"
    main.write_text(r"\documentclass{article}\begin{document}\loop\iftrue\repeat\end{document}")
    monkeypatch.setattr(tex, "TIMEOUT", 3)
    with pytest.raises(UserError, match="longer than 3 s"):
        tex.typeset(main, tmp_path / "parts", tmp_path / "out.pdf")
    deadline = time.monotonic() + 30  # a killed process takes its time on a busy machine
    while left := subprocess.run(["pgrep", "-f", str(main)], capture_output=True).stdout:
        assert time.monotonic() < deadline, left
        time.sleep(0.1)


@needs_tex
def test_the_answer_comes_first_in_few_pages(written):
    """Verdict, forest plot and headline table of each paper stand in the first eight pages, the rest behind them."""
    contents = (written / "results/smoke/report/report.toc").read_text()
    pages = [int(page) for page in re.findall(r"\\contentsline \{section\}.*?\}\{(\d+)\}\{", contents)]
    assert len(pages) == 10 and pages == sorted(pages) and pages[2] < pages[3] <= 9
    assert all(f"forest-{paper}.pdf" in (written / "results/smoke/report/answers.tex").read_text() for paper in PAPERS)
