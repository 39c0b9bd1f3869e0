"""The documentation for readers: short sentences, facts from their files, and a site without broken links."""

import html.parser
import re
import subprocess
import sys

import pytest

from advkd.data import registry
from advkd.runs.state import Kind
from advkd.settings.config import REGISTRY
from checkouts import ROOT

LONGEST = 25  # words of a sentence
READERS = ["researchers", "reviewers", "students", "engineers", "labs"]
PAGES = ["CONTRIBUTING.md", *(f"docs/{page}.md" for page in ("index", "tour", "why-numbers-change", "words"))]
PAGES += [f"docs/for-{reader}.md" for reader in READERS]
LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")


def sentences(text):
    """Return the sentences of Markdown, without code, tables and headings; code within a sentence is one word."""
    text = re.sub(r"^```.*?^```", "\n", text, flags=re.DOTALL | re.MULTILINE)
    text = re.sub(r"^(\||#).*$", "\n", text, flags=re.MULTILINE)
    text = LINK.sub(r"\1", re.sub(r"`[^`]*`", "X", text))
    blocks = re.split(r"\n\s*\n|\n\s*(?=[-*] |\d+\. )", text)
    return [sentence for block in blocks for sentence in re.split(r"(?<=[.?!:])\s+", " ".join(block.split()))]


@pytest.mark.parametrize("document", PAGES)
def test_no_sentence_is_long(document):
    text = (ROOT / document).read_text(encoding="utf-8")
    long = [sentence for sentence in sentences(text) if len(re.findall(r"[\w'’-]+", sentence)) > LONGEST]
    assert not long


def test_sentences_are_found():
    text = "# A title of a page\n\nOne `a b c` two\nthree. Four [five six](x.md)!\n\n- Seven\n- Eight\n"
    text += "\n| a | b |\n\n```\ncode\n```\n"
    assert [one for one in sentences(text) if one] == ["One X two three.", "Four five six!", "- Seven", "- Eight"]


@pytest.mark.parametrize("name", registry.load(REGISTRY))
def test_the_table_of_data_sets_says_what_the_registry_says(name):
    data_set = registry.load(REGISTRY)[name]
    text = (ROOT / "docs/datasets.md").read_text(encoding="utf-8")
    (row,) = [line for line in text.splitlines() if line.startswith(f"| `{name}` | [")]
    assert data_set.use in row and data_set.homepage in row
    assert all(f"`{file.file}` ({file.size_text})" in row for file in data_set.archives)


def test_labs_learn_where_the_times_of_a_plan_come_from():
    """Without a similar run, `advkd plan` counts (tests/report/test_plan.py)."""
    page = (ROOT / "docs/for-labs.md").read_text(encoding="utf-8")
    assert "they are counted ([how](scale.md#how-the-times-were-counted))" in page
    assert "\n## How the times were counted\n" in (ROOT / "docs/scale.md").read_text(encoding="utf-8")


def test_every_state_of_a_run_is_a_word():
    words = (ROOT / "docs/words.md").read_text(encoding="utf-8")
    states = words.partition("## States of a run\n")[2].partition("\n## ")[0]
    missing = [kind.value for kind in Kind if f"\n| {kind.value} | " not in states]
    assert not missing, "explain them in docs/words.md"


class Requests(html.parser.HTMLParser):
    """Collects what a browser loads with a page, other than what the reader clicks."""

    def __init__(self):
        super().__init__()
        self.loaded = []

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        if tag in ("script", "img", "iframe", "source", "link"):
            self.loaded.append(attributes.get("src") or attributes.get("href") or "")


def test_the_site_is_built_without_a_warning_and_loads_nothing_from_elsewhere(tmp_path):
    command = [sys.executable, "-m", "sphinx", "-q", "--nitpicky", "--fail-on-warning", "--keep-going", "-c", "docs"]
    built = subprocess.run([*command, ".", tmp_path], cwd=ROOT, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    pages = list(tmp_path.rglob("*.html"))
    contents = (tmp_path / "docs/index.html").read_text(encoding="utf-8")
    assert all(f'href="{page.stem}.html"' in contents for page in (ROOT / "docs").glob("*.md") if page.stem != "index")
    for page in pages:
        requests = Requests()
        requests.feed(page.read_text(encoding="utf-8"))
        assert not [address for address in requests.loaded if re.match("(https?:)?//", address)], page
    styles = "".join(path.read_text(encoding="utf-8") for path in tmp_path.rglob("*.css"))
    assert not re.search(r"(@import|url\()\s*[\"']?(https?:)?//", styles)
