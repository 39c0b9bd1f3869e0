"""advkd: three papers on adversarial knowledge distillation, from their data's archives to every table and figure.

`advkd.load` returns a trained network, ready to be used; see `advkd.inference`.
"""

import importlib

__version__ = "0.2.0"
__all__ = ["__version__", "load"]

# What a user calls, with the room that it is in. It is imported when it is first used: commands start without torch.
_ROOMS = {"load": "advkd.inference"}


def __getattr__(name: str) -> object:
    if name not in _ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_ROOMS[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_ROOMS])
