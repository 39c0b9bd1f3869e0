"""GAN-TSC and its AC-GAN."""

import copy

import numpy as np
import pytest
import torch
from classifiers import CLASSES, Deeper, Tiny, make_batch, make_labels
from made_settings import make
from scipy.stats import binomtest, chisquare

from advkd.methods.batch import Batch
from advkd.methods.gantsc import GanTsc
from advkd.methods.gantsc_gan import GanTscGan, draw
from advkd.methods.settings.gantsc import GanTscGanSettings, GanTscSettings
from advkd.models.gantsc import Discriminator, Generator
from advkd.models.normalisation import NORMALISATIONS

GAN = {"noise": 6, "generator_lr": 0.01, "generator_beta1": 0.5, "generator_beta2": 0.999}
TASK = {"classes": CLASSES, "normalisation": "cifar10"}
LABELS = make_labels()


def gantsc(fake_share, teacher=None):
    gan = Generator(CLASSES, 6, 8).eval()
    settings = make(GanTscSettings, fake_share=fake_share)
    return GanTsc(settings, Tiny(), teacher=teacher or Deeper(), gan=gan, **TASK)


def seeing(network):
    seen = []
    network.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    return seen


@pytest.mark.parametrize("fake_share", [0.0, 1.0])
def test_the_student_regresses_the_teacher_s_logits(fake_share):
    teacher = Deeper()
    method = gantsc(fake_share, teacher)
    batch, seen, literal = make_batch(LABELS), seeing(method.student), copy.deepcopy(method.student)
    loss, terms = method.loss(batch)
    assert torch.equal(seen[0], batch.images) == (fake_share == 0)
    target, z = teacher.eval()(seen[0]), literal(seen[0])
    difference = (target - z).detach().double().numpy()
    assert loss.item() == pytest.approx((difference**2).sum() / 2 / len(difference), rel=1e-4)
    assert terms["disagreement"] == (target.argmax(1) != z.argmax(1)).float().mean()
    loss.backward()
    for network in (method.gan, method.teacher):
        assert all(parameter.grad is None for parameter in network.parameters())
    assert all(parameter.grad is not None for parameter in method.student.parameters())


def test_drawn_images_are_the_gan_s_in_evaluation_mode():
    method = gantsc(1.0)
    seen, before = seeing(method.student), copy.deepcopy(method.gan.state_dict())
    torch.manual_seed(3)
    method.loss(make_batch(LABELS))
    torch.manual_seed(3)
    torch.rand(())
    noise, labels = torch.randn(6, 6), torch.randint(CLASSES, (6,))
    mean, std = (torch.tensor(values)[:, None, None] for values in NORMALISATIONS["cifar10"])
    torch.testing.assert_close(seen[0], ((method.gan(noise, labels) + 1) / 2 - mean) / std)
    assert all(torch.equal(value, before[name]) for name, value in method.gan.state_dict().items())


def test_every_batch_is_real_or_drawn_by_chance():
    method = gantsc(0.8)
    batch, seen = make_batch(LABELS, count=2), seeing(method.student)
    for step in range(300):
        torch.manual_seed(step)
        method.loss(batch)
    drawn = [images for images in seen if not torch.equal(images, batch.images)]
    assert binomtest(len(drawn), 300, 0.8).pvalue > 1e-3
    assert len({images.sum().item() for images in drawn}) == len(drawn), "never twice the same"


def test_drawn_classes_are_uniform():
    torch.manual_seed(0)
    _, labels = draw(Generator(CLASSES, 6, 8).eval(), 2000, "cifar10", torch.device("cpu"))
    assert chisquare(torch.bincount(labels, minlength=CLASSES)).pvalue > 1e-3


def acgan(precision="float32"):
    method = GanTscGan(make(GanTscGanSettings, **GAN), Discriminator(CLASSES, 8), **TASK | {"precision": precision})
    random = torch.Generator().manual_seed(1)
    images = torch.randn(6, 3, 32, 32, generator=random)
    return method, Batch(images, LABELS[:6], torch.arange(6))


def judged(method):
    """What the discriminator says of each batch, with the batch."""
    found, original = [], method.student.judge

    def judge(images):
        source, classes = original(images)
        found.append((images, source.detach().double().numpy(), classes.detach().double().numpy()))
        return source, classes

    method.student.judge = judge
    return found


def binary(source, target):
    """Binary cross-entropy of source logits."""
    p = 1 / (1 + np.exp(-source))
    return -np.log(p if target else 1 - p).mean()


def labelled(classes, labels):
    """Cross-entropy of class logits."""
    log_p = classes - np.log(np.exp(classes).sum(1, keepdims=True))
    return -log_p[np.arange(len(labels)), labels].mean()


def test_the_losses_of_the_ac_gan():
    method, batch = acgan()
    seen = judged(method)
    torch.manual_seed(2)
    loss, terms = method.loss(batch)
    torch.manual_seed(2)
    torch.randn(6, 6)
    wanted = torch.randint(CLASSES, (6,)).numpy()
    (fake, source_g, class_g), (real, source_r, class_r), (again, source_f, class_f) = seen
    assert torch.equal(fake, again) and torch.equal(real, batch.images), "the same fakes, from before the move"
    assert terms["L_G"].item() == pytest.approx(binary(source_g, True) + labelled(class_g, wanted), rel=1e-4)
    auxiliary = labelled(class_r, batch.labels.numpy()) + labelled(class_f, wanted)
    expected = binary(source_r, True) + binary(source_f, False) + auxiliary
    assert loss.item() == pytest.approx(expected, rel=1e-4)
    assert terms["W"].item() == pytest.approx(source_r.mean() - source_f.mean(), rel=1e-4, abs=1e-6)


def test_in_bfloat16_the_losses_are_computed_in_float32():
    """bfloat16 has three digits: a gap of scores, a difference of two means, would lose most of its own."""
    method, batch = acgan("bfloat16")
    seen = judged(method)
    loss, terms = method.loss(batch)
    _, (_, source_r, class_r), (_, source_f, _) = seen
    assert loss.dtype == torch.float32 and {term.dtype for term in terms.values()} == {torch.float32}
    assert terms["W"].item() == pytest.approx(source_r.mean() - source_f.mean(), rel=1e-5, abs=1e-7)
    assert np.array_equal(torch.tensor(class_r).bfloat16().double().numpy(), class_r), "the networks are in bfloat16"


def test_one_step_moves_the_generator_and_leaves_the_discriminator_to_the_loop():
    method, batch = acgan()
    before = {name: value.clone() for name, value in method.generator.named_parameters()}
    weights = copy.deepcopy(dict(method.student.named_parameters()))
    loss, _ = method.loss(batch)
    assert all(not torch.equal(value, before[name]) for name, value in method.generator.named_parameters())
    for name, value in method.student.named_parameters():
        assert torch.equal(value, weights[name]) and value.grad is None, name
    gradients = [parameter.grad.clone() for parameter in method.generator.parameters()]
    loss.backward()
    assert all(parameter.grad.any() for parameter in method.student.parameters())
    for parameter, gradient in zip(method.generator.parameters(), gradients, strict=True):
        assert torch.equal(parameter.grad, gradient)
    assert method.networks.keys() == method.optimizers.keys() == {"generator"}
