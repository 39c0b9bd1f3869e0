"""The modules that the server of jobs imports, for each rule of the workflow.

A missing one costs time and nothing else. scikit-learn is not among them: few figures use it, and it takes half a
second.
"""

import pkgutil
from collections.abc import Iterable, Iterator
from pathlib import Path

import advkd

PACKAGE = Path(advkd.__file__).parent
EVERY = ["advkd.cli", "advkd.progress", "advkd.settings.config", "advkd.settings.words"]
TRAINING_ROOMS = ("models", "methods", "training")  # whose modules are imported by the names that settings give
EVALUATION = ["torch._dynamo", "advkd.runs.gan_evaluation", "advkd.runs.evaluation", "scipy.linalg", "pandas"]
MODULES = {
    "draw": ["advkd.data.registry", "advkd.data.drawn.draw_dataset"],
    "prepare": [
        "advkd.data.archives.verification", "advkd.data.classifier_store", "advkd.data.crop_store",
        "advkd.data.folder_source", "advkd.settings.validation",
    ],
    "derive": ["advkd.runs.derived"],
    "train": ["torch._dynamo", "advkd.runs.train", "advkd.runs.lookup", "advkd.data.folder_source"],
    "reals": EVALUATION,
    "evaluate": EVALUATION,
    "table": ["advkd.artifacts.tables", "advkd.metrics.classification"],
    "figure": ["advkd.artifacts.figures", "advkd.metrics.classification"],
    "page": ["advkd.report.content", "advkd.report.page"],
}  # fmt: skip


def modules(rules: Iterable[str]) -> list[str]:
    """Return the modules that jobs of these rules need."""
    rules = set(rules)
    names = [*EVERY, *(name for rule in sorted(rules & MODULES.keys()) for name in MODULES[rule])]
    if "train" in rules:
        names += [name for room in TRAINING_ROOMS for name in _modules_of(room)]
    return list(dict.fromkeys(names))


def _modules_of(room: str) -> Iterator[str]:
    """Yield the modules of a room."""
    for module in pkgutil.walk_packages([str(PACKAGE / room)], f"{advkd.__name__}.{room}."):
        yield module.name
