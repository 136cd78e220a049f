"""Reading one picture file."""

import numpy as np
import pytest
from PIL import Image

import capszoo.data
from capszoo.data.images import resize_images


def gradient(height, width):
    """A picture that is dark on the left, bright on the right."""
    return np.tile(np.linspace(0, 255, width).astype("uint8"), (height, 1))


@pytest.mark.parametrize("suffix", ["png", "bmp", "webp"])
@pytest.mark.parametrize("channels", [1, 3])
def test_own_size_is_read_without_change(tmp_path, suffix, channels):
    pixels = np.random.default_rng(0).integers(0, 256, (9, 12, 3), dtype="uint8")
    if channels == 1:
        pixels[:] = pixels[..., :1]
    picture = Image.fromarray(pixels)
    path = tmp_path / f"picture.{suffix}"
    picture.save(path, **({"lossless": True} if suffix == "webp" else {}))
    image = capszoo.data.read_image(path, (9, 12, channels))
    assert image.dtype == np.uint8
    assert image.flags.writeable
    # WebP and the grayscale weights may round by one.
    difference = np.abs(image.astype(int) - pixels[..., :channels])
    assert difference.max() <= 1


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
@pytest.mark.parametrize("image_shape", [(8, 8, 1), (20, 6, 3)])
def test_any_mode_and_size(tmp_path, mode, image_shape):
    Image.new(mode, (31, 17)).save(tmp_path / "picture.png")
    image = capszoo.data.read_image(str(tmp_path / "picture.png"), image_shape)
    assert image.shape == image_shape
    assert image.dtype == np.uint8


def test_jpeg(tmp_path):
    Image.fromarray(gradient(64, 64)).save(tmp_path / "picture.jpg", quality=95)
    image = capszoo.data.read_image(tmp_path / "picture.jpg", (64, 64, 3))
    np.testing.assert_allclose(image, np.repeat(gradient(64, 64)[..., None], 3, -1), atol=4)


def test_resizing_is_antialiased(tmp_path):
    # Stripes of one pixel become an even gray; picking single pixels would give black or white.
    stripes = np.zeros((64, 64), "uint8")
    stripes[:, ::2] = 255
    Image.fromarray(stripes).save(tmp_path / "stripes.png")
    image = capszoo.data.read_image(tmp_path / "stripes.png", (8, 8, 1))
    np.testing.assert_allclose(image[:, 1:-1], 127.5, atol=6)


def test_height_goes_before_width(tmp_path):
    Image.fromarray(gradient(10, 40)).save(tmp_path / "wide.png")
    image = capszoo.data.read_image(tmp_path / "wide.png", (5, 20, 1))
    assert np.all(np.diff(image[..., 0].astype(int), axis=1) > 0)
    assert np.all(np.diff(image[..., 0].astype(int), axis=0) == 0)


def test_exif_orientation_is_honoured(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # The camera was held upright: turn by 90 degrees clockwise.
    Image.fromarray(gradient(16, 32)).save(tmp_path / "turned.jpg", exif=exif, quality=95)
    image = capszoo.data.read_image(tmp_path / "turned.jpg", (32, 16, 1))[..., 0].astype(int)
    assert image[-1].min() > 240
    assert image[0].max() < 15


def test_sixteen_bits_are_scaled(tmp_path):
    deep = gradient(8, 8).astype("uint16") * 256 + 99
    Image.fromarray(deep).save(tmp_path / "deep.png")
    image = capszoo.data.read_image(tmp_path / "deep.png", (8, 8, 1))
    np.testing.assert_array_equal(image[..., 0], gradient(8, 8))


def test_transparency_is_laid_on_white(tmp_path):
    pixels = np.zeros((4, 4, 4), "uint8")
    pixels[0, 0, 3] = 255  # One black pixel on a transparent ground.
    Image.fromarray(pixels).save(tmp_path / "clear.png")
    image = capszoo.data.read_image(tmp_path / "clear.png", (4, 4, 1))[..., 0]
    assert image[0, 0] == 0
    assert np.sort(image.ravel())[1] == 255


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.png"):
        capszoo.data.read_image(tmp_path / "nowhere.png", (8, 8, 1))
    with pytest.raises(FileNotFoundError, match="no picture file"):
        capszoo.data.read_image(tmp_path, (8, 8, 1))


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "webp"])
@pytest.mark.parametrize("damage", ["truncated", "text", "empty"])
def test_unreadable_file(tmp_path, suffix, damage):
    path = tmp_path / f"bad.{suffix}"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), "uint8")).save(path)
    whole = path.read_bytes()
    contents = {"truncated": whole[: len(whole) // 2], "text": b"hello", "empty": b""}
    path.write_bytes(contents[damage])
    with pytest.raises(ValueError, match=rf"Cannot read .*bad\.{suffix} as a picture"):
        capszoo.data.read_image(path, (8, 8, 3))


@pytest.mark.parametrize("image_shape", [(48, 48, 2), (8, 8, 4)])
def test_channels_that_no_file_has(tmp_path, image_shape):
    Image.new("L", (8, 8)).save(tmp_path / "picture.png")
    with pytest.raises(ValueError, match=r"1 channel.*or 3.*Received: image_shape"):
        capszoo.data.read_image(tmp_path / "picture.png", image_shape)


def test_not_an_image_shape(tmp_path):
    with pytest.raises(ValueError, match="`image_shape`"):
        capszoo.data.read_image(tmp_path / "picture.png", (8, 8))


def test_reducing_takes_means_and_enlarging_stays_sharp():
    checkers = np.indices((32, 32)).sum(axis=0) % 2 * 200
    images = np.stack([checkers, np.full((32, 32), 30)], axis=-1).astype("uint8")[None]
    reduced = resize_images(images, 8, 16)
    assert reduced.shape == (1, 8, 16, 2)
    assert np.abs(reduced[0, :, 1:-1, 0].astype(int) - 100).max() <= 2
    assert (reduced[..., 1] == 30).all()
    enlarged = resize_images(images, 64, 64)
    assert enlarged.dtype == np.uint8
    assert (enlarged[..., 1] == 30).all()
    bilinear = Image.fromarray(images[0, :, :, 0]).resize((64, 64), Image.Resampling.BILINEAR)
    assert enlarged[0, :, :, 0].std() > 1.1 * np.asarray(bilinear).std()


def test_pictures_of_the_size_stay_themselves():
    images = np.zeros((2, 6, 8, 1), "uint8")
    assert resize_images(images, 6, 8) is images
