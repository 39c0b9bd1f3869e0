import ast

import pytest

from advkd.runs import provenance
from advkd.runs.provenance import PACKAGE, code_hash, statements

SOURCE = '''\
"""A module.

    - of several lines
"""

import math  # for the root

# A constant.
TEXT = """first

# third
"""  # the end


class Root:
    """A class."""

    def __call__(self, x: float) -> float:
        """Return a root.

        Args:
            x: a number.
        """
        # Never negative.
        return math.sqrt(x)


async def nothing():
    """Do nothing."""
    "a string, but no docstring"
    return f"""{SOURCE}

    # {TEXT}"""
'''
BARE = '''\
import math
TEXT = """first

# third
"""
class Root:
    def __call__(self, x: float) -> float:
        return math.sqrt(x)
async def nothing():
    "a string, but no docstring"
    return f"""{SOURCE}

    # {TEXT}"""
'''


def test_statements_are_what_is_left_without_docstrings_comments_and_blank_lines():
    assert statements(SOURCE) + "\n" == BARE


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("sqrt(x)", "cbrt(x)"),
        ("first\n\n", "first\n"),  # a blank line in a string
        ("# third", "# 3rd"),  # no comment but a string
        ("    # {TEXT}", "    #  {TEXT}"),
        ("but no docstring", "and no docstring"),
        ("class Root", "class Square"),
    ],
)
def test_a_changed_statement_shows(before, after):
    assert before in SOURCE
    assert statements(SOURCE.replace(before, after)) != statements(SOURCE)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("A module.", "Another module, é."),
        ("    - of several lines\n", ""),
        ("  # for the root", ""),
        ("  # the end", " # another"),
        ("# A constant.", "# Two\n# lines."),
        ('    """A class."""\n\n', ""),
        ("\n\n\n", "\n\n"),
    ],
)
def test_what_only_explains_does_not_show(before, after):
    assert before in SOURCE
    assert statements(SOURCE.replace(before, after)) == statements(SOURCE)


def test_a_docstring_that_shares_its_line_stays_with_what_stands_there():
    for source in ('"""One."""; TWO = 2', 'class É: "one"', 'def f(): "é"; return 1'):
        assert statements(source) == source


def test_what_is_no_python_yet_counts_as_it_is():
    assert statements("def (:  # soon") == "def (:  # soon"


def completed(left):
    """Give a body of nothing, whose docstring was left out, a statement, so that Python can read it."""
    lines = [*left.split("\n"), ""]
    depths = [len(line) - len(line.lstrip()) for line in lines]
    return "\n".join(
        f"{line} pass" if line.endswith(":") and depths[place + 1] <= depths[place] else line
        for place, line in enumerate(lines[:-1])
    )


@pytest.mark.parametrize("part", provenance.TRAINING_CODE)
def test_all_statements_of_the_package_are_left(part):
    for path in (PACKAGE / part).glob("*.py"):
        source = path.read_text(encoding="utf-8")
        tree = ast.parse(source)
        for node in ast.walk(tree):
            if isinstance(node, provenance.DOCUMENTED) and ast.get_docstring(node) is not None:
                node.body = node.body[1:] or ([] if node is tree else [ast.Pass()])
        assert ast.dump(ast.parse(completed(statements(source)))) == ast.dump(tree), path


def test_the_digest_of_code_follows_its_statements_and_its_files(monkeypatch, tmp_path):
    monkeypatch.setattr(provenance, "PACKAGE", tmp_path)
    (tmp_path / "models").mkdir()
    found = []
    explained = SOURCE.replace("A module.", "The module.") + "\n# end\n"
    for name, source in (("a.py", SOURCE), ("a.py", explained), ("a.py", "X = 1"), ("b.py", "X = 1")):
        code_hash.cache_clear()
        (tmp_path / "models" / name).write_text(source, encoding="utf-8")
        found.append(code_hash("models"))
    code_hash.cache_clear()
    assert found[0] == found[1]
    assert len(set(found[1:])) == 3
