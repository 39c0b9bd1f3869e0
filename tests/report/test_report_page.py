"""The HTML report: what it says of cells and runs, what it does with damaged ones, and that it stands alone."""

import base64
import contextlib
import io
import re
from functools import partial
from html.parser import HTMLParser

import numpy as np
import pytest
from gip_runs import end
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup
from PIL import Image
from report_runs import HOSTILE, fill, leave

from advkd.artifacts import table_layout
from advkd.claims import audit, judgements
from advkd.files import read_json, write_json
from advkd.report import choices, content, deviations, page
from advkd.report.content import figures, runs, samples, tables
from advkd.runs.lookup import folder_of
from advkd.settings import catalog, config, tags
from checkouts import copy_checkout

# Runs, cells and pictures of a small results folder


@pytest.fixture
def reduced(checkout):
    return config.user({"scale": "reduced", "seeds": 2})


def table(name: str, user) -> tuple[tables.Table, dict[str, runs.RunGroup]]:
    groups = runs.gather_groups(catalog.with_parents(catalog.runs(name, user)), user)
    return tables.read_table(name, groups, user), groups


def test_a_cell_shows_both_numbers_and_names_its_runs(reduced):
    for seed, right in enumerate((60, 62)):
        leave(f"gip/cifar10/resnet18/baseline/seed{seed}", reduced, right)
    found, groups = table("gip_table1", reduced)
    one = next(found.entries)
    assert (one.published, one.ours) == ("94.81 ± 0.04", [("", "61.0 ± 1.4")])
    assert one.groups == ["gip/cifar10/resnet18/baseline"]
    facts = dict(one.facts)
    assert facts["values"] == "60.0 62.0" and facts["seeds"] == "0 1"
    group = groups[one.groups[0]]
    assert (one.id, f"gip_table1 · {one.name}") in group.cells
    assert [record.word for record in group.records] == [
        "done (counts; code changed since)",
        "done (counts; code changed since)",
    ]
    assert ("epochs" in {key for key, *_ in group.changed}) and len(group.charts[0].lines) == 2
    assert found.columns == ["Baseline (%)", "KD (%)", "Proposed Method (%)"]
    assert [row.head for rows in found.blocks.values() for row in rows] == ["CIFAR-10", "CIFAR-100"]


def test_a_part_of_the_data_is_not_compared(reduced):
    leave("gip/cifar100/resnet18/baseline/seed0", reduced)
    found, _ = table("gip_table1", reduced)
    one = next(one for one in found.entries if one.ours)
    assert one.filter == "not comparable" and "classes" in one.agreement.reason
    whole = config.user({"scale": "paper"})
    assert not tables.describe_other_data(
        runs.read_group(one.groups[0], "", [config.resolve(f"{one.groups[0]}/seed0", whole)], whole)
    )


def test_a_ratio_names_student_and_teacher(reduced):
    found, groups = table("gip_table4", reduced)
    ratio = next(one for one in found.entries if "Ratio" in one.name and "Our" in one.name)
    assert len(ratio.groups) == 2 and ratio.state == "student not run, teacher not run"
    student, teacher = (groups[name] for name in ratio.groups)
    assert student.name in teacher.learners and ("teacher", teacher.name) in student.parents


def test_tags_lead_from_cells_and_figures_to_runs_and_back(reduced):
    wanted = catalog.runs("gip_table1", reduced) | catalog.runs("gip_figureS1", reduced)
    groups = runs.gather_groups(catalog.with_parents(wanted), reduced)
    known = tags.tags(reduced)
    assert {name: one.tag for name, one in groups.items()} == {name: known[name] for name in groups}
    assert list(groups) == [name for name in known if name in groups], "in the order of the tags"
    found = tables.read_table("gip_table1", groups, reduced)
    drawn = figures.read_figure("gip_figureS1", groups, reduced)
    for one in found.entries:
        assert one.tags == [known[name] for name in one.groups]
        assert all(one.id in [place for place, _ in groups[name].cells] for name in one.groups)
    assert all(("gip_figureS1", drawn.record.title) in groups[name].figures for name in drawn.groups)
    assert {name for name, one in groups.items() if one.shown} == {
        *drawn.groups,
        *(name for one in found.entries for name in one.groups),
    }


def test_a_table_that_no_paper_prints_shows_ours_alone(reduced):
    found, _ = table("okd_tableS1", reduced)
    assert not found.published and all(dict(one.facts)["published"] == "not by the paper" for one in found.entries)
    assert {one.state for one in found.entries} == {"not run"} and all(one.tags for one in found.entries)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("result.json", "{"),
        ("result.json", "[]"),
        ("result.json", "{}"),
        ("provenance.json", "{}"),
        ("provenance.json", "null"),
        ("history.csv", "epoch,L\n1,x\n"),
        ("history.csv", None),
        ("provenance.json", None),
        ("predictions.npz", "PK"),
    ],
)
def test_a_damaged_file_is_named_in_its_place_and_the_rest_is_built(reduced, name, content):
    good = leave("gip/cifar10/resnet18/kd/seed0", reduced)
    bad = leave("gip/cifar10/resnet18/baseline/seed0", reduced)
    path = folder_of(bad).path / name
    path.unlink() if content is None else path.write_text(content)
    found, groups = table("gip_table1", reduced)
    told = groups[bad.run.group].records[0].damage + [
        value for one in found.entries for key, value in one.facts if key == "cannot be read"
    ]
    assert told and any(name in line for line in told), told
    assert not [line for line in told if "\n" in line]
    assert not groups[good.run.group].records[0].damage
    assert list(found.entries)[1].ours == [("", "60.0 ± 4.8§")]


@pytest.mark.parametrize("content", ["[]", "{", "{}"])
def test_a_classifier_s_damaged_metrics_are_computed_again(reduced, content):
    resolved = leave("gip/cifar10/resnet18/kd/seed0", reduced)
    path = folder_of(resolved).path / "metrics.json"
    path.write_text(content)
    found, groups = table("gip_table1", reduced)
    assert not groups[resolved.run.group].records[0].damage
    assert [("", "60.0 ± 4.8§")] in [entry.ours for entry in found.entries]
    assert "accuracy" in read_json(path)["values"]


@pytest.mark.parametrize("metrics", [{"status": "done", "values": {"fid.G1": 9.0}, "meta": {}}, {}, [], 3])
def test_metrics_of_another_version_are_named(reduced, metrics):
    one = config.resolve("okd/codebrim/sagan/single/seed0", reduced)
    leave_gan(one, metrics)
    found, groups = table("okd_table1", reduced)
    entry = next(entry for entry in found.entries if entry.groups == [one.run.group])
    assert entry.filter == "damaged" and "cannot be read" in dict(entry.facts)
    if "values" not in str(metrics):
        assert any("metrics.json" in line for line in groups[one.run.group].records[0].damage)


def leave_gan(one, metrics):
    folder = folder_of(one).path
    write_json(folder / "metrics.json", metrics)
    write_json(folder / "provenance.json", {"data": {"source": {"verified": "published checksum"}, "name": "codebrim"}})
    write_json(folder / "result.json", {"config_hash": one.hash, "status": "done", "sha256": {}})


def test_diverged_blocked_and_missing_runs_say_so(reduced):
    end(config.resolve("gip/cifar10/resnet18/baseline/seed0", reduced), status="diverged", epoch=3, step=30)
    end(config.resolve("gip/cifar10/resnet18/kd/seed0", reduced), status="blocked", parent="x", reason="diverged")
    found, _ = table("gip_table1", reduced)
    assert [one.state for one in found.entries][:3] == ["diverged (1 of 2), epoch 3", "blocked (1 of 2)", "not run"]
    assert [one.filter for one in found.entries][:3] == ["diverged", "blocked", "not run"]


def test_a_log_of_any_bytes_is_shown_by_its_end(reduced):
    one = leave("gip/cifar10/resnet18/baseline/seed0", reduced)
    (folder_of(one).path / "log.txt").write_bytes(b"first\n" * 99 + b"\xff\xfe last\n")
    log = runs.read_record(one).log
    assert log.endswith("last") and log.count("\n") == runs.LOG_LINES - 1


def test_a_grid_shows_the_first_images_in_order(tmp_path, reduced):
    one = config.resolve("okd/codebrim/sagan/okd/seed0", reduced)
    shades = np.arange(12, dtype=np.uint8) * 20
    images = np.broadcast_to(shades[:, None, None, None], (12, 16, 16, 3))
    folder_of(one).path.mkdir(parents=True)
    np.savez(folder_of(one).path / "samples.npz", G1=images, G2=255 - images, labels=np.zeros(12))
    found = samples.draw_grid(one)
    sheet = decoded(found.uri)
    step, middle = 16 + samples.GAP, samples.GAP + 8
    assert (
        sheet.shape[:2] == (found.height, found.width) == (2 * step + samples.GAP, samples.IMAGES * step + samples.GAP)
    )
    seen = sheet[middle::step, middle::step, 0].astype(int)
    expected = np.stack([shades[: samples.IMAGES], 255 - shades[: samples.IMAGES]]).astype(int)
    assert np.abs(seen - expected).max() <= 3, "WebP is not exact"


def test_moments_are_columns_and_noises_rows():
    images = np.zeros((7, 6, 4, 4, 3), np.uint8) + np.arange(7, dtype=np.uint8)[:, None, None, None, None]
    rows, words = samples.select_moments(images, np.arange(1, 8) * 10)
    assert len(rows) == samples.NOISES and rows[0][:, 0, 0, 0].tolist() == [0, 2, 3, 4, 6]
    assert "epochs 10, 30, 40, 50, 70" in words


def decoded(uri: str) -> np.ndarray:
    with Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))) as image:
        return np.asarray(image.convert("RGB"))


def test_a_figure_is_embedded_with_its_caption_and_a_damaged_one_named(reduced, tmp_path):
    read = partial(figures.read_figure, "aikd_figure4", {}, reduced)
    assert read().image_error == "not drawn yet"
    folder = tmp_path / "checkout/figures/reduced"
    png, svg, record = (folder / f"aikd_figure4.{suffix}" for suffix in ("png", "svg", "json"))
    write_json(record, {"caption": "What it shows.", "drawn": True, "numbers": {}})
    Image.fromarray(np.full((50, 70, 3), 90, np.uint8)).save(png)
    found = read()
    scale = figures.SCREEN_DPI / 200
    assert (found.image.width, found.image.height) == (round(70 * scale), round(50 * scale))
    assert (decoded(found.image.uri) == 90).all() and found.caption == "What it shows."
    assert found.file == png.relative_to(tmp_path / "checkout") and not found.image_error and not found.file_error
    small = b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'></svg>"
    for written, kind in ((small, "svg+xml"), (small[:-6], "png"), (small.replace(b"><", b">" + 9999 * b" "), "png")):
        svg.write_bytes(written)
        assert read().image.uri.startswith(f"data:image/{kind};")
    png.write_bytes(png.read_bytes()[:40])
    found = read()
    assert "aikd_figure4.png" in found.image_error and found.image is None
    assert "aikd_figure4.png" in found.file_error and found.file is None
    for written, reason in (("{", "aikd_figure4.json"), ('{"damage": "x is damaged"}', "x is damaged")):
        record.write_text(written)
        assert reason in read().image_error and read().image is None
    write_json(record, {"caption": "No run is finished.", "drawn": False, "numbers": {}})
    assert read()[1:] == ("No run is finished.", [], [], None, "", None, "")


# The whole page


class Page(HTMLParser):
    """What the tests look at: ids, links, sources, opened templates and tables with their captions and heads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids, self.links, self.opened, self.sources, self.tags = [], [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.tags.append((tag, found))
        self.ids += [found["id"]] if "id" in found else []
        self.opened += [found["data-open"]] if "data-open" in found else []
        self.links += [found["href"]] if "href" in found else []
        self.sources += [found[name] for name in ("src", "srcset", "action", "data") if name in found]


def build(user):
    return page.build(content.gather_content(user), user)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Pages of a checkout: nothing run, and some runs of the papers' settings with hostile words in their logs."""
    with contextlib.chdir(copy_checkout(tmp_path_factory.mktemp("page") / "checkout")):
        nothing = build(config.user({"scale": "smoke"}))
        user = config.user({"scale": "paper", "seeds": 2})
        fill(user, HOSTILE)
        some = build(user)
        assert build(user) == some, "equal inputs, equal bytes"
    return nothing, some


def test_nothing_run_is_said_and_everything_published_is_there(built):
    nothing, _ = built
    assert "No run of this scale has been started" in nothing and "reproduces\n  nothing" in nothing
    assert nothing.count('class="cell"') == sum(len(catalog.cells(name)) for name in catalog.tables())
    assert "95.13 ± 0.08" in nothing and not re.search(r'<td data-state="[^"]*" class="[a-z]', nothing)


def test_the_page_stands_alone_and_its_links_lead_somewhere(built):
    for text in built:
        found = Page(text)
        assert len(found.ids) == len(set(found.ids))
        assert not [link for link in found.links if not link.startswith("#")]
        assert {link[1:] for link in found.links} | set(found.opened) <= set(found.ids)
        assert not [source for source in found.sources if not source.startswith("data:")]
        assert "http:" not in text and "https:" not in text and "url(" not in text


def test_tables_have_captions_and_their_heads_scopes(built):
    for text in built:
        found = Page(text)
        tags = [tag for tag, _ in found.tags]
        assert tags.count("caption") == tags.count("table")
        assert all("scope" in attributes for tag, attributes in found.tags if tag == "th")
        assert all(attributes.get("alt") for tag, attributes in found.tags if tag == "img")
        assert all(tags.count(landmark) == 1 for landmark in ("main", "nav", "footer", "h1", "dialog"))


def test_words_of_runs_stay_words(built):
    _, some = built
    assert "&lt;script&gt;document.title" in some
    found = Page(some)
    assert [tag for tag, _ in found.tags].count("script") == 1
    assert not [attributes for _, attributes in found.tags if any(name.startswith("on") for name in attributes)]
    assert "sha256-" in next(attributes["content"] for tag, attributes in found.tags if "content" in attributes
                             and "http-equiv" in attributes)  # fmt: skip


def test_the_answers_stand_first_with_their_plots_and_numbers(built):
    nothing, some = built
    for text, verdict in ((nothing, "answers nothing"), (some, "decides none of them")):
        first = text[text.index('<section id="answer"') : text.index('<section id="claims"')]
        assert first.count('<article class="card"') == first.count("<picture>") == 3 and verdict in first
        assert first.count("data:image/svg+xml") == 6, "light and dark"
        assert "+4.10 points (+3.06 to +5.14)" in first and "✓ 16" in first


def test_every_claim_is_a_row_with_a_sign_a_word_and_what_is_behind_it(built):
    judged = judgements.judge_all(config.user())
    for text in built:
        rows = re.findall(r'<tr data-row[^>]*data-state="claim, published', text)
        assert len(rows) == len(judged)
        assert all(f'<template id="claim/{claim["id"]}"' in text for claim in judged)
    assert "≠ contradicted in our reading" in built[0] and "– no verdict" in built[0]


def test_without_samples_it_says_why(reduced):
    user = config.user({"scale": "reduced"})
    runs_of = catalog.with_parents(catalog.runs("gip_figureS1", user))
    assert samples.why_no_samples(runs.gather_groups(runs_of, user)) == (
        "No run with a generator is finished at this scale."
    )
    kept = leave("gip/cifar10/resnet18/gip/seed0", user)
    (folder_of(kept).path / "samples.npz").unlink()
    groups = runs.gather_groups(runs_of, user)
    assert not samples.gather_samples(groups)
    assert "were kept without their images" in samples.why_no_samples(groups)


def test_the_best_of_ours_is_marked_as_in_the_pdf(reduced):
    for method, right in (("baseline", 50), ("kd", 51), ("gip", 90)):
        for seed in range(2):
            leave(f"gip/cifar10/resnet18/{method}/seed{seed}", reduced, right + seed)
    found, _ = table("gip_table1", reduced)
    assert [entry.best for entry in list(found.entries)[:3]] == ["underline", "underline", "bold"]
    frame = table_layout.layout_table(found.record.rows, reduced)
    marks = [entry.mark for entry in frame.iloc[0] if entry.run]
    assert marks == ["underline", "underline", "bold"]


def test_a_run_of_many_cells_stands_once(built):
    _, some = built
    group = "gip/cifar10/resnet18/gip"
    assert some.count(f'id="run/{group}"') == 1
    assert sum(group in names.split() for names in re.findall('data-groups="([^"]*)"', some)) > 1
    assert some.count("data:image/webp") == 2, "and so do its images and the variant's"


def test_the_table_that_no_paper_prints_has_no_word_of_paper(built):
    for text in built:
        body = re.search(r'<details class="table fold" id="okd_tableS1".*?</details>', text, re.DOTALL)[0]
        assert 'class="paper"' not in body and 'class="sides"' not in body and 'class="numbers alone"' in body
        assert body.count('class="cell"') == len(catalog.cells("okd_tableS1"))


def test_every_choice_stands_there_once_with_its_keys_as_code(built):
    nothing, _ = built
    section = re.search(r'<section id="deviations".*?</section>\s*<section id="runs"', nothing, re.DOTALL)[0]
    made = choices.gather_choices()
    assert section.count("<tr data-row") == len(made) and "`" not in section
    for key in {key for one in made for key in one.settings}:
        assert f"<code>{key}</code>" in section


@given(st.text(alphabet="ab`/+<>&\"' "))
def test_marked_text_is_escaped_and_says_the_same(text):
    for mark in (page.mark_code, page.breakable):
        marked = mark(text)
        assert not re.search(r"<(?!/?code>|wbr>)", marked)
        plain = Markup(re.sub(r"</?code>", "`", marked).replace("<wbr>", "")).unescape()
        assert plain == text


def test_broken_claims_audit_and_choices_leave_the_rest(checkout, monkeypatch):
    monkeypatch.setattr(catalog, "tables", lambda: ["gip_table1"])
    found = catalog.with_parents(catalog.runs("gip_table1", config.user({"scale": "reduced"})))
    monkeypatch.setattr(catalog, "all_runs", lambda user: found)
    monkeypatch.setattr(judgements, "judge_all", lambda user: [][0])
    monkeypatch.setattr(audit, "run_checks", lambda: {}["rule"])
    monkeypatch.setattr(deviations, "deviation_tables", lambda: iter([1 / 0]))
    user = config.user({"scale": "reduced"})
    page.write(content.gather_content(user), user, checkout / "out" / "report.html")
    text = (checkout / "out" / "report.html").read_text()
    assert "95.13 ± 0.08" in text and "cannot be read (IndexError" in text and "&#39;rule&#39; is missing" in text
    assert "cannot be read (ZeroDivisionError" in text
