"""How a training ends that diverges."""


class Diverged(Exception):
    """A loss or a weight became non-finite. This is a result of a training, not a fault of the program.

    Args:
        step: the step after which it happened, from 1.
        terms: the non-finite values or what they are in, by the name of the loss term or weight.
        epoch: the epoch of that step, from 1, where a training has epochs.
    """

    def __init__(self, step: int, terms: dict[str, str], epoch: int | None = None) -> None:
        super().__init__(f"non-finite at step {step}")
        self.when = {"step": step} if epoch is None else {"epoch": epoch, "step": step}
        self.terms = terms
