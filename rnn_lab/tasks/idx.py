"""Reads the idx format of the MNIST files strictly."""

import math
import struct

import numpy as np

from rnn_lab.text.files import decompress

_UBYTE = 0x08


def parse_idx(raw: bytes, rank: int) -> np.ndarray:
  """Parses an idx file of unsigned bytes.

  The format: two zero bytes, the type (8: unsigned byte), the rank, the sizes
  as big-endian 32-bit integers, the values in C order. Gzipped files are
  decompressed first.

  Args:
    raw: the bytes of the file.
    rank: the expected number of dimensions.

  Returns:
    uint8, of that rank.

  Raises:
    ValueError: the file is damaged; the message completes "the file ...".
  """
  raw = decompress(raw)
  header = 4 + 4 * rank
  if len(raw) < header:
    raise ValueError(f"ends after {len(raw)} bytes, within its header")
  magic, *shape = struct.unpack(f">{1 + rank}I", raw[:header])
  expected = _UBYTE << 8 | rank
  if magic != expected:
    raise ValueError(f"has magic number {magic}, not {expected}")
  size = header + math.prod(shape)
  if len(raw) != size:
    raise ValueError(f"has {len(raw)} bytes, not {size} as its header says")
  return np.frombuffer(raw, np.uint8, offset=header).reshape(shape)
