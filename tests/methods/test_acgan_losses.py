"""The ACGAN losses against probabilities written out."""

import torch

from advkd.methods.acgan import critic_loss, generator_loss


class Table:
    """A critic that looks its logits up by the first pixel, which numbers the image."""

    def __init__(self, seed):
        random = torch.Generator().manual_seed(seed)
        self.source = 3 * torch.randn(20, generator=random, dtype=torch.float64)
        self.classes = torch.randn(20, 5, generator=random, dtype=torch.float64)

    def __call__(self, images):
        rows = images[:, 0, 0, 0].long()
        return self.source[rows], self.classes[rows]

    def real(self, row):
        """P(real)."""
        return 1 / (1 + torch.exp(-self.source[row]))

    def of(self, row, label):
        """P(class = label)."""
        weights = torch.exp(self.classes[row])
        return weights[label] / weights.sum()


def numbered(*numbers):
    return torch.tensor(numbers, dtype=torch.float64)[:, None, None, None].expand(-1, 3, 2, 2)


def mean_log(*probabilities):
    return torch.stack(probabilities).log().mean()


def test_critic_loss_written_out():
    critic, true, false = Table(1), (3, 7, 11), (2, 5, 13)
    true_labels, false_labels = torch.tensor([0, 4, 2]), torch.tensor([1, 1, 3])
    terms = critic_loss(critic, (numbered(*true), true_labels), (numbered(*false), false_labels), aux_weight=0.6)
    source = -mean_log(*(critic.real(row) for row in true)) - mean_log(*(1 - critic.real(row) for row in false))
    auxiliary = -mean_log(*map(critic.of, true, true_labels)) - mean_log(*map(critic.of, false, false_labels))
    torch.testing.assert_close(terms["L"], source + 0.6 * auxiliary)
    torch.testing.assert_close(terms["W"], critic.source[list(true)].mean() - critic.source[list(false)].mean())


def test_generator_loss_written_out():
    discriminator, connector, rows, labels = Table(1), Table(2), (2, 5, 13), torch.tensor([1, 1, 3])
    alone = -mean_log(*map(discriminator.real, rows)) - 0.6 * mean_log(*map(discriminator.of, rows, labels))
    fake = numbered(*rows)
    torch.testing.assert_close(generator_loss(discriminator, None, fake, labels, 0.3, 0.6), alone)
    both = alone - 0.3 * mean_log(*map(connector.real, rows))
    torch.testing.assert_close(generator_loss(discriminator, connector, fake, labels, 0.3, 0.6), both)


def test_losses_stay_finite_for_sure_critics():
    critic = Table(1)
    critic.source *= 1000
    labels = torch.tensor([0, 1])
    terms = critic_loss(critic, (numbered(1, 2), labels), (numbered(3, 4), labels), 1.0)
    assert all(value.isfinite() for value in terms.values())
