import numpy as np
import pytest
from PIL import Image
from pytorch_fid.fid_score import get_activations

from advkd.errors import UserError
from advkd.metrics.features import extract


@pytest.mark.parametrize(("name", "dims"), [("stem", 64), ("whole", 2048)])
def test_equals_pytorch_fid_on_png_files(request, tmp_path, pictures, name, dims):
    network = request.getfixturevalue(name)
    files = [tmp_path / f"{number}.png" for number in range(5)]
    for path, picture in zip(files, pictures, strict=False):
        Image.fromarray(picture).save(path)
    expected = get_activations(files, network, batch_size=5, dims=dims, num_workers=0)
    found = extract(network, pictures[:5], 3, "cpu", "pictures")
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert np.abs(found[0] - found[1]).max() > 0.01


def test_reads_a_mapped_array(tmp_path, stem, pictures, recwarn):
    np.save(tmp_path / "images.npy", pictures[:3])
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    np.testing.assert_array_equal(extract(stem, mapped, 2, "cpu", ""), extract(stem, pictures[:3], 2, "cpu", ""))
    assert not recwarn.list


@pytest.mark.parametrize(
    "images", [np.zeros((2, 8, 8, 3)), np.zeros((2, 3, 8, 8), np.uint8), np.zeros((8, 8, 3), np.uint8)]
)
def test_refuses_what_is_no_array_of_8_bit_images(stem, images):
    with pytest.raises(UserError, match=r"generator: images are .* not uint8 \(N, H, W, 3\)"):
        extract(stem, images, 2, "cpu", "generator")
