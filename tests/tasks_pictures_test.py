"""Image files: their pixels, and everything that is not the image asked for."""

import numpy as np
import pytest
from PIL import Image

from rnn_lab.errors import FieldError
from rnn_lab.tasks.pictures import read_picture

GREY = np.arange(12, dtype=np.uint8).reshape(3, 4) * 20
COLOURS = np.arange(36, dtype=np.uint8).reshape(3, 4, 3) * 7


def saved(tmp_path, pixels, name="a.png"):
  path = tmp_path / name
  if path.suffix == ".ppm" and pixels.dtype == np.uint16:
    # Which Pillow 10.0 reads and does not write.
    rows, columns = pixels.shape
    header = f"P5 {columns} {rows} 65535\n".encode()
    path.write_bytes(header + pixels.astype(">u2").tobytes())
  else:
    Image.fromarray(pixels).save(path)
  return str(path)


def test_grey_and_colours(tmp_path):
  grey = read_picture(saved(tmp_path, GREY), (3, 4, 1))
  assert grey.dtype == np.float32
  np.testing.assert_allclose(grey[..., 0], GREY / 255, rtol=1e-6)
  colours = read_picture(saved(tmp_path, COLOURS), (3, 4, 3))
  np.testing.assert_allclose(colours, COLOURS / 255, rtol=1e-6)
  as_colours = read_picture(saved(tmp_path, GREY), (3, 4, 3))
  for channel in range(3):
    np.testing.assert_allclose(as_colours[..., channel], grey[..., 0])
  # Luma: the weights of red, green and blue in a grey value (ITU-R 601).
  luma = COLOURS @ np.array([0.299, 0.587, 0.114]) / 255
  as_grey = read_picture(saved(tmp_path, COLOURS), (3, 4, 1))
  np.testing.assert_allclose(as_grey[..., 0], luma, atol=1 / 255)


def test_greys_of_16_bits(tmp_path):
  grey = np.linspace(0, 65535, 12).reshape(3, 4).astype(np.uint16)
  for name in ("a.png", "a.ppm", "a.tiff"):
    path = saved(tmp_path, grey, name)
    pixels = read_picture(path, (3, 4, 1))[..., 0]
    np.testing.assert_allclose(pixels, grey / 65535, rtol=1e-6)
    for channel in np.moveaxis(read_picture(path, (3, 4, 3)), -1, 0):
      np.testing.assert_array_equal(channel, pixels)
  for numbers in (np.int32, np.float32):
    path = saved(tmp_path, grey.astype(numbers), "a.tiff")
    with pytest.raises(FieldError, match="a.tiff' has pixels of 32 bits$"):
      read_picture(path, (3, 4, 1))


def test_what_is_no_such_image_is_named(tmp_path):
  path = saved(tmp_path, GREY)
  with pytest.raises(FieldError) as error:
    read_picture(path, (4, 3, 1))
  assert str(error.value) == (
    f"input must be an image of 3 x 4 pixels; {path!r} has 4 x 3"
  )
  whole = (tmp_path / "a.png").read_bytes()
  wrong = {
    "text.png": (b"not an image", "is no image"),
    "empty.png": (b"", "is no image"),
    "cut.png": (whole[:-25], "is damaged"),
    "missing.png": (None, "cannot be read (No such file or directory)"),
  }
  for name, (raw, words) in wrong.items():
    if raw is not None:
      (tmp_path / name).write_bytes(raw)
    with pytest.raises(FieldError) as error:
      read_picture(str(tmp_path / name), (3, 4, 1))
    assert str(error.value) == (
      f"input must be the path of an image file; {str(tmp_path / name)!r} "
      f"{words}"
    )
    assert "\n" not in str(error.value)
  with pytest.raises(FieldError, match="cannot be read"):
    read_picture(str(tmp_path), (3, 4, 1))
