import pytest
import pytorch_fid.inception
import torch

from advkd.errors import UserError
from advkd.files import sha256
from advkd.metrics import inception
from advkd.metrics.features import extract


def parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


def test_parameter_counts(stem, whole):
    convolutions = 3 * 32 * 9 + 32 * 32 * 9 + 32 * 64 * 9
    assert parameters(stem) == convolutions + 2 * (32 + 32 + 64)
    # torchvision's published 27,161,264 less the auxiliary classifier's and the last layer's.
    auxiliary = (768 * 128 + 2 * 128) + (128 * 768 * 25 + 2 * 768) + (768 * 1000 + 1000)
    assert parameters(whole) == 27_161_264 - auxiliary - (2048 * 1000 + 1000)
    assert not any(parameter.requires_grad for parameter in whole.parameters())
    assert not any(module.training for module in whole.modules())


@pytest.mark.parametrize(("name", "dims", "rank"), [("stem", 64, 3), ("whole", 2048, 5)])
def test_random_features_spread(request, pictures, name, dims, rank):
    features = torch.from_numpy(extract(request.getfixturevalue(name), pictures, 10, "cpu", "")).double()
    assert features.shape == (20, dims)
    spread = features.std(0)
    assert 0.1 < spread.median() < 10
    assert ((spread > 0.03) & (spread < 30)).double().mean() > 0.95
    energy = torch.linalg.svdvals(features - features.mean(0)).square()
    share = energy / energy.sum()
    # exp of the entropy: as many directions as would carry the variance if it were shared out evenly.
    assert torch.exp(-(share * share.clamp(min=1e-12).log()).sum()) > rank


def test_the_random_network_is_calibrated_once_and_nobody_can_change_it_for_others(pictures, monkeypatch):
    first = inception.build(None, 64, "")
    monkeypatch.setattr(inception, "_calibrate", lambda _: pytest.fail("it is calibrated again"))
    for tensor in first.state_dict().values():
        tensor.zero_()
    again = inception.build(None, 64, "")
    monkeypatch.undo()
    anew = inception._random_network.__wrapped__(64, torch.get_num_threads())
    assert (extract(again, pictures, 10, "cpu", "") == extract(anew, pictures, 10, "cpu", "")).all()


def test_random_weights_are_seeded_and_leave_the_global_generator_alone(stem):
    state = torch.get_rng_state()
    network = inception.build(None, 64, "")
    assert torch.equal(torch.get_rng_state(), state)
    for mine, other in zip(network.state_dict().values(), stem.state_dict().values(), strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-4, atol=1e-6)


def test_weights_from_a_verified_file(tmp_path, monkeypatch):
    state = inception._random_state()
    path = tmp_path / "weights.pth"
    torch.save(state, path)

    def download(*_, **__):
        raise AssertionError("nothing is fetched")

    monkeypatch.setattr(pytorch_fid.inception, "load_state_dict_from_url", download)
    network = inception.build(path, 64, sha256(path))
    assert not any(module.training for module in network.modules())
    assert torch.equal(network.blocks[0][1].conv.weight, state["Conv2d_2a_3x3.conv.weight"])
    assert torch.equal(network.blocks[0][1].bn.running_var, state["Conv2d_2a_3x3.bn.running_var"])
    assert pytorch_fid.inception.load_state_dict_from_url is download


def test_refusals_in_one_line_that_says_what_to_do(tmp_path):
    path = tmp_path / "weights.pth"
    with pytest.raises(UserError, match=r"does not exist.*--config inception_weights=PATH") as missing:
        inception.build(path, 64, "0" * 64)
    path.write_bytes(b"another file")
    # Never unpickled: what is not the registry's file is refused before it is read as weights.
    with pytest.raises(UserError, match=r"is not pytorch-fid's.*--config inception_weights=PATH") as wrong:
        inception.build(path, 64, "0" * 64)
    assert not any("\n" in str(error.value) for error in (missing, wrong))


def test_textures_are_images():
    images = inception.textures(6, 32, seed=1)
    assert images.shape == (6, 3, 32, 32)
    assert images.min() >= 0
    assert images.max() <= 1
    assert not torch.equal(images, inception.textures(6, 32, seed=2))
