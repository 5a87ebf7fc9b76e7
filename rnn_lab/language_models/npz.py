"""Arrays of a numpy archive that may be damaged, or made to do harm."""

import io
import math
from zipfile import ZIP_STORED, ZipFile

import numpy as np


def read_array(archive: ZipFile, name: str) -> np.ndarray:
  """Reads an array, after its header has been compared with its size.

  Raises:
    ValueError: the header claims another size, as of a file that would fill
      the memory.
    KeyError: there is no such array.
  """
  info = archive.getinfo(f"{name}.npy")
  if info.compress_type != ZIP_STORED:
    raise ValueError("compressed")
  raw = io.BytesIO(archive.read(info))
  if np.lib.format.read_magic(raw) != (1, 0):
    raise ValueError("another version")
  shape, _, dtype = np.lib.format.read_array_header_1_0(raw)
  claimed = math.prod(shape) * dtype.itemsize
  if dtype.hasobject or claimed != info.file_size - raw.tell():
    raise ValueError("another size")
  raw.seek(0)
  return np.lib.format.read_array(raw, allow_pickle=False)
