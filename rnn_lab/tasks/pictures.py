"""Images of a user's files, as tasks read them."""

import io
import warnings
from typing import TYPE_CHECKING

import numpy as np

from rnn_lab.errors import FieldError
from rnn_lab.text.files import bad_file, read_bytes

if TYPE_CHECKING:
  from PIL import Image

KIND = "an image file"


def read_picture(path: str, shape: tuple[int, int, int]) -> np.ndarray:
  """Reads an image file as numbers in [0, 1].

  Args:
    path: of a PNG, or of another format that Pillow reads.
    shape: (rows, columns, channels) that it must have; for one channel
      colours become grey, for three grey becomes colours.

  Returns:
    float32, of that shape.

  Raises:
    FieldError: the file is missing, no image, damaged, or of another size. The
      field is `input`.
  """
  # Imported here: of all tasks few read images of a user.
  from PIL import Image, UnidentifiedImageError

  rows, columns, channels = shape
  raw = read_bytes("input", path, KIND).raw
  try:
    # Of a large image only the size is read, of which Pillow would warn.
    with warnings.catch_warnings():
      warnings.simplefilter("ignore", Image.DecompressionBombWarning)
      image = Image.open(io.BytesIO(raw))
    with image:
      size = image.size
      if size == (columns, rows):
        pixels = _pixels(image, channels)
  except UnidentifiedImageError as error:
    raise bad_file("input", path, KIND, "is no image") from error
  # What Pillow raises for files that are cut, damaged or bombs.
  except (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    Image.DecompressionBombError,
  ) as error:
    raise bad_file("input", path, KIND, "is damaged") from error
  if size != (columns, rows):
    raise FieldError(
      "input",
      f"{{field}} must be an image of {columns} x {rows} pixels; {path!r} has "
      f"{size[0]} x {size[1]}",
    )
  return pixels.reshape(shape).astype(np.float32)


def _pixels(image: "Image.Image", channels: int) -> np.ndarray:
  """Returns numbers in [0, 1], with or without a dimension of one channel."""
  # Grey values of 16 bits, which `convert` would cut off at 255.
  if image.mode.startswith("I"):
    grey = np.asarray(image, np.float64) / 65535
    return np.repeat(grey[..., None], channels, axis=-1)
  return np.asarray(image.convert("L" if channels == 1 else "RGB")) / 255
