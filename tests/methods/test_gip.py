"""GIP's and DAFL's synthetic step against a straightforward one, and where its gradients go."""

import copy
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from classifiers import CLASSES, GIP, Deeper, Plain, Tiny, kl, make_batch, make_labels, probabilities
from made_settings import make
from torch import nn
from torch.nn import functional as F

from advkd.errors import UserError
from advkd.methods.baseline import Baseline
from advkd.methods.dafl import Dafl
from advkd.methods.gip import Gip
from advkd.methods.settings.baseline import BaselineSettings
from advkd.models.normalisation import to_pixels

LOSSES = {"alpha": "L_OH", "beta": "L_IE", "gamma": "L_ACT", "delta": "L_BNS"}


def gip(teacher=None, kind=Gip, epochs=10, precision="float32", **changes):
    """A method at the beginning of its first epoch, with noise in the weights of its generator."""
    teacher = teacher or Deeper()
    settings = make(kind.Settings, **GIP | changes)
    task = {"classes": CLASSES, "epochs": epochs, "image_size": 8, "normalisation": "cifar10", "precision": precision}
    method = kind(settings, Tiny(), teacher=teacher, **task)
    method.begin_epoch(0, 1.0)
    method.given_teacher = teacher
    return method


def seeing(method):
    """The images that the student is shown from now on."""
    seen = []
    method.student.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    return seen


def weights_of(network):
    return {name: value.clone() for name, value in network.state_dict().items()}


def changed(network, before):
    """Names of the parameters that are not what they were."""
    return {name for name, value in network.named_parameters() if not torch.equal(value, before[name])}


def straightforward(method, noise):
    """The generator's losses, their sum, L_KD and the gradients, by separate forwards of a teacher like any other."""
    s = method.s
    generator, student = copy.deepcopy(method.generator), copy.deepcopy(method.student)
    teacher = copy.deepcopy(method.given_teacher).eval()
    distances, features = [], []

    def compare(module, inputs):
        x = inputs[0]
        mean, var = x.mean((0, 2, 3)), x.var((0, 2, 3), unbiased=False)
        distances.append(F.mse_loss(mean, module.running_mean) + F.mse_loss(var, module.running_var))

    hooks = [m.register_forward_pre_hook(compare) for m in teacher.modules() if isinstance(m, nn.BatchNorm2d)]
    hooks.append(teacher.fc.register_forward_pre_hook(lambda _, inputs: features.append(inputs[0])))
    images = generator(noise)
    y = teacher(images)
    for hook in hooks:
        hook.remove()
    mean = F.softmax(y, 1).mean(0)
    losses = {
        "L_OH": F.cross_entropy(y, y.max(1)[1]),
        "L_IE": (mean * torch.log10(mean)).sum(),
        "L_ACT": -features[0].abs().mean(),
        "L_BNS": sum(distances) / len(distances),
    }
    total = s.alpha * losses["L_OH"] + s.beta * losses["L_IE"] + s.gamma * losses["L_ACT"] + s.delta * losses["L_BNS"]
    total.backward()
    with torch.no_grad():
        target = teacher(images)
    z = student(images.detach())
    kd = s.tau**2 * F.kl_div(F.log_softmax(z / s.tau, 1), F.softmax(target / s.tau, 1), reduction="batchmean")
    kd.backward()
    optimizer = torch.optim.Adam(generator.parameters(), s.generator_lr)
    optimizer.load_state_dict(copy.deepcopy(method.optimizer.state_dict()))
    optimizer.step()
    terms = {name: term.item() for name, term in (losses | {"L_G": total, "L_KD": kd}).items()}
    return SimpleNamespace(terms=terms, generator=generator, student=student)


@pytest.mark.parametrize("tau", [1.0, 4.0])
def test_a_synthetic_step_equals_a_straightforward_one(tau):
    method = gip(tau=tau)
    for step in range(3):
        torch.manual_seed(step)
        expected = straightforward(method, torch.randn(6, 7))
        torch.manual_seed(step)
        loss, terms = method.synthetic_loss()
        assert loss.item() == terms["L_KD"].item()
        loss.backward()
        for name, value in expected.terms.items():
            assert terms[name].item() == pytest.approx(value, rel=1e-5, abs=1e-6), name
        for ours, theirs in ((method.generator, expected.generator), (method.student, expected.student)):
            for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
                torch.testing.assert_close(one.grad, other.grad, rtol=1e-4, atol=1e-5)
        # Biases before a batch norm have no gradient but rounding, which Adam blows up; they change no image.
        noise = torch.randn(6, 7)
        ours, theirs = (copy.deepcopy(network)(noise) for network in (method.generator, expected.generator))
        assert (ours - theirs).norm() < 1e-4 * theirs.norm()
        method.student.zero_grad()


def test_terms_are_those_of_eq_16_and_carry_no_graph():
    loss, terms = gip().synthetic_loss()
    assert list(terms) == ["L_KD", "L_G", *LOSSES.values()]
    assert loss.requires_grad and not any(term.requires_grad for term in terms.values())
    total = terms["L_OH"] + 5 * terms["L_IE"] + 0.1 * terms["L_ACT"] + 5 * terms["L_BNS"]
    torch.testing.assert_close(total, terms["L_G"])


def test_l_kd_in_float64():
    method = gip(tau=3.0)
    seen = seeing(method)
    before = copy.deepcopy(method.student)
    loss, terms = method.synthetic_loss()
    teacher = method.given_teacher.eval()
    expected = kl(teacher(seen[0]), before(seen[0]), 3.0)
    assert terms["L_KD"].item() == loss.item() == pytest.approx(expected, rel=1e-4)


def test_each_step_s_gradients_reach_one_network():
    method = gip()
    teacher = method.teacher.network
    parts = (method.generator, method.student, teacher)
    before = [weights_of(part) for part in parts]
    loss, _ = method.synthetic_loss()
    assert changed(method.generator, before[0]) == dict(method.generator.named_parameters()).keys()
    assert not changed(method.student, before[1]) and all(p.grad is None for p in method.student.parameters())
    moved = [weights_of(part) for part in parts]
    gradients = [p.grad.clone() for p in method.generator.parameters()]
    loss.backward()
    assert all(p.grad.any() for name, p in method.student.named_parameters() if name != "conv.bias")
    for parameter, gradient in zip(method.generator.parameters(), gradients, strict=True):
        assert torch.equal(parameter.grad, gradient), "the student's loss adds nothing to it"
    assert not changed(method.generator, moved[0])
    for name, value in teacher.state_dict().items():
        assert torch.equal(value, before[2][name]), name
    assert all(p.grad is None for part in (teacher, method.given_teacher) for p in part.parameters())


def test_the_student_sees_the_images_from_before_the_generator_s_move():
    method = gip()
    seen, before = seeing(method), copy.deepcopy(method.generator)
    torch.manual_seed(5)
    method.synthetic_loss()
    torch.manual_seed(5)
    noise = torch.randn(6, 7)
    assert torch.equal(seen[0], before(noise)) and not seen[0].requires_grad
    assert not torch.allclose(seen[0], copy.deepcopy(method.generator)(noise), atol=1e-3)


@pytest.mark.parametrize("off", LOSSES)
def test_a_loss_without_weight_is_neither_computed_nor_named(off, monkeypatch):
    from advkd.methods import generator_losses

    names = {"alpha": "one_hot", "beta": "information_entropy", "gamma": "activation", "delta": "batch_norm_statistics"}
    method = gip(**{off: 0.0})
    monkeypatch.setattr(generator_losses, names[off], lambda *_: 1 / 0)
    _, terms = method.synthetic_loss()
    assert list(terms) == ["L_KD", "L_G", *(LOSSES[name] for name in LOSSES if name != off)]


@pytest.mark.parametrize(("key", "value", "term"), [("ie_form", "equation", "L_IE"), ("act_form", "equation", "L_ACT"),
                         ("bns_reduction", "sum", "L_BNS"), ("bns_moment", "deviation", "L_BNS")])  # fmt: skip
def test_forms_change_their_own_term_alone(key, value, term):
    found = []
    for changes in ({}, {key: value}):
        torch.manual_seed(0)
        method = gip(**changes)
        torch.manual_seed(1)
        found.append(method.synthetic_loss())
    (loss, terms), (other_loss, others) = found
    assert torch.equal(loss, other_loss)
    assert [name for name in terms if not torch.equal(terms[name], others[name])] == ["L_G", term]


def test_real_steps_are_baseline_s_and_ask_no_teacher(monkeypatch):
    method = gip()
    monkeypatch.setattr(method, "teacher", None)
    batch = make_batch(make_labels())
    torch.manual_seed(0)
    expected, literal = Baseline(BaselineSettings(), copy.deepcopy(method.student), classes=CLASSES).loss(batch)
    torch.manual_seed(0)
    loss, terms = method.loss(batch)
    assert torch.equal(loss, expected)
    assert list(terms) == list(literal) and all(torch.equal(terms[name], literal[name]) for name in terms)


def test_without_synthetic_steps_there_is_nothing_but_the_student():
    student = Tiny()
    state = torch.get_rng_state()
    method = Gip(make(Gip.Settings, synthetic_steps=0), student, classes=CLASSES)
    assert method.networks == method.optimizers == method.tensors == method.samples() == {}
    assert method.end_epoch(0) == {} and method.synthetic_steps == 0
    assert torch.equal(torch.get_rng_state(), state), "nothing was drawn"


def test_a_teacher_without_batch_norm_is_refused_where_its_statistics_count():
    with pytest.raises(UserError, match=r"the teacher has no batch norm.*set delta to 0") as caught:
        gip(Plain())
    assert "\n" not in str(caught.value)
    method = gip(Plain(), delta=0.0)
    assert method.synthetic_loss()[1]["L_G"].isfinite()
    assert method.end_epoch(0) == {}, "no distance to measure"


def test_frequencies_count_what_the_teacher_takes_the_images_for():
    method = gip(epochs=4)
    seen, expected = seeing(method), torch.zeros(4, CLASSES, dtype=torch.int64)
    teacher = copy.deepcopy(method.given_teacher).eval()
    for epoch in (0, 2):
        method.begin_epoch(epoch, 1.0)
        for _ in range(5):
            method.synthetic_loss()
            for label in teacher(seen[-1]).argmax(1).tolist():
                expected[epoch, label] += 1
    assert torch.equal(method.tensors["frequency"], expected)
    assert method.tensors["frequency"].sum(1).tolist() == [5 * 6, 0, 5 * 6, 0]
    np.testing.assert_array_equal(method.samples()["frequency"], expected)


def test_moments_go_from_the_first_epoch_to_the_last():
    for epochs, expected in ((1, [1]), (2, [1, 2]), (8, list(range(1, 9))), (200, [1, 29, 58, 86, 115, 143, 172, 200])):
        assert gip(epochs=epochs).recorder.moments == expected
    for epochs in range(1, 60):
        moments = gip(epochs=epochs).recorder.moments
        assert len(moments) <= 8 and moments[0] == 1 and moments[-1] == epochs and moments == sorted(set(moments))


@pytest.mark.parametrize("delta", [5.0, 0.0])
def test_the_end_of_an_epoch_measures_the_distance_and_keeps_images(delta):
    method = gip(epochs=2, delta=delta, synthetic_batch=12, bns_reduction="sum", bns_moment="deviation")
    teacher = copy.deepcopy(method.given_teacher).eval()
    for epoch in range(2):
        method.begin_epoch(epoch, 1.0)
        method.synthetic_loss()
        before = copy.deepcopy(method.generator)
        states = [weights_of(part) for part in (method.student, method.teacher.network)]
        found = method.end_epoch(epoch)
        images = before(method.tensors["same"]).detach()
        x, losses = images, []
        for module in teacher.body:
            if isinstance(module, nn.BatchNorm2d):
                values = x.detach().double().movedim(1, 0).flatten(1)
                losses.append(((values.mean(1) - module.running_mean) ** 2).mean().item())
                losses[-1] += ((values.var(1, correction=0) - module.running_var) ** 2).mean().item()
            x = module(x)
        assert list(found) == ["bns"] and found["bns"] == pytest.approx(np.mean(losses), rel=1e-4), "GDFQ's form always"
        assert not changed(method.generator, weights_of(before))
        for part, state in zip((method.student, method.teacher.network), states, strict=True):
            assert all(torch.equal(value, state[name]) for name, value in part.state_dict().items())
        kept = method.samples()
        p = probabilities(teacher(images))[:10]
        np.testing.assert_array_equal(kept["images"][epoch], to_pixels(images, "cifar10")[:10])
        np.testing.assert_array_equal(kept["predicted"][epoch], p.argmax(1))
        np.testing.assert_allclose(kept["confidence"][epoch], p.max(1), rtol=1e-4)
    assert kept["images"].shape == (2, 10, 8, 8, 3) and kept["images"].dtype == np.uint8
    assert kept["epochs"].tolist() == [1, 2] and kept["epochs"].dtype == np.int64
    assert kept["predicted"].dtype == np.int64 and kept["confidence"].dtype == np.float32
    assert kept.keys() == {"images", "predicted", "confidence", "epochs", "frequency"}


def test_dafl_is_the_synthetic_part_alone():
    assert not Dafl.sees_real and Gip.sees_real
    found = []
    for kind in (Gip, Dafl):
        torch.manual_seed(0)
        method = gip(kind=kind, delta=0.0)
        torch.manual_seed(1)
        found.append(method.synthetic_loss())
    (loss, terms), (other_loss, others) = found
    assert torch.equal(loss, other_loss)
    assert terms.keys() == others.keys() and all(torch.equal(terms[name], others[name]) for name in terms)


def test_lower_precision_changes_losses_by_little_and_their_gradients_reach_the_generator():
    found = []
    for precision in ("float32", "bfloat16"):
        torch.manual_seed(0)
        method = gip(precision=precision, frozen_precision=precision, synthetic_batch=24)
        torch.manual_seed(1)
        loss, terms = method.synthetic_loss()
        loss.backward()
        found.append(({"L": loss, **terms}, torch.cat([p.grad.flatten() for p in method.generator.parameters()])))
    (exact, gradient), (rough, rounded) = found
    for name in exact:
        assert rough[name].dtype == torch.float32
        assert rough[name].item() == pytest.approx(exact[name].item(), rel=0.05, abs=2e-3), name
    assert F.cosine_similarity(gradient, rounded, 0) > 0.98


def test_a_generator_that_is_trained_lowers_its_loss():
    method = gip(synthetic_batch=32)
    first, *_, last = [method.synthetic_loss()[1] for _ in range(60)]
    assert last["L_G"] < first["L_G"] and last["L_BNS"] < first["L_BNS"]
    assert last["L_IE"] > -np.log10(CLASSES) - 1e-5


def test_measuring_leaves_the_generator_as_it_was():
    method = gip(epochs=2)
    method.begin_epoch(0, 1.0)
    method.synthetic_loss()
    before = {name: value.clone() for name, value in method.generator.state_dict().items()}
    method.end_epoch(0)
    assert all(torch.equal(value, before[name]) for name, value in method.generator.state_dict().items())
