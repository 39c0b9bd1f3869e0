import io
import os
import zipfile

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageOps
from small_archives import jpeg

from advkd.data.archives.folder_archive import FolderArchive
from advkd.data.archives.zip_archive import ZipArchive
from advkd.data.images import decode_image, decode_photo, read_header, resize_square, to_rgb
from advkd.errors import UserError

RAMP = np.arange(256, dtype=np.uint8).reshape(16, 16)


def decode(tmp_path, image, name="a.png", **options):
    image.save(tmp_path / name, **options)
    return decode_image(FolderArchive(tmp_path), name)[:2]


def test_rgb_is_left_as_it_is(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    decoded, mode = decode(tmp_path, Image.fromarray(pixels))
    assert mode == "RGB" and decoded.dtype == np.uint8
    np.testing.assert_array_equal(decoded, pixels)
    assert read_header(FolderArchive(tmp_path), "a.png").size == (7, 5)


def test_16_bit_greyscale_is_scaled_not_clipped(tmp_path):
    values = np.linspace(0, 65535, 256).astype(np.uint16).reshape(16, 16)
    decoded, mode = decode(tmp_path, Image.fromarray(values))
    assert mode == "I;16"
    np.testing.assert_array_equal(decoded[..., 0], RAMP)  # 257 steps of 16 bits are one of 8
    assert (decoded == decoded[..., :1]).all()


def test_32_bit_values_beyond_16_bits_are_refused(tmp_path):
    with pytest.raises(UserError, match=r"outside 0\.\.65535"):
        decode(tmp_path, Image.fromarray(np.full((4, 4), 70000, np.int32)), "a.tiff")
    with pytest.raises(UserError, match="floating-point"):
        decode(tmp_path, Image.fromarray(np.zeros((4, 4), np.float32)), "a.tiff")


def test_other_modes_become_rgb(tmp_path):
    grey = Image.fromarray(RAMP)
    expected = np.repeat(RAMP[..., None], 3, 2)
    for mode in ("L", "LA", "RGBA", "P"):
        decoded, stored = decode(tmp_path, grey.convert(mode), f"{mode}.png")
        assert stored == mode
        np.testing.assert_array_equal(decoded, expected)
    red = Image.new("CMYK", (8, 8), (0, 255, 255, 0))
    decoded, stored = decode(tmp_path, red, "red.tiff")
    assert stored == "CMYK"
    np.testing.assert_array_equal(decoded, np.broadcast_to(np.uint8([255, 0, 0]), (8, 8, 3)))


def test_the_exif_orientation_is_not_applied(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    decoded, _ = decode(tmp_path, Image.new("RGB", (20, 10)), "a.jpg", exif=exif)
    assert decoded.shape == (10, 20, 3)


@pytest.mark.parametrize("keep", [0.02, 0.5, 0.97])
def test_a_truncated_jpeg_is_named(tmp_path, keep):
    data = jpeg(200, 200)
    (tmp_path / "cut.jpg").write_bytes(data[: int(len(data) * keep)])
    with pytest.raises(UserError, match=r"cut\.jpg in .* cannot be decoded"):
        decode_image(FolderArchive(tmp_path), "cut.jpg")


def test_a_decompression_bomb_is_refused(tmp_path, monkeypatch):
    Image.new("1", (400, 400)).save(tmp_path / "bomb.png")
    for limit in (100_000, 10_000):  # PIL warns above the limit and raises above twice of it
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
        for read in (read_header, decode_image):
            with pytest.raises(UserError, match="too large to be a photo"):
                read(FolderArchive(tmp_path), "bomb.png")


def test_damage_that_the_decoder_would_not_notice_is_found_by_the_crc(tmp_path):
    path = tmp_path / "a.zip"
    data = jpeg(64, 64)
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("set/a.jpg", data + b"trailing bytes")
    whole = bytearray(path.read_bytes())
    place = whole.index(b"trailing")
    whole[place] ^= 1
    path.write_bytes(whole)
    assert np.asarray(Image.open(io.BytesIO(data))).shape == (64, 64, 3)
    with pytest.raises(UserError, match="damaged"):
        decode_image(ZipArchive(path, "set"), "a.jpg")


def test_resize_antialiases():
    checks = np.indices((256, 256)).sum(0) % 2 * 255
    pixels = np.repeat(checks[..., None], 3, 2).astype(np.uint8)
    small = resize_square(pixels, 32)
    assert small.shape == (32, 32, 3)
    assert np.abs(small[2:-2, 2:-2].astype(int) - 127).max() <= 2


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_own_photos_are_turned_as_pil_turns_them(tmp_path, kind, orientation):
    pixels = np.zeros((24, 40, 3), np.uint8)
    pixels[:8, :16] = 255
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    Image.fromarray(pixels).save(tmp_path / "a", kind, exif=exif)
    with Image.open(tmp_path / "a") as image:
        wanted = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    archive = FolderArchive(tmp_path)
    turned = decode_image(archive, "a", upright=True)
    np.testing.assert_array_equal(turned.pixels, wanted)
    assert turned.turned == (orientation > 1)
    np.testing.assert_array_equal(decode_photo(tmp_path / "a").pixels, wanted)
    with Image.open(tmp_path / "a") as image:
        np.testing.assert_array_equal(to_rgb(image), wanted)
    header = read_header(archive, "a")
    assert header.upright == (wanted.shape[1], wanted.shape[0])
    if kind != "TIFF":  # which PIL always turns
        assert decode_image(archive, "a").pixels.shape == (24, 40, 3) and header.size == (40, 24)


def test_damaged_exif_data_cost_no_photo(tmp_path):
    Image.new("RGB", (9, 7)).save(tmp_path / "a.jpg", exif=b"Exif\0\0II*\0\xff\xff\xff\x7f")
    assert decode_image(FolderArchive(tmp_path), "a.jpg", upright=True).pixels.shape == (7, 9, 3)


def test_what_is_no_photo_is_named(tmp_path):
    (tmp_path / "text.jpg").write_text("text")
    os.mkfifo(tmp_path / "pipe.jpg")
    for name, reason in (("text.jpg", "not an image"), ("none.jpg", "is missing"), ("pipe.jpg", "a pipe")):
        with pytest.raises(UserError, match=rf"{name}.*{reason}"):
            decode_photo(tmp_path / name)
    with pytest.raises(UserError, match="an image of mode F cannot be converted"):
        to_rgb(Image.fromarray(np.zeros((4, 4), np.float32)))
