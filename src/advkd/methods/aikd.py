"""AI-KD: adversarial learning and implicit regularization for self-knowledge distillation (Kim et al.).

The student S_t learns from labels, from a frozen superior S_sup (the Baseline of the same seed, last epoch), from
itself at the end of the epoch before, S_(t-1), and by fooling a critic D that tells its logits from the superior's.
For images x, with z = S_t(x), u = S_sup(x), v = S_(t-1)(x), the same augmented view for all three:

    L_G  = tau_G^2 KL(p(u; tau_G) || p(z; tau_G))                                   Eq. 4
    L_P  = tau_P^2 KL(p(v; tau_P) || p(z; tau_P))                                   Eq. 5
    L_D  = E[D(z)] - E[D(u)] + lambda E[(|grad D(x^)| - 1)^2],  x^ = eps u + (1 - eps) z     Eq. 6
    L_A  = -E[D(z)]                                                                 Eq. 7
    L_AI = (1 - alpha_P - alpha_G) CE + alpha_P L_P + alpha_G L_G + omega L_A       Eq. 8

One step of D (Adam) on L_D comes before one step of S_t (SGD) on L_AI. The authors published no code. What is not the
paper's own reading, or not its only one, is in `aikd_critic` and `aikd_previous`.

Choices:
    - [aikd] Open: S_(t-1) in the first epoch. Here: none; its weight goes to cross-entropy (`first_previous`). Why: Eq.
      8 with alpha_P = 0, which is PS-KD's first epoch.
    - [aikd] Open: mode of S_sup and S_(t-1). Here: evaluation (`frozen_mode`). Why: usual for teachers.
    - [aikd] Open: the student's start. Here: fresh, with other random numbers than the superior's (`student_start`).
      Why: "student model is trained via AI-KD".
    - [aikd: Eq. 3] Printed: cross-entropy is divergence minus entropy. Here: plus entropy. Why: so it is by definition;
      the superior's entropy is a constant, so the loss is the same.
    - [aikd: Table 5] Open: weight of cross-entropy without L_P or L_G. Here: Eq. 8's 1 - alpha_P - alpha_G, 0.7 to 1
      in place of 0.6 (`alpha_p`, `alpha_g`). Why: as the equation says; so such a row changes two terms.
    - [aikd: Eqs. 4, 5] Open: reduction of the KL terms. Here: sum over classes, mean over images, times tau^2
      (`kl_reduction`). Why: the equations sum over classes.
"""

from typing import Unpack

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from advkd.methods.aikd_critic import Adversary
from advkd.methods.aikd_previous import Previous, PreviousNetwork, PreviousTable
from advkd.methods.batch import Batch
from advkd.methods.divergence import divergence, kl
from advkd.methods.frozen import Frozen
from advkd.methods.method import Loss, Method, Task, error
from advkd.methods.settings.aikd import AiKdSettings


class AiKd(Method[AiKdSettings]):
    """AI-KD. A term of weight 0 is not computed: omega = 0 trains no critic ("No Adv")."""

    Settings = AiKdSettings

    def __init__(
        self, settings: AiKdSettings, student: nn.Module, *, superior: nn.Module | None = None, **task: Unpack[Task]
    ) -> None:
        super().__init__(settings, student, **task)
        if settings.superior is not None and superior is None:
            raise ValueError("AI-KD learns from a superior: give one, or set alpha_g and omega to 0")
        self.superior: Frozen | None = None
        if superior is not None:
            self.superior = Frozen(superior, settings.frozen_precision, settings.frozen_mode)
            if settings.student_start == "superior":
                student.load_state_dict(superior.state_dict())
        self.previous = self._make_previous() if settings.progressive else None
        self.adversary = Adversary(settings.critic, self.classes, self.device) if settings.critic else None
        if self.adversary:
            self.networks["critic"], self.optimizers["critic"] = self.adversary.critic, self.adversary.optimizer
        self.epoch = 0

    def begin_epoch(self, epoch: int, factor: float = 1.0) -> None:
        """Note the epoch, and set the critic's learning rate."""
        self.epoch = epoch
        if self.adversary:
            self.adversary.begin_epoch(factor)

    def end_epoch(self, epoch: int) -> dict[str, float]:
        """Keep the student as S_(t-1) of the next epoch."""
        if self.previous:
            self.previous.follow(self.student)
        return {}

    def loss(self, batch: Batch) -> Loss:
        """Train the critic on Eq. 6, then return Eq. 8 and its terms."""
        s, adversary = self.settings, self.adversary
        # Drawn first, so that a GPU need not be waited for: one weight an image, shared by its C coordinates.
        eps = torch.rand(len(batch.labels), 1).to(self.device, non_blocking=True) if adversary else None
        z = self.logits(batch.images)
        u = self.superior(batch.images) if self.superior and (s.alpha_g or s.omega) else None
        progressive = self._progressive(z, u, batch)  # Eq. 5
        terms = {"CE": batch.cross_entropy(z)}
        if progressive is not None:
            terms["L_P"] = progressive
        if s.tau_g is not None and u is not None:
            terms["L_G"] = divergence(u, z, s.tau_g, s.kl_reduction)  # Eq. 4
        critic_terms: dict[str, Tensor] = {}
        if adversary and u is not None and eps is not None:
            critic_terms = adversary.train(z.detach(), u, eps)  # Eq. 6
            terms["L_A"] = adversary.fool(z, u)  # Eq. 7
        CE, nothing = terms["CE"], z.new_zeros(())
        L_P, L_G, L_A = terms.get("L_P", nothing), terms.get("L_G", nothing), terms.get("L_A", nothing)
        alpha_p = s.alpha_p if "L_P" in terms else 0.0  # without S_(t-1), cross-entropy has its weight
        loss = (1 - alpha_p - s.alpha_g) * CE + alpha_p * L_P + s.alpha_g * L_G + s.omega * L_A  # Eq. 8
        logged = {name: term.detach() for name, term in terms.items()}
        return loss, {**logged, **critic_terms, "error": error(z, batch)}

    def _progressive(self, z: Tensor, u: Tensor | None, batch: Batch) -> Tensor | None:
        """Return L_P, Eq. 5, or None where there is no S_(t-1): in the first epoch, or where alpha_P is 0."""
        s = self.settings.progressive
        if s is None or self.previous is None:
            return None
        target = None
        if self.epoch > 0 or s.first_previous == "initial":
            target = self.previous.target(batch, s.tau_p)
        elif s.first_previous == "superior" and self.superior:
            target = F.log_softmax((self.superior(batch.images) if u is None else u) / s.tau_p, 1)
        self.previous.remember(batch, z)
        if target is None:
            return None
        return s.tau_p**2 * kl(target, F.log_softmax(z / s.tau_p, 1), self.settings.kl_reduction)

    def _make_previous(self) -> Previous:
        s = self.settings
        if s.progressive and s.progressive.previous_source == "table":
            table = PreviousTable(len(self.training_labels()), self.classes, self.device)
            self.tensors["past"] = table.past
            return table
        network = PreviousNetwork(self.student, s.frozen_precision, s.frozen_mode)
        self.networks["previous"] = network.network
        return network
