"""Methods on what PyTorch's DataLoader gives, and their words where it gives something else."""

import pytest
import torch
from classifiers import CLASSES, Tiny, make_labels
from torch.utils.data import DataLoader, TensorDataset

from advkd.methods import AiKd, Batches, CsKd, Dafl, Gip, Indexed, Kd, Progressive, PsKd, Synthesis

LABELS = make_labels()
IMAGES = torch.randn(len(LABELS), 3, 4, 4, generator=torch.Generator().manual_seed(1))
DATA = TensorDataset(IMAGES, LABELS)
SMALL = {"synthetic_batch": 6, "noise": 5, "generator_width": 4}


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def cskd(**task):
    return CsKd(CsKd.Settings(), Tiny(), classes=CLASSES, labels=LABELS, **task)


def test_batches_are_every_image_once_with_a_partner_of_its_class():
    batches = list(Batches(cskd(), 16, seeded()))
    assert [len(batch) for batch in batches] == [32, 32, 16] and len(Batches(cskd(), 16)) == 3
    drawn = [place for batch in batches for place in batch[: len(batch) // 2]]
    assert sorted(drawn) == list(range(len(LABELS))) and drawn != sorted(drawn)
    for batch in batches:
        anchors, partners = torch.tensor(batch).chunk(2)
        assert torch.equal(LABELS[anchors], LABELS[partners]) and not torch.equal(anchors, partners)
    assert batches == list(Batches(cskd(), 16, seeded())) != list(Batches(cskd(), 16, seeded(1)))


def test_batches_take_the_global_state_without_a_generator():
    epochs = []
    for _ in range(2):
        torch.manual_seed(3)
        sampler = Batches(cskd(), 16)
        epochs.append([list(sampler), list(sampler)])
    assert epochs[0] == epochs[1] and epochs[0][0] != epochs[0][1]


def test_batches_of_a_method_without_companions_are_of_the_drawn_images():
    method = PsKd(PsKd.Settings(), Tiny(), classes=CLASSES, labels=LABELS, epochs=2)
    batches = list(Batches(method, 16, seeded()))
    assert sorted(place for batch in batches for place in batch) == list(range(len(LABELS))) and [
        len(batch) for batch in batches
    ] == [16, 16, 8]


def test_cskd_learns_from_a_data_loader_s_pairs():
    method = cskd()
    for images, labels in DataLoader(DATA, batch_sampler=Batches(method, 8, seeded())):
        anchors, partners = images.chunk(2)
        with torch.no_grad():
            z, target = method.student(anchors), method.student(partners)
        loss, terms = method(images, labels)
        assert terms["CE"] == torch.nn.functional.cross_entropy(z, labels[:8])
        log_q, p = torch.log_softmax(z / 4, 1), torch.softmax(target / 4, 1)
        assert float(terms["KD"]) == pytest.approx(16 * float((p * (p.log() - log_q)).sum(1).mean()), rel=1e-3)
        loss.backward()


def test_an_indexed_data_set_gives_each_image_its_place():
    data = Indexed(DATA)
    assert len(data) == len(LABELS)
    method = PsKd(PsKd.Settings(), Tiny(), classes=CLASSES, labels=LABELS, epochs=2)
    before = method.tensors["past"].clone()
    (images, labels, index), *_ = DataLoader(data, batch_size=8, shuffle=True, generator=seeded())
    assert torch.equal(images, IMAGES[index]) and torch.equal(labels, LABELS[index])
    method.begin_epoch(0)
    method(images, labels, index)
    changed = (method.tensors["past"] != before).any(1).nonzero().flatten()
    assert torch.equal(changed, index.sort().values)


def gip(**task):
    settings = Gip.Settings(synthetic_steps=3, synthesis=Synthesis(**SMALL))
    return Gip(settings, Tiny(), teacher=Tiny(), classes=CLASSES, image_size=4, **task)


def test_steps_are_synthetic_ones_and_then_the_loader_s():
    method = gip(epochs=2)
    method.begin_epoch(1)
    steps = list(method.steps(DataLoader(DATA, batch_size=16)))
    assert [("L_KD" in terms) for _, terms in steps] == [True] * 3 + [False] * 3


def test_dafl_takes_no_loader():
    method = Dafl(Dafl.Settings(synthetic_steps=2), Tiny(), teacher=Tiny(), classes=CLASSES, image_size=4, epochs=1)
    assert len(list(method.steps())) == len(list(method.steps(DataLoader(DATA, batch_size=16)))) == 2


ONE = IMAGES[:6], LABELS[:6]
REFUSED = {
    "an ordinary loader for cskd": (
        lambda: cskd()(*ONE), r"CsKd needs a partner of the same class .* batch_sampler=advkd.methods.Batches\(method",
    ),
    "an odd number of images": (lambda: cskd()(IMAGES[:5], LABELS[:5]), "CsKd cannot take 5 images with 5 labels"),
    "too few labels": (lambda: gip(epochs=1)(IMAGES[:6], LABELS[:3]), "Gip cannot take 6 images with 3 labels"),
    "cskd without labels": (lambda: CsKd(CsKd.Settings(), Tiny(), classes=CLASSES), "CsKd needs the labels of the"),
    "pskd without epochs": (
        lambda: PsKd(PsKd.Settings(), Tiny(), classes=CLASSES, labels=LABELS), "PsKd needs the length .* give `epochs`",
    ),
    "pskd without places": (
        lambda: PsKd(PsKd.Settings(), Tiny(), classes=CLASSES, labels=LABELS, epochs=1)(*ONE), "give `index`",
    ),
    "a table of aikd without labels": (
        lambda: AiKd(
            AiKd.Settings(progressive=Progressive(previous_source="table")), Tiny(), superior=Tiny(), classes=CLASSES
        ),
        "AiKd needs the labels",
    ),
    "gip without epochs": (lambda: gip(), "Gip needs the length of the training"),
    "an epoch too many": (lambda: gip(epochs=2).begin_epoch(2), r"epoch 2 \(from 0\) of a training of 2 epochs"),
    "images of another size": (
        lambda: gip(epochs=1)(torch.zeros(6, 3, 8, 8), LABELS[:6]), "Gip makes images of 4 pixels, not 8: give image_s",
    ),
    "no images in a batch": (lambda: Batches(cskd(), 0), "size is 0: a batch has at least 1 image"),
    "aikd without a superior": (lambda: AiKd(AiKd.Settings(), Tiny(), classes=CLASSES), "AI-KD learns from a superior"),
}  # fmt: skip


@pytest.mark.parametrize("fault", REFUSED)
def test_what_a_method_cannot_use_is_one_line(fault):
    use, message = REFUSED[fault]
    with pytest.raises(ValueError, match=message) as refused:
        use()
    assert "\n" not in str(refused.value)


def test_a_parent_that_no_term_needs_may_be_missing():
    method = AiKd(AiKd.Settings(omega=0, alpha_g=0), Tiny(), classes=CLASSES)
    assert method.superior is None and not method.optimizers
    method.begin_epoch(0)
    _, terms = method(*ONE)
    assert terms.keys() == {"CE", "error"}


def test_a_batch_goes_to_the_student_s_device():
    """PyTorch's device without data stands for a GPU."""
    method = Kd(Kd.Settings(), Tiny().to("meta"), teacher=Tiny().to("meta"), classes=CLASSES)
    loss, terms = method(*ONE)
    assert {tensor.device.type for tensor in (loss, *terms.values())} == {"meta"}
