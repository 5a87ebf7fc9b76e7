"""Reads the files of a corpus: plain, gzipped, or in a zip archive.

Whatever is wrong with a file is reported in one line that begins with the
argument or config field that named it.
"""

import gzip
import hashlib
import io
import lzma
import os
import zipfile
import zlib
from collections.abc import Sequence
from typing import Any, NamedTuple

from rnn_lab.errors import FieldError
from rnn_lab.paths import is_address

TEXT_FILE = "a text file in UTF-8"
# Bounds what is read of a file, and what a small archive is decompressed to.
MAX_STORED = 2**30
MAX_BYTES = 2**28
BLOCK = 2**20
# How files begin that are compressed, but not read here.
COMPRESSED = {
  b"BZh": "bzip2",
  b"\xfd7zXZ\0": "xz",
  b"\x28\xb5\x2f\xfd": "zstd",
  b"PK\3\4": "zip",
  b"7z\xbc\xaf\x27\x1c": "7z",
}


class File(NamedTuple):
  """The content of a file.

  Attributes:
    raw: its bytes, decompressed if it is gzipped.
    sha256: the hash of the file as it is stored.
  """

  raw: bytes
  sha256: str


def path_or_none(field: str, value: Any) -> str | None:
  """Returns a path as a string, or `None`.

  Raises:
    FieldError: `value` is neither a path nor `None`.
  """
  if not isinstance(value, str | os.PathLike | None):
    raise FieldError(field, f"{{field}} must be a path or None, got {value!r}")
  return None if value is None else os.fspath(value)


def read_bytes(field: str, path: str | os.PathLike, kind: str) -> File:
  """Reads a file, and decompresses it if it is gzipped.

  Args:
    field: the argument that named it.
    path: the file; "~" stands for the user's home.
    kind: what it must be, for the error, such as "a zip archive".

  Raises:
    FieldError: the file cannot be read, has more than MAX_STORED bytes, is a
      damaged gzip file, or has more than MAX_BYTES when decompressed.
  """
  try:
    stored = read_stored(path)
    return File(decompress(stored), hashlib.sha256(stored).hexdigest())
  except ValueError as error:
    raise bad_file(field, path, kind, str(error)) from error


def read_stored(path: str | os.PathLike) -> bytes:
  """Reads the bytes of a file as they are stored.

  Raises:
    ValueError: the file cannot be read, or has more than MAX_STORED bytes; the
      message completes "the file ...".
  """
  if is_address(path):
    raise ValueError("is no path on this machine")
  try:
    with open(os.path.expanduser(path), "rb") as file:
      # Devices have no size, and no end.
      stored = _read_up_to(file, MAX_STORED + 1)
  # A null byte in the path raises ValueError.
  except (OSError, ValueError) as error:
    reason = getattr(error, "strerror", None) or error
    raise ValueError(f"cannot be read ({reason})") from error
  if len(stored) > MAX_STORED:
    raise ValueError(f"has more than {MAX_STORED} bytes")
  return stored


def decompress(stored: bytes) -> bytes:
  """Decompresses the bytes of a gzipped file; returns others as they are.

  Raises:
    ValueError: the file is damaged, or has more than MAX_BYTES when
      decompressed; the message completes "the file ...".
  """
  if stored[:2] != b"\x1f\x8b":
    return stored
  try:
    with gzip.GzipFile(fileobj=io.BytesIO(stored)) as file:
      raw = _read_up_to(file, MAX_BYTES + 1)
  except (OSError, EOFError, zlib.error) as error:
    raise ValueError("is a damaged gzip file") from error
  if len(raw) > MAX_BYTES:
    raise ValueError(f"has more than {MAX_BYTES} bytes when decompressed")
  return raw


def _read_up_to(file: io.BufferedIOBase, size: int) -> bytes:
  """Reads at most about `size` bytes, in blocks: memory grows with the file."""
  blocks, number = [], 0
  while number < size and (block := file.read(BLOCK)):
    blocks.append(block)
    number += len(block)
  return b"".join(blocks)


def read_members(
  field: str, path: str | os.PathLike, names: Sequence[str]
) -> tuple[dict[str, bytes], str]:
  """Reads files of a zip archive.

  Args:
    field: the argument that named it.
    path: the archive.
    names: the members to read.

  Returns:
    `{name: bytes}` of the members, and the sha256 of the archive.

  Raises:
    FieldError: the archive cannot be read or is damaged, or a member is
      missing, damaged, encrypted, or larger than MAX_BYTES.
  """
  kind = "a zip archive"
  stored, sha256 = read_bytes(field, path, kind)
  members = {}
  name = None
  try:
    with zipfile.ZipFile(io.BytesIO(stored)) as archive:
      infos = {info.filename: info for info in archive.infolist()}
      for name in names:
        if name not in infos:
          raise bad_file(field, path, kind, f"has no {name}")
        if infos[name].file_size > MAX_BYTES:
          words = f"has more than {MAX_BYTES} bytes in {name}"
          raise bad_file(field, path, kind, words)
        # No more bytes than the archive says that the member has are read.
        members[name] = archive.read(infos[name])
  except FieldError:
    raise
  # What the library raises for damaged or encrypted archives: RuntimeError
  # includes NotImplementedError, for a compression that it does not know.
  except (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    RuntimeError,
    ValueError,
  ) as error:
    place = "" if name is None else f" in {name}"
    words = f"is damaged{place} ({type(error).__name__})"
    raise bad_file(field, path, kind, words) from error
  return members, sha256


def read_text(
  field: str,
  path: str | os.PathLike,
  encodings: Sequence[str] = ("utf-8",),
  kind: str = TEXT_FILE,
) -> tuple[str, str]:
  """Reads a text file, gzipped or not.

  Args:
    field: the argument that named it.
    path: the file.
    encodings: those that it can have; the first that fits is taken.
    kind: what it must be, for the error.

  Returns:
    The text without a byte order mark, its lines ended by newlines alone, and
    the sha256 of the file.

  Raises:
    FieldError: the file cannot be read, is a damaged gzip file, is compressed
      otherwise, is in another encoding or is empty.
  """
  raw, sha256 = read_bytes(field, path, kind)
  return decode(field, path, raw, encodings, kind), sha256


def decode(
  field: str,
  path: str | os.PathLike,
  raw: bytes,
  encodings: Sequence[str] = ("utf-8",),
  kind: str = TEXT_FILE,
) -> str:
  """Decodes the bytes of a text file; arguments and errors of `read_text`."""
  errors = []
  for encoding in encodings:
    try:
      text = raw.decode(encoding)
      break
    except UnicodeDecodeError as error:
      errors.append(error)
  if errors and (name := compression(raw)):
    words = f"is compressed ({name}); decompress it first"
    raise bad_file(field, path, kind, words)
  if len(errors) == len(encodings):
    words = f"is not UTF-8 (at byte {errors[0].start})"
    raise bad_file(field, path, kind, words) from errors[0]
  # The byte order mark that some editors write is not part of the text.
  text = text.removeprefix("\ufeff")
  if not text or text.isspace():
    raise bad_file(field, path, kind, "is empty")
  # Windows ends lines by \r\n, as \r alone did long ago. Any other \r is part
  # of its line.
  text = text.replace("\r\n", "\n")
  return text if "\n" in text else text.replace("\r", "\n")


def compression(raw: bytes) -> str | None:
  """Returns how a file is compressed, by its first bytes; `None` if not."""
  found = (name for magic, name in COMPRESSED.items() if raw.startswith(magic))
  return next(found, None)


def bad_file(
  field: str, path: str | os.PathLike, kind: str, words: str
) -> FieldError:
  """Makes the error for a file; `words` say what is wrong with it."""
  return FieldError(
    field,
    f"{{field}} must be the path of {kind}; {os.fspath(path)!r} {words}",
  )
