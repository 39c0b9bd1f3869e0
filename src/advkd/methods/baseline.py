"""Baseline: cross-entropy alone.

Choices:
    - [aikd, gip] Usual: what is trained computes in float32. Here: so too, but bfloat16 is offered, and used at scales
      small and gpu (`precision`). Why: a step costs less. The last layer, critics and GIP's generator stay in float32;
      at these scales ReActNet too, whose signs it would flip.
"""

from advkd.methods.method import Method
from advkd.methods.settings.baseline import BaselineSettings


class Baseline(Method[BaselineSettings]):
    """Cross-entropy on real images, which is what a method does that says nothing else."""

    Settings = BaselineSettings
