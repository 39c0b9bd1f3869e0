"""DAFL: data-free learning of student networks (Chen et al., ICCV 2019), which GIP compares with.

The first part of GIP's epoch alone, without L_BNS: the student never sees a real image. The public code adds L_KD to
the generator's loss; since the student sees the images without their graph, that gives the generator nothing.
"""

from advkd.methods.gip import Gip


class Dafl(Gip):
    """DAFL; an epoch is `synthetic_steps` iterations."""

    sees_real = False
