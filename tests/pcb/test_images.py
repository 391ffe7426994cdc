"""Pictures as cameras and tools write them: deep, coloured, under any name."""

import cv2
import numpy as np
import pytest
from PIL import ExifTags, Image

from common.errors import UserError
from tasks.pcb.images import find_files, picture_size, read_image, resize_image


def write(path, pixels) -> None:
    path.write_bytes(cv2.imencode(path.suffix, pixels)[1].tobytes())


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("bits", [10, 12, 16])
def test_the_greatest_number_of_a_deep_picture_becomes_255(tmp_path, suffix, channels, bits):
    most = 2**bits - 1
    ramp = np.linspace(0, most, 40 * 64 * channels).astype(np.uint16).reshape(40, 64, channels)
    file = tmp_path / f"板 №1{suffix}"
    write(file, ramp)
    found = read_image(file, bits)
    assert found.dtype == np.uint8 and found.shape == (40, 64, channels)
    assert picture_size(file) == (64, 40)
    assert (found == np.rint(ramp / most * 255)).all()
    assert read_image(file).max() == round(most / 65535 * 255)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_every_kind_of_pixel_has_one_channel_where_grey_and_three_where_not(tmp_path, mode):
    picture = Image.new(mode, (64, 40))
    picture.save(tmp_path / "a.png")
    found = read_image(tmp_path / "a.png")
    assert found.dtype == np.uint8 and found.shape == (40, 64, 1)
    if mode in ("RGB", "RGBA"):
        picture.putpixel((3, 4), (9, 9, 10, 255)[: len(mode)])
        picture.save(tmp_path / "a.png")
        found = read_image(tmp_path / "a.png")
        assert found.shape == (40, 64, 3) and found[4, 3].tolist() == [10, 9, 9]


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp"])
def test_the_size_of_a_turned_picture_is_that_of_its_pixels(tmp_path, suffix):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    file = tmp_path / f"a{suffix}"
    Image.new("L", (64, 40)).save(file, exif=exif)
    assert read_image(file).shape[1::-1] == picture_size(file)


def test_pictures_may_have_more_pixels_than_pillow_takes_by_itself(tmp_path, monkeypatch):
    Image.new("L", (64, 40)).save(tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(Image.DecompressionBombError):
        Image.open(tmp_path / "a.png")
    assert picture_size(tmp_path / "a.png") == (64, 40)
    assert Image.MAX_IMAGE_PIXELS == 1000


@pytest.mark.parametrize("read", [picture_size, read_image])
def test_fractions_of_a_grey_value_are_refused(tmp_path, read):
    write(tmp_path / "a.tif", np.zeros([40, 64], np.float32))
    with pytest.raises(UserError, match="a.tif: found pixels of float32, expected 8 or 16 bits"):
        read(tmp_path / "a.tif")


def test_a_link_to_a_folder_above_is_not_followed_for_ever(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a/up").symlink_to(tmp_path)
    (tmp_path / "a/x.png").write_bytes(b"")
    assert [file.name for file in find_files(tmp_path)] == ["x.png"]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_a_tiff_that_is_cut_off_is_refused(tmp_path, channels, kind):
    file = tmp_path / "a.tif"
    write(file, np.random.default_rng(0).integers(0, 256, [400, 64, channels]).astype(kind))
    content = file.read_bytes()
    for share in (0.01, 0.3, 0.6, 0.9):
        file.write_bytes(content[: int(len(content) * share)])
        with pytest.raises(UserError, match="a.tif: found .* bytes that are no picture"):
            picture_size(file)


@pytest.mark.parametrize("interpolation", [cv2.INTER_AREA, cv2.INTER_LINEAR])
@pytest.mark.parametrize("channels", [1, 2, 3, 6])
def test_each_channel_is_resized_as_if_it_were_alone(channels, interpolation):
    image = np.random.default_rng(0).integers(0, 256, (40, 64, channels), np.uint8)
    resized = resize_image(image, 23, 17, interpolation)
    alone = [cv2.resize(image[:, :, i], (23, 17), interpolation=interpolation) for i in range(channels)]
    assert (resized == np.stack(alone, axis=2)).all()
