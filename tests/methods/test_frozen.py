"""A frozen network gives no graph, is a copy, and takes bfloat16 only where a GPU has it."""

import pytest
import torch
from classifiers import Tiny

from advkd.methods.frozen import Frozen


def test_images_that_require_gradients_give_logits_without_a_graph():
    images = torch.randn(2, 3, 4, 4, requires_grad=True)
    assert not Frozen(Tiny(), "float32")(images).requires_grad


def test_it_follows_a_network_only_when_told():
    network, images = Tiny().eval(), torch.randn(2, 3, 4, 4)
    frozen = Frozen(network, "float32")
    with torch.no_grad():
        for weight in network.parameters():
            weight.add_(0.5)
        assert not torch.allclose(frozen(images), network(images))
        frozen.follow(network)
        torch.testing.assert_close(frozen(images), network(images))


@pytest.mark.parametrize(
    ("on_gpu", "has_bfloat16", "dtype"),
    [(True, True, torch.bfloat16), (True, False, torch.float32), (False, False, torch.bfloat16)],
)
def test_a_gpu_that_only_emulates_bfloat16_computes_in_float32(monkeypatch, on_gpu, has_bfloat16, dtype):
    """torch counts an emulated bfloat16 as supported unless it is asked not to."""
    monkeypatch.setattr(torch.nn.Parameter, "is_cuda", on_gpu)
    monkeypatch.setattr(
        torch.cuda, "is_bf16_supported", lambda including_emulation=True: has_bfloat16 or including_emulation
    )
    frozen = Frozen(Tiny(), "bfloat16")
    assert frozen.dtype == frozen.network.conv.weight.dtype == dtype
    assert Frozen(Tiny(), "float32").dtype == torch.float32
