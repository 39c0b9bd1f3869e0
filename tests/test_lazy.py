"""What a user imports: its names, which are loaded when they are asked for, and what editors are told of them."""

import ast
import importlib
import subprocess
import sys

import pytest

from checkouts import ROOT, environment

PACKAGES = ["advkd", "advkd.methods", "advkd.metrics"]


def stub_of(package):
    """Return what the stub of a package says: for each name the module that it comes from."""
    path = ROOT / "src" / package.replace(".", "/") / "__init__.pyi"
    names = {}
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                assert alias.name == alias.asname, f"{path} must export {alias.name} as itself"
                names[alias.name] = node.module
    return names


@pytest.mark.parametrize("package", PACKAGES)
def test_the_stub_names_what_the_package_loads(package):
    module, stub = importlib.import_module(package), stub_of(package)
    assert set(stub) == set(module.__all__) - {"__version__"} and len(set(module.__all__)) == len(module.__all__)
    assert set(module.__all__) <= set(dir(module))
    for name, source in stub.items():
        assert getattr(module, name) is getattr(importlib.import_module(source), name)


@pytest.mark.parametrize("package", PACKAGES)
def test_everything_is_imported_by_a_star(package):
    names = {}
    exec(f"from {package} import *", names)
    assert set(importlib.import_module(package).__all__) <= set(names)


@pytest.mark.parametrize(
    ("name", "member"), [("methods", "AiKd"), ("metrics", "mcnemar"), ("load", "__call__"), ("results", "__call__")]
)
def test_every_name_is_there_after_importing_advkd_alone(name, member):
    program = f"import advkd; assert {name!r} in dir(advkd); advkd.{name}.{member}"
    done = subprocess.run([sys.executable, "-c", program], env=environment(ROOT), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_name_that_is_not_there_is_told():
    import advkd.methods

    with pytest.raises(AttributeError, match=r"module 'advkd\.methods' has no attribute 'AIKD'"):
        advkd.methods.AIKD  # noqa: B018
    with pytest.raises(ImportError, match="cannot import name 'AIKD'"):
        from advkd.methods import AIKD  # noqa: F401


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        ("import advkd; dir(advkd)", ["torch", "numpy", "pandas", "pydantic", "advkd.runs"]),
        ("import advkd; advkd.methods, advkd.metrics", ["torch", "numpy", "scipy", "pydantic"]),
        ("from advkd import results", ["torch", "pydantic", "snakemake", "matplotlib", "scipy"]),
        ("import advkd.methods.settings.base as base; base.registered('aikd')", ["torch", "numpy", "pydantic"]),
        ("from advkd.methods import CriticSettings, SaganSettings", ["torch", "numpy", "pydantic"]),
        ("import advkd.metrics; dir(advkd.metrics)", ["torch", "numpy", "scipy"]),
        ("from advkd.metrics import mcnemar; mcnemar([True], [False])", ["torch", "sklearn", "pydantic", "snakemake"]),
        ("from advkd.methods import *", ["pydantic", "snakemake", "scipy", "pandas", "matplotlib"]),
    ],
)
def test_no_more_is_loaded_than_is_asked_for(statement, absent):
    program = f"import sys; {statement}; print([name for name in {absent} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], env=environment(ROOT), capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.strip() == "[]", done.stdout + done.stderr


HIDDEN = """
import sys
for name in {hidden!r}:
    sys.modules[name] = None
import advkd
import advkd.metrics
try:
    {use}
except ModuleNotFoundError as error:
    print(error)
"""


@pytest.mark.parametrize(("hidden", "use", "line"), [
    (["pandas"], "advkd.results()", "advkd.results needs the extra workflow: install advkd[workflow]"),
    (["scipy", "scipy.stats"], "advkd.metrics.mcnemar([True, False], [False, False])",
     "advkd.metrics.mcnemar needs the extra metrics: install advkd[metrics]"),
    (["sklearn", "sklearn.metrics"], "advkd.metrics.error_rates([[2, 1], [0, 1]], [0, 1])",
     "advkd.metrics.error_rates needs the extra metrics: install advkd[metrics]"),
])  # fmt: skip
def test_what_lacks_an_extra_names_it_in_one_line(hidden, use, line):
    program = HIDDEN.format(hidden=hidden, use=use)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment(ROOT))
    assert done.stdout.strip() == line, done.stderr
