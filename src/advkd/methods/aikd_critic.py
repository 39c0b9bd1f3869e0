"""AI-KD's critic D: its loss (Eq. 6), how the student fools it (Eq. 7), and other readings of both.

Choices:
    - [aikd: Eq. 6] Printed: "the middle term is ignored". Here: kept in the critic's loss (`critic_real`), absent from
      the student's. Why: without E[D(u)] the critic has nothing to rate high.
    - [aikd] Open: what the gradient penalty differentiates. Here: the critic's score (`gp_scalar`). Why: the sum of its
      outputs, as many public snippets take it, has a gradient 32 times larger, so that the learnt score would be
      1/32-Lipschitz, and the adversarial term less than 1 % of the student's gradient.
    - [aikd] Open: the critic's input. Here: logits, and x^ between these (`critic_input`). Why: section 4.2; sections
      3.1 and 3.2 read like probabilities, with which the adversarial term is less than 1 % of the student's gradient.
    - [aikd] Open: batch norm in a critic with gradient penalty. Here: kept, in training mode everywhere, with separate
      forwards for z, u and x^ (`critic_norm`, `critic_forward`, `gp_mode`, `fool_mode`). Why: as specified, though
      WGAN-GP advises against it. Such a critic cannot see a shift of each class or a common scale of the student's
      logits, or of the superior's: D(z) = D(a z + b) for any a > 0 and vector b (batch norm's eps aside), and location
      and scale are most of what separates the two. Variants without it, and with one forward of z and u, can.
    - [aikd] Open: critic steps, order. Here: one, before each student step (`critic_steps`).
    - [aikd] Open: the critic's Adam. Here: PyTorch's betas, not WGAN-GP's, and a constant rate (`critic_beta1`,
      `critic_beta2`, `critic_decay`). Why: an "initial learning rate" is given, but no decay.
"""

import contextlib
from collections.abc import Iterator

import torch
from torch import Tensor

from advkd.methods.auc import auc
from advkd.methods.settings.aikd import CriticSettings
from advkd.methods.wgan_gp import gradient_penalty
from advkd.models.critic import Critic


class Adversary:
    """The critic and its optimizer. Initial weights come from torch's global state.

    Args:
        settings: the critic's settings.
        classes: number of classes C.
        device: where logits are.

    Attributes:
        critic: D, from logits or probabilities (B, C) to scores (B,).
        optimizer: its Adam.
    """

    def __init__(self, settings: CriticSettings, classes: int, device: torch.device) -> None:
        self.settings = s = settings
        critic = Critic(classes, s.fc1, s.fc2, norm=s.critic_norm, slope=s.critic_slope, output=s.critic_output)
        self.critic = critic.to(device)
        betas = (s.critic_beta1, s.critic_beta2)
        self.optimizer = torch.optim.Adam(self.critic.parameters(), s.critic_lr, betas, fused=True)

    def begin_epoch(self, factor: float) -> None:
        """Set the learning rate; with `critic_decay` it is `factor` of the first, as the student's is."""
        self.optimizer.param_groups[0]["lr"] = self.settings.critic_lr * (factor if self.settings.critic_decay else 1.0)

    def train(self, z: Tensor, u: Tensor, eps: Tensor) -> dict[str, Tensor]:
        """Take `critic_steps` steps on L_D, Eq. 6.

        Args:
            z: logits (B, C) of the student, without graph.
            u: logits (B, C) of the superior, without graph.
            eps: weights in [0, 1] of the first step's interpolates x^, (B, 1); later steps draw their own.

        Returns:
            Of the last step, before its update: "L_D", the distance "W" = E[D(u)] - E[D(z)], "AUC", how well D tells
            u and z apart, and the penalty "GP".
        """
        s, critic = self.settings, self.critic
        z, u = self._input(z), self._input(u)
        for step in range(s.critic_steps):
            if step > 0:
                eps = torch.rand(eps.shape).to(eps.device, non_blocking=True)
            self.optimizer.zero_grad(set_to_none=True)
            scores_z, scores_u = self._scores(z, u)
            score_z, score_u = scores_z.mean(), scores_u.mean()
            with _mode(critic, s.gp_mode):
                penalty = gradient_penalty(self._penalised, z, u, eps)
            loss = score_z - (score_u if s.critic_real else 0.0) + s.gp_weight * penalty  # Eq. 6
            loss.backward()
            self.optimizer.step()
        terms = {"L_D": loss, "W": score_u - score_z, "AUC": auc(scores_u, scores_z), "GP": penalty}
        return {name: term.detach() for name, term in terms.items()}

    def fool(self, z: Tensor, u: Tensor) -> Tensor:
        """Return L_A = -E[D(z)], Eq. 7, 0-d with graph.

        Args:
            z: logits (B, C) of the student, with graph.
            u: logits (B, C) of the superior, without graph, which a joint forward standardises together with z.
        """
        with _mode(self.critic, self.settings.fool_mode):
            z = self._input(z)
            scores = self._scores(z, self._input(u))[0] if self._joint else self.critic(z)
        return -scores.mean()

    @property
    def _joint(self) -> bool:
        return self.settings.critic_forward == "joint"

    def _scores(self, z: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
        """Return the scores (B,) of the student's and the superior's inputs (B, C), from one forward or from two."""
        if not self._joint:
            return self.critic(z), self.critic(u)
        score_z, score_u = self.critic(torch.cat([z, u])).split([len(z), len(u)])
        return score_z, score_u

    def _input(self, logits: Tensor) -> Tensor:
        return logits if self.settings.critic_input == "logits" else logits.softmax(1)

    def _penalised(self, x: Tensor) -> Tensor:
        scores: Tensor = self.critic(x, "sum" if self.settings.gp_scalar == "sum" else None)
        return scores


@contextlib.contextmanager
def _mode(critic: Critic, mode: str | None) -> Iterator[None]:
    """Put the critic in a mode for a while; None: training mode, where nothing depends on it."""
    critic.train(mode != "eval")
    yield
    critic.train()
