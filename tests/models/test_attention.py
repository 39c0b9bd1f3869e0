import pytest
import torch

from advkd.models.attention import SelfAttention


@pytest.fixture
def block():
    torch.set_default_dtype(torch.float64)
    block = SelfAttention(16)
    with torch.no_grad():
        block.gamma.fill_(0.7)
    return block


def test_equals_equations_written_out(block):
    x = torch.randn(2, 16, 3, 2)

    def linear(layer, position):
        return layer.weight[:, :, 0, 0] @ position + layer.bias

    expected = torch.empty_like(x)
    for image in range(2):
        positions = x[image].flatten(1).T  # (N, C)
        f, g, h = ([linear(layer, p) for p in positions] for layer in (block.query, block.key, block.value))
        for i in range(6):
            s = torch.stack([f[i] @ g[j] for j in range(6)])
            beta = s.exp() / s.exp().sum()
            o = sum(beta[j] * h[j] for j in range(6))
            expected[image, :, i // 2, i % 2] = 0.7 * o + x[image, :, i // 2, i % 2]
    torch.testing.assert_close(block(x), expected)


@pytest.mark.parametrize("channels", [4, 16, 32])
def test_fused_attention_has_the_same_values_and_gradients(channels):
    torch.manual_seed(channels)
    plain, fused = SelfAttention(channels).double(), SelfAttention(channels, fused=True).double()
    plain.gamma.data.fill_(0.7)
    fused.load_state_dict(plain.state_dict())
    x = torch.randn(3, channels, 5, 4, dtype=torch.float64)
    outputs = [block(x) for block in (plain, fused)]
    torch.testing.assert_close(outputs[1], outputs[0])
    for output in outputs:
        output.pow(3).sum().backward()
    for name, parameter in fused.named_parameters():
        torch.testing.assert_close(parameter.grad, plain.get_parameter(name).grad, msg=name)


def test_rows_sum_to_one_over_the_summed_index(block):
    x = 5 * torch.randn(2, 16, 4, 4)
    beta = block.weights(x)
    assert beta.shape == (2, 16, 16)
    torch.testing.assert_close(beta.sum(2), torch.ones(2, 16))
    assert not torch.allclose(beta.sum(1), torch.ones(2, 16))


def test_constant_value_passes_through_whatever_the_attention(block):
    with torch.no_grad():
        block.value.weight.zero_()
    x = torch.randn(2, 16, 4, 4)
    torch.testing.assert_close(block(x), x + 0.7 * block.value.bias[None, :, None, None])


def test_starts_as_the_identity_and_moves_gamma_first():
    block, x = SelfAttention(16), torch.randn(2, 16, 4, 4)
    out = block(x)
    assert torch.equal(out, x)
    out.square().sum().backward()
    gradients = {name: parameter.grad for name, parameter in block.named_parameters()}
    assert gradients.pop("gamma").abs() > 0
    assert len(gradients) == 6
    assert all(gradient.eq(0).all() for gradient in gradients.values())


@pytest.mark.parametrize(("channels", "inner"), [(4, 1), (8, 1), (16, 2), (512, 64)])
def test_inner_width(channels, inner):
    block = SelfAttention(channels)
    assert block.query.out_channels == block.key.out_channels == inner
    assert block.value.out_channels == channels
