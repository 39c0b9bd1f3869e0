"""Sphinx builds the documentation as a site from the Markdown files of the checkout, without network: `make docs`."""

import re
from pathlib import Path

from docutils.nodes import document
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx

project = "advkd"
html_title = "advkd"

# The checkout is the source, so that a link leads to the same file here and in the repository.
include_patterns = [
    "*.md",
    "config/*.md",
    "docs/*.md",
    "examples/*/README.md",
    "results/reference/*.md",
]
exclude_patterns = [".*", "build", "data", "figures", "logs", "results/[!r]*", "src", "tests"]  # not looked into
root_doc = "docs/index"
extensions = ["myst_parser"]
myst_heading_anchors = 3  # so that links to headings are checked
nitpicky = True

html_theme = "furo"
html_show_sphinx = False
html_show_copyright = False
html_copy_source = False
html_show_sourcelink = False


def lead_to_the_index(app: Sphinx, exception: Exception | None) -> None:
    """Write an index.html at the top, which leads to the page of that name in docs/."""
    if exception is None and app.builder.format == "html":
        lead = f'<meta http-equiv="refresh" content="0; url={root_doc}.html"><a href="{root_doc}.html">{project}</a>\n'
        Path(app.outdir, "index.html").write_text(f"<!doctype html><title>{project}</title>{lead}", encoding="utf-8")


def list_other_pages(app: Sphinx, name: str, source: list[str]) -> None:
    """Put the pages that the contents do not name below them."""
    if name == root_doc:
        pages = [
            page.removeprefix("docs/") if page.startswith("docs/") else f"../{page}" for page in app.env.found_docs
        ]
        others = [page for page in sorted(pages) if page != "index" and not re.search(rf"[\n<]{page}\b", source[0])]
        if others:
            source[0] += "\n".join(["", "```{toctree}", ":hidden:", ":caption: More", "", *others, "```", ""])


def unlink_folders(app: Sphinx, page: document) -> None:
    """Leave only the text of links to folders of the checkout, which the site does not have."""
    for link in list(page.findall(pending_xref)):
        folder = Path(app.env.doc2path(app.env.docname)).parent / link["reftarget"]
        if link["reftype"] == "myst" and folder.is_dir():
            link.replace_self(link.children)


def setup(app: Sphinx) -> None:
    """Connect what Sphinx does not do by itself."""
    app.connect("source-read", list_other_pages)
    app.connect("doctree-read", unlink_folders)
    app.connect("build-finished", lead_to_the_index)
