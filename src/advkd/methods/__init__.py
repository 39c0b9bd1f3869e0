"""Training methods, one a file: the losses, and the networks they need beside the student.

Everything that a training loop of one's own needs has its name here; docs/library.md shows how it is used. Nothing is
loaded before it is asked for: the settings of the methods, in `methods.settings`, must be read without torch.
"""

from advkd.lazy import attach

_MODULES = {
    "AiKd": "aikd",
    "Baseline": "baseline",
    "Batch": "batch",
    "Batches": "loading",
    "CsKd": "cskd",
    "Dafl": "dafl",
    "GanEnsemble": "okd",
    "GanTsc": "gantsc",
    "GanTscGan": "gantsc_gan",
    "Gip": "gip",
    "Indexed": "loading",
    "Kd": "kd",
    "Method": "method",
    "PsKd": "pskd",
    "TfKd": "tfkd",
    # Their groups of settings, and those of the GANs.
    "AcganSettings": "settings.okd",
    "CriticSettings": "settings.aikd",
    "DaflSynthesis": "settings.dafl",
    "GanAdam": "settings.okd",
    "MethodSettings": "settings.base",
    "OkdSettings": "settings.okd",
    "Progressive": "settings.aikd",
    "SaganSettings": "settings.okd",
    "SingleSettings": "settings.okd",
    "Superior": "settings.base",
    "Synthesis": "settings.gip",
}

__all__ = list(_MODULES)
__getattr__, __dir__ = attach(__name__, {name: f"{__name__}.{module}" for name, module in _MODULES.items()})
