"""Files of a corpus: gzip and zip, whole, damaged and too large."""

import bz2
import gzip
import hashlib
import io
import lzma
import re
import zipfile

import pytest

from rnn_lab.errors import FieldError
from rnn_lab.text import files
from rnn_lab.text.files import read_bytes, read_members, read_text

RAW = "one\ntwo é\n".encode() * 40
NAMES = ["a/one.txt", "two.txt"]


def sha256(raw):
  return hashlib.sha256(raw).hexdigest()


def zipped(compression=zipfile.ZIP_DEFLATED):
  stream = io.BytesIO()
  with zipfile.ZipFile(stream, "w", compression) as archive:
    for name in NAMES:
      archive.writestr(name, RAW + name.encode())
  return stream.getvalue()


ZIP = zipped()


def fails(words, function, path, *arguments):
  with pytest.raises(FieldError, match=words) as caught:
    function("data_dir", path, *arguments)
  message = str(caught.value)
  assert message.startswith("data_dir must be the path of a ")
  assert repr(str(path)) in message and "\n" not in message


def test_plain_and_gzipped(tmp_path, monkeypatch):
  path = tmp_path / "a"
  for stored in (RAW, gzip.compress(RAW), b"\xef\xbb\xbf" + RAW):
    path.write_bytes(stored)
    assert read_text("f", path) == (RAW.decode(), sha256(stored))
    assert read_bytes("f", path, "a file").sha256 == sha256(stored)
  monkeypatch.setenv("HOME", str(tmp_path))
  assert read_text("f", "~/a")[0] == RAW.decode()


def test_encodings(tmp_path):
  path = tmp_path / "a"
  path.write_bytes(b"caf\xe9 \x97\n")
  both = ("utf-8", "cp1252")
  assert read_text("f", path, both)[0] == "café \u2014\n"
  fails(r"is not UTF-8 \(at byte 3\)$", read_text, path)
  # \x81 is in neither.
  path.write_bytes(b"ab\xe9 \x81")
  fails(r"is not UTF-8 \(at byte 2\)$", read_text, path, both)


def test_gzip_that_is_damaged(tmp_path):
  path = tmp_path / "a.gz"
  stored = gzip.compress(RAW)
  flipped = bytearray(stored)
  flipped[-6] ^= 1  # the checksum
  for damaged in (stored[:-9], stored[:12], flipped, stored + b"junk"):
    path.write_bytes(damaged)
    fails("is a damaged gzip file$", read_text, path)
  path.write_bytes(gzip.compress(b" \n"))
  fails("is empty$", read_text, path)


def test_what_is_too_large(tmp_path, monkeypatch):
  monkeypatch.setattr(files, "MAX_BYTES", len(RAW))
  path = tmp_path / "a"
  path.write_bytes(gzip.compress(RAW))
  assert read_text("f", path)[0] == RAW.decode()
  path.write_bytes(gzip.compress(RAW + b"!"))
  fails(f"more than {len(RAW)} bytes when decompressed", read_text, path)
  path.write_bytes(ZIP)
  words = f"has more than {len(RAW)} bytes in a/one.txt$"
  fails(words, read_members, path, NAMES)


def test_what_has_no_end(monkeypatch):
  monkeypatch.setattr(files, "MAX_STORED", 3 * files.BLOCK)
  fails(f"has more than {3 * files.BLOCK} bytes$", read_text, "/dev/zero")


def test_other_compressions_are_named(tmp_path):
  path = tmp_path / "a"
  for name, module in ("bzip2", bz2), ("xz", lzma):
    path.write_bytes(module.compress(RAW))
    fails(rf"is compressed \({name}\); decompress it first$", read_text, path)
  path.write_bytes(ZIP)
  fails(r"is compressed \(zip\)", read_text, path, ("utf-8", "cp1252"))
  # A text may begin so.
  path.write_bytes(b"BZh is a word")
  assert read_text("f", path)[0] == "BZh is a word"


@pytest.mark.parametrize(
  "compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2]
)
def test_members(tmp_path, compression):
  stored = zipped(compression)
  path = tmp_path / "a.zip"
  path.write_bytes(stored)
  expected = {name: RAW + name.encode() for name in NAMES}
  assert read_members("f", path, NAMES) == (expected, sha256(stored))
  assert [*read_members("f", path, NAMES[1:])[0]] == ["two.txt"]
  fails(
    "a zip archive; .* has no three.txt$", read_members, path, ["three.txt"]
  )


@pytest.mark.parametrize(
  "compression", [zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2]
)
def test_archives_that_are_damaged_anywhere(tmp_path, compression):
  """Every byte changed or the last one: the same members, or one line."""
  stored = zipped(compression)
  expected = read(tmp_path, stored)
  damaged = [stored[:end] for end in range(0, len(stored), 7)]
  for i in range(len(stored)):
    damaged.append(stored[:i] + bytes([stored[i] ^ 0xFF]) + stored[i + 1 :])
  refused = 0
  for raw in damaged:
    try:
      # Dates and permissions have no checksum.
      assert read(tmp_path, raw) == expected
    except FieldError as error:
      message = str(error)
      assert "\n" not in message
      assert re.search(r" (is damaged( in \S+)? \(\w+\)|has .*)$", message)
      refused += 1
  assert refused > len(damaged) / 2


def read(folder, raw):
  (folder / "a.zip").write_bytes(raw)
  return read_members("data_dir", folder / "a.zip", NAMES)[0]


def test_files_that_cannot_be_read(tmp_path):
  fails(r"cannot be read \(No such file", read_members, tmp_path / "no", NAMES)
  fails(r"cannot be read \(Is a directory", read_members, tmp_path, NAMES)
  fails(r"cannot be read \(File name too long", read_text, "x" * 5000)
  with pytest.raises(FieldError, match=r"^f must .* cannot be read \(embedded"):
    read_text("f", "a\0b")
  # A home that does not exist is no home.
  fails(r"cannot be read \(No such file", read_text, "~nobody-of-that-name/a")
  empty = tmp_path / "empty"
  empty.write_bytes(b"")
  fails("is empty$", read_text, empty)
  fails(r"is damaged \(BadZipFile\)$", read_members, empty, NAMES)
