import ast
from functools import partial

import pytest

from advkd import code as digests
from advkd.code import PACKAGE, statements
from advkd.runs import code
from advkd.runs.code import TRAINING_CODE, start_modules
from advkd.settings import config

code_digest = partial(digests.code_digest, rooms=TRAINING_CODE)
import_closure = partial(digests.import_closure, rooms=TRAINING_CODE)

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


@pytest.mark.parametrize("part", code.TRAINING_CODE)
def test_all_statements_of_the_package_are_left(part):
    for path in (PACKAGE / part).rglob("*.py"):
        source = path.read_text(encoding="utf-8")
        tree = ast.parse(source)
        for node in ast.walk(tree):
            if isinstance(node, digests.DOCUMENTED) and ast.get_docstring(node) is not None:
                node.body = node.body[1:] or ([] if node is tree else [ast.Pass()])
        assert ast.dump(ast.parse(completed(statements(source)))) == ast.dump(tree), path


LOOP = """
from advkd.methods.base import Base
from advkd.models import networks
from advkd.progress import say
"""
METHOD = """
from typing import TYPE_CHECKING

from advkd.methods.base import Base

if TYPE_CHECKING:
    from advkd.methods.other import Other


def late():
    import advkd.methods.late
"""
FILES = {
    "training/loop.py": LOOP,
    "methods/base.py": "class Base: ...\n",
    "methods/own.py": METHOD,
    "methods/late.py": "X = 1\n",
    "methods/other.py": "class Other: ...\n",
    "models/networks.py": "from advkd.models.parts import Part\n",
    "models/parts.py": "class Part: ...\n",
    "models/unused.py": "class Unused: ...\n",
    "progress.py": "def say(): ...\n",
}


@pytest.fixture
def package(monkeypatch, tmp_path):
    """A small package in place of advkd's files."""
    folder = tmp_path / "advkd"
    monkeypatch.setattr(digests, "PACKAGE", folder)
    for name, source in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source, encoding="utf-8")
    yield folder
    clear_caches()


def clear_caches():
    for function in (digests._source, digests._code, digests._imports_of, digests._closure_digest):
        function.cache_clear()


def digest_of_own():
    clear_caches()
    return code_digest(["advkd.training.loop", "advkd.methods.own"])


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("training/loop.py", True),
        ("methods/base.py", True),
        ("methods/own.py", True),
        ("methods/late.py", True),  # imported inside a function
        ("models/networks.py", True),
        ("models/parts.py", True),  # imported by what is imported
        ("methods/other.py", False),  # imported for a type checker
        ("models/unused.py", False),
        ("progress.py", False),  # another room
    ],
)
def test_the_code_of_a_run_is_what_its_modules_import(package, name, counts):
    before = digest_of_own()
    path = package / name
    path.write_text(FILES[name] + "\n# explained\n", encoding="utf-8")
    assert digest_of_own() == before
    path.write_text(FILES[name] + "\nCHANGED = True\n", encoding="utf-8")
    assert (digest_of_own() != before) == counts


def test_only_the_rooms_that_are_asked_for_count(package):
    loop = ["advkd.training.loop"]
    assert import_closure(loop, rooms=("models",)) >= {*loop, "advkd.models.networks", "advkd.models.parts"}
    assert "advkd.methods.base" not in import_closure(loop, rooms=("models",))


def test_the_order_of_modules_does_not_count(package):
    clear_caches()
    loop = "advkd.training.loop"
    assert code_digest([loop, "advkd.methods.own"]) == code_digest(["advkd.methods.own", loop, loop])
    assert code_digest([loop, "advkd.methods.own"]) != code_digest([loop, "advkd.methods.other"])


def test_a_package_s_own_file_counts_where_something_is_imported_from_it(package):
    (package / "methods/__init__.py").write_text("X = 1")
    (package / "training/loop.py").write_text(LOOP + "from advkd.methods import X")
    before = digest_of_own()
    (package / "methods/__init__.py").write_text("X = 2")
    assert digest_of_own() != before


def test_a_package_s_own_file_does_not_count_where_a_module_of_it_is_imported(package):
    """What advkd.methods names for users, beside the modules of a run."""
    (package / "methods/__init__.py").write_text("X = 1")
    (package / "training/loop.py").write_text(LOOP + "from advkd.methods import base")
    before = digest_of_own()
    (package / "methods/__init__.py").write_text("from advkd.methods.other import X")
    assert digest_of_own() == before
    assert "advkd.methods.other" not in import_closure(["advkd.training.loop"])


def test_a_method_from_outside_counts_with_its_file(package, monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "outside_method.py").write_text("X = 1")
    before = code_digest(["advkd.training.loop", "outside_method"])
    clear_caches()
    (tmp_path / "outside_method.py").write_text("X = 2")
    assert code_digest(["advkd.training.loop", "outside_method"]) != before


def closure_of(name):
    resolved = config.resolve(name, config.user({"scale": "paper"}))
    parents = [parent.typed for parent in resolved.parents.values()]
    return {module.removeprefix("advkd.") for module in import_closure(start_modules(resolved.typed, parents))}


def test_a_run_rests_on_its_own_method_and_networks_alone():
    student = closure_of("gip/cifar10/resnet18/kd/seed0")
    assert {"training.classifier", "training.views", "methods.kd", "methods.method", "models.resnet_cifar"} <= student
    assert not student & {"methods.aikd", "methods.pskd", "methods.okd", "models.densenet", "models.preact_resnet"}
    superior = closure_of("aikd/cifar100/preact_resnet18/baseline/seed0")
    assert "models.preact_resnet" in superior and not superior & {"methods.kd", "methods.gip", "models.resnet_cifar"}
    gan = closure_of("okd/codebrim/sagan/okd/seed0")
    assert {"training.gan", "methods.okd", "models.sagan"} <= gan and not gan & {"training.classifier", "methods.kd"}


def test_a_run_rests_on_its_teacher_s_network():
    assert "models.wide_resnet" in closure_of("gip/cifar10/resnet18/kd+teacher=wrn28_10/seed0")
    assert "models.wide_resnet" not in closure_of("gip/cifar10/resnet18/kd/seed0")


def test_a_student_rests_on_the_generator_that_it_draws_from_alone():
    assert "models.gantsc" in closure_of("gip/cifar10/resnet18/gantsc/seed0")
    assert "models.gantsc" not in closure_of("gip/cifar10/resnet18/kd/seed0")


def test_an_evaluation_rests_on_its_own_metrics(monkeypatch):
    seen = []
    monkeypatch.setattr(
        digests, "_closure_digest", lambda modules, rooms: seen.append(digests.import_closure(modules, rooms))
    )
    code.gan_evaluation_code()
    code.classifier_evaluation_code()
    of_gan, of_classifier = seen
    networks = {"advkd.metrics.inception", "advkd.metrics.efficientnet"}
    assert {"advkd.runs.gan_evaluation", "advkd.metrics.frechet", *networks} <= of_gan
    assert {"advkd.metrics.classification", "advkd.metrics.calibration"} <= of_classifier
    assert "advkd.metrics.calibration" not in of_gan and "advkd.metrics.frechet" not in of_classifier
