"""advkd: three papers on adversarial knowledge distillation, from their data's archives to every table and figure.

What a user calls has its name here; docs/library.md shows how it is used. It is loaded when it is first asked for, so
that commands start without torch.

    advkd.load       a trained network, ready to be used (`advkd.inference`)
    advkd.results    the trained runs as a table, one in a row
    advkd.cells      the cells of the papers' tables, published and ours, one in a row
    advkd.methods    the training methods, for a loop of one's own
    advkd.metrics    the measures, for arrays of one's own
"""

from advkd.lazy import attach

__version__ = "0.2.0"

_MODULES = {"cells": "advkd.artifacts.cell_frame", "load": "advkd.inference", "results": "advkd.runs.run_frame"}
_SUBMODULES = ["methods", "metrics"]

__all__ = ["__version__", *_MODULES, *_SUBMODULES]
__getattr__, __dir__ = attach(__name__, _MODULES, _SUBMODULES)
