"""The batch-norm statistics that a student is evaluated with, against sums written out in float64."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from trainings import distinct_values, make_training, take_epoch

from advkd.training import statistics
from torch_state import _torch_state  # noqa: F401  (a fixture)


def network_and_batches():
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4, momentum=0.3), nn.ReLU(), nn.Conv2d(4, 5, 1), nn.BatchNorm2d(5)
    ).double()
    return network, [torch.randn(count, 3, 6, 6, dtype=torch.float64) for count in (4, 4, 3)]


def moments(x):
    """Mean and unbiased variance of every channel of (B, C, H, W), from sums."""
    values = x.transpose(0, 1).flatten(1)
    mean = values.sum(1) / values.shape[1]
    return mean, (values - mean[:, None]).square().sum(1) / (values.shape[1] - 1)


def test_recomputed_statistics_are_the_mean_of_those_of_the_batches():
    network, batches = network_and_batches()
    for images in batches:
        network(10 * images + 3)  # what the running statistics know before
    expected = []
    for images in batches:
        first = F.conv2d(images, network[0].weight, network[0].bias)
        mean, variance = moments(first)
        biased = variance * (1 - 1 / (first.numel() / 4))
        standard = (first - mean[:, None, None]) / (biased[:, None, None] + 1e-5).sqrt()
        second = F.conv2d(standard.clamp(min=0), network[3].weight, network[3].bias)
        expected.append(torch.cat([*moments(first), *moments(second)]))
    before, random = [network(images) for images in batches], torch.get_rng_state()
    statistics.recompute(network, network, batches)
    ours = torch.cat([getattr(network[place], name) for place in (1, 4) for name in ("running_mean", "running_var")])
    torch.testing.assert_close(ours, sum(expected) / len(expected), rtol=1e-9, atol=1e-12)
    assert (network[1].momentum, network[4].momentum) == (0.3, 0.1) and network.training
    assert torch.equal(torch.get_rng_state(), random)
    assert all(torch.equal(network(images), out) for images, out in zip(batches, before, strict=True))


@pytest.mark.parametrize(("steps", "percent"), [(4, 66), (40, 1.5), (0, 100)])
def test_the_synthetic_share_is_what_a_running_mean_keeps(steps, percent):
    norm = nn.BatchNorm2d(1)
    norm.running_mean.fill_(1.0)  # of synthetic images
    for _ in range(steps):
        norm(torch.zeros(2, 1, 3, 3))  # real ones
    share = statistics.synthetic_share(nn.Sequential(norm), steps)
    assert share == pytest.approx(norm.running_mean.item(), rel=1e-5)
    assert 100 * share == pytest.approx(percent, abs=0.4)


def test_a_network_without_batch_norm_has_no_share():
    assert statistics.synthetic_share(nn.Linear(2, 2), 3) == 0 and statistics.warning(nn.Linear(2, 2), 3) is None


def test_no_warning_where_next_to_nothing_is_synthetic():
    norm = nn.BatchNorm2d(1)
    assert statistics.warning(norm, 44) is None and "come from synthetic images" in statistics.warning(norm, 43)


def trained(capsys, method="gip", **changes):
    training = make_training("gip", method, distinct_values("gip", method) | {"passes": 1} | changes)
    printed = "".join(capsys.readouterr())
    take_epoch(training, 0)
    return training, printed


def test_gip_evaluates_with_statistics_of_all_real_images_where_it_is_asked_to(capsys):
    running, printed = trained(capsys)
    line = next(line for line in printed.splitlines() if "warning" in line)
    assert "ends with 2 steps on real images, so 81 % of the batch-norm statistics" in line
    recomputed, printed = trained(capsys, evaluated_statistics="recomputed")
    assert "batch-norm" not in printed
    student, other = (training.method.student for training in (recomputed, running))
    for (name, weight), theirs in zip(student.named_parameters(), other.parameters(), strict=True):
        assert torch.equal(weight, theirs), f"the training is the same, but not {name}"
    assert recomputed.session.history[0]["valid_loss"] != running.session.history[0]["valid_loss"]
    convolution, norm = student.stem[0], student.stem[1]
    batches = list(recomputed.real_batches(0))
    assert [len(batch) for batch in batches] == [6, 6]
    found = [moments(F.conv2d(batch.double(), convolution.weight.double(), padding=1)) for batch in batches]
    for place, name in enumerate(("running_mean", "running_var")):
        expected = sum(pair[place] for pair in found) / len(found)
        torch.testing.assert_close(getattr(norm, name).double(), expected.detach(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("method", ["baseline", "dafl"])
def test_a_run_with_one_kind_of_images_warns_of_nothing(method, capsys):
    _, printed = trained(capsys, method)
    assert "batch-norm" not in printed
