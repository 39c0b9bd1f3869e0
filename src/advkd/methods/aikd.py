"""AI-KD: adversarial learning and implicit regularization for self-knowledge distillation (Kim et al.).

The student S_t learns from labels, from a frozen superior S_sup (the Baseline of the same seed, last epoch), from
itself at the end of the epoch before, S_(t-1), and by fooling a critic D that tells its logits from the superior's.
For images x, with z = S_t(x), u = S_sup(x), v = S_(t-1)(x), the same augmented view for all three:

    L_G  = tau_G^2 KL(p(u; tau_G) || p(z; tau_G))                                   Eq. 4
    L_P  = tau_P^2 KL(p(v; tau_P) || p(z; tau_P))                                   Eq. 5
    L_D  = E[D(z)] - E[D(u)] + lambda E[(|grad D(x^)| - 1)^2],  x^ = eps u + (1 - eps) z     Eq. 6
    L_A  = -E[D(z)]                                                                 Eq. 7
    L_AI = (1 - alpha_P - alpha_G) CE + alpha_P L_P + alpha_G L_G + omega L_A       Eq. 8

One step of D (Adam) on L_D comes before one step of S_t (SGD) on L_AI. The public record holds no code.

Choices:
    - [aikd: Eq. 6] Printed: "the middle term is ignored". Here: kept in the critic's loss (`critic_real`), absent from
      the student's. Why: without E[D(u)] the critic has nothing to rate high.
    - [aikd] Open: what the gradient penalty differentiates. Here: the critic's score (`gp_scalar`). Why: the sum of its
      outputs, as many public snippets take it, has a gradient 32 times larger, so that the learnt score would be
      1/32-Lipschitz.
    - [aikd] Open: the critic's input. Here: logits, and x^ between these (`critic_input`). Why: section 4.2; sections
      3.1 and 3.2 read like probabilities.
    - [aikd] Open: batch norm in a critic with gradient penalty. Here: kept, in training mode everywhere, with separate
      forwards for z, u and x^ (`critic_norm`, `gp_mode`, `fool_mode`). Why: as specified, though WGAN-GP advises
      against it.
    - [aikd] Open: critic steps, order. Here: one, before each student step (`critic_steps`).
    - [aikd] Open: the critic's Adam. Here: PyTorch's betas, not WGAN-GP's, and a constant rate (`critic_beta1`,
      `critic_beta2`, `critic_decay`). Why: an "initial learning rate" is given, but no decay.
    - [aikd] Open: S_(t-1) in the first epoch. Here: none; its weight goes to cross-entropy (`first_previous`). Why: Eq.
      8 with alpha_P = 0, which is PS-KD's first epoch.
    - [aikd] Open: how S_(t-1) is kept. Here: a copy of the network, on the current view, not a table of remembered
      predictions (`previous_source`). Why: "three same-size network architectures".
    - [aikd] Open: mode of S_sup and S_(t-1). Here: evaluation (`frozen_mode`). Why: usual for teachers.
    - [aikd] Open: the student's start. Here: fresh, with another seed than the superior's (`student_start`,
      `seed_offset`). Why: "student model is trained via AI-KD".
    - [aikd: Eqs. 4, 5] Open: reduction of the KL terms. Here: sum over classes, mean over images, times tau^2
      (`kl_reduction`). Why: the equations sum over classes.
"""

import contextlib
from collections.abc import Iterator
from types import SimpleNamespace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from advkd.methods.baseline import Baseline, Task, error
from advkd.methods.batch import Batch
from advkd.methods.divergence import divergence, kl
from advkd.methods.frozen import Frozen
from advkd.methods.wgan_gp import gradient_penalty
from advkd.models.critic import Critic


class AiKd(Baseline):
    """AI-KD. A term of weight 0 is not computed: omega = 0 trains no critic ("No Adv")."""

    def __init__(self, s: SimpleNamespace, student: nn.Module, task: Task) -> None:
        super().__init__(s, student, task)
        superior = task.parents.get("superior")  # absent where nothing of it is used
        self.superior = None if superior is None else Frozen(superior, s.frozen_precision, s.frozen_mode)
        if s.student_start == "superior":
            student.load_state_dict(superior.state_dict())
        if s.alpha_p and s.previous_source == "model":
            self.networks["previous"] = Frozen(student, s.frozen_precision, s.frozen_mode)
        elif s.alpha_p:
            self.tensors["past"] = torch.zeros(len(task.labels), task.classes, device=task.device)
        if s.omega:
            self.critic = self.networks["critic"] = Critic(task.classes, s).to(task.device)
            betas = (float(s.critic_beta1), float(s.critic_beta2))
            self.optimizers["critic"] = torch.optim.Adam(self.critic.parameters(), s.critic_lr, betas, fused=True)
        self.epoch = 0

    def begin_epoch(self, epoch: int, factor: float) -> None:
        """Note the epoch; with `critic_decay`, let the critic's rate fall with the student's."""
        self.epoch = epoch
        for optimizer in self.optimizers.values():
            optimizer.param_groups[0]["lr"] = self.s.critic_lr * (factor if self.s.critic_decay else 1.0)

    def end_epoch(self, epoch: int) -> dict[str, float]:
        """Keep the student as S_(t-1) of the next epoch."""
        if "previous" in self.networks:
            self.networks["previous"].follow(self.student)
        return {}

    def loss(self, batch: Batch) -> dict[str, Tensor]:
        """Train the critic on Eq. 6, then return Eq. 8 and its parts."""
        s = self.s
        # Drawn first, so that a GPU need not be waited for: one weight an image, shared by its C coordinates.
        eps = torch.rand(len(batch.labels), 1).to(self.task.device, non_blocking=True) if s.omega else None
        z = self.logits(batch.images)
        u = self.superior(batch.images) if s.alpha_g or s.omega else None
        progressive = self._progressive(z, u, batch) if s.alpha_p else None
        critic = self._train_critic(z.detach(), u, eps) if s.omega else {}

        alpha_p = 0.0 if progressive is None else s.alpha_p
        parts = {"CE": ((1 - alpha_p - s.alpha_g), batch.cross_entropy(z))}
        if progressive is not None:
            parts["L_P"] = (alpha_p, progressive)  # Eq. 5
        if s.alpha_g:
            parts["L_G"] = (s.alpha_g, divergence(u, z, s.tau_g, s.kl_reduction))  # Eq. 4
        if s.omega:
            with _mode(self.critic, getattr(s, "fool_mode", "train")):
                parts["L_A"] = (s.omega, -self.critic(self._seen(z)).mean())  # Eq. 7
        loss = sum(weight * term if weight != 1 else term for weight, term in parts.values())  # Eq. 8
        terms = {name: term.detach() for name, (_, term) in parts.items()}
        # One set of columns from the first epoch on: history.csv has one header.
        if s.alpha_p:
            terms.setdefault("L_P", torch.zeros_like(loss.detach()))
        return {"L": loss, **terms, **critic, "error": error(z, batch)}

    def _progressive(self, z: Tensor, u: Tensor | None, batch: Batch) -> Tensor | None:
        """Return Eq. 5, or None where there is no S_(t-1) yet."""
        s = self.s
        if s.previous_source == "table":
            past = self.tensors["past"]
            before = batch.mixed(F.softmax(past[batch.index] / s.tau_p, 1)).clamp_min(1e-30).log()
            past[batch.index] = z.detach()
            if self.epoch > 0:
                return s.tau_p**2 * kl(before, F.log_softmax(z / s.tau_p, 1), s.kl_reduction)
        elif self.epoch > 0 or s.first_previous == "initial":
            return divergence(self.networks["previous"](batch.images), z, s.tau_p, s.kl_reduction)
        if s.first_previous == "superior":
            return divergence(self.superior(batch.images) if u is None else u, z, s.tau_p, s.kl_reduction)
        return None

    def _train_critic(self, z: Tensor, u: Tensor, eps: Tensor) -> dict[str, Tensor]:
        """Take `critic_steps` steps on Eq. 6; return the last one's loss, distance E[D(u)] - E[D(z)] and penalty."""
        s, critic, optimizer = self.s, self.critic, self.optimizers["critic"]
        z, u = self._seen(z), self._seen(u)
        scalar = "sum" if getattr(s, "gp_scalar", "score") == "sum" else None
        for step in range(s.critic_steps):
            if step:
                eps = torch.rand(eps.shape).to(eps.device, non_blocking=True)
            optimizer.zero_grad(set_to_none=True)
            on_z, on_u = critic(z).mean(), critic(u).mean()
            with _mode(critic, getattr(s, "gp_mode", "train")):
                penalty = gradient_penalty(lambda x: critic(x, scalar), z, u, eps)
            loss = on_z - (on_u if s.critic_real else 0.0) + s.gp_weight * penalty
            loss.backward()
            optimizer.step()
        return {"L_D": loss.detach(), "W": (on_u - on_z).detach(), "GP": penalty.detach()}

    def _seen(self, logits: Tensor) -> Tensor:
        return logits if self.s.critic_input == "logits" else logits.softmax(1)


@contextlib.contextmanager
def _mode(critic: nn.Module, mode: str) -> Iterator[None]:
    critic.train(mode == "train")
    yield
    critic.train()
