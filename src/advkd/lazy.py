"""Names of a package that are loaded when somebody first asks for them (PEP 562)."""

import importlib
import sys
from collections.abc import Callable, Collection, Mapping
from typing import Any

from advkd.extras import naming_extra


def attach(
    package: str, modules: Mapping[str, str], submodules: Collection[str] = ()
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return the functions `__getattr__` and `__dir__` of a package.

    The package's stub `__init__.pyi` says for editors and type checkers what the names are. tests/test_lazy.py compares
    the stub, `__all__`, `modules` and `submodules`.

    Args:
        package: its `__name__`.
        modules: the module that each name is loaded from.
        submodules: names of modules of the package that are values themselves.
    """

    def load(name: str) -> Any:
        if name in submodules:
            return importlib.import_module(f"{package}.{name}")  # which also makes it an attribute of the package
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        with naming_extra(f"{package}.{name}"):
            value = getattr(importlib.import_module(modules[name]), name)
        setattr(sys.modules[package], name, value)  # the next time it is there
        return value

    def names() -> list[str]:
        return sorted({*vars(sys.modules[package]), *modules, *submodules})

    return load, names
