"""DAFL: data-free learning of student networks (Chen et al., ICCV 2019), which GIP compares with.

The first part of GIP's epoch alone, without L_BNS: the student never sees a real image.

Choices:
    - [gip: DAFL and GAN-TSC] Published: numbers that GIP quotes. Here: these stay, marked ‡; ours beside them come from
      the re-implementations below.
    - [gip: DAFL] Published: code with 2,000 epochs of 120 iterations and weights for each data set. Here: the same
      (`epochs`, `synthetic_steps`, `alpha`, `beta`, `gamma`, `generator_lr`).
    - [gip: DAFL] Published: the students' best epoch. Here: the last; the best in the CSV.
    - [gip: DAFL] Published: L_KD is part of the generator's loss. Here: it is not. Why: the student sees the images
      without their graph, so that it gives the generator nothing.
"""

from advkd.methods.gip import Gip
from advkd.methods.settings.dafl import DaflSettings


class Dafl(Gip):
    """DAFL; an epoch is `synthetic_steps` iterations."""

    Settings = DaflSettings  # type: ignore[assignment]
    sees_real = False
