"""Paths that users give: "~" is their home, and addresses are refused."""

import os
import pathlib
import re

from rnn_lab.errors import FieldError


def local_path(field: str, path: str | os.PathLike) -> pathlib.Path:
  """Returns a path on this machine, with "~" replaced by the user's home.

  Args:
    field: the argument that named it.
    path: the path; it need not exist.

  Raises:
    FieldError: it is empty, no path at all, an address such as "gs://...",
      which would be taken for a folder "gs:", not in UTF-8, or has a null byte.
  """
  if not isinstance(path, str | os.PathLike) or not os.fspath(path):
    raise FieldError(field, f"{{field}} must be a path, got {path!r}")
  if is_address(path):
    raise FieldError(
      field, f"{{field}} must be a path on this machine, got {str(path)!r}"
    )
  try:
    os.fspath(path).encode()
  except UnicodeEncodeError as error:  # bytes that are no text
    raise FieldError(
      field, f"{{field}} must be a path in UTF-8, got {os.fspath(path)!r}"
    ) from error
  if "\0" in os.fspath(path):
    raise FieldError(
      field, f"{{field}} must be a path without null bytes, got {path!r}"
    )
  return pathlib.Path(os.path.expanduser(path))


def is_address(path: str | os.PathLike) -> bool:
  """Whether a path is an address, such as "gs://bucket/x"."""
  # A Path has made "gs:/..." of "gs://...".
  return re.match(r"[A-Za-z][\w+.-]+:/", os.fspath(path)) is not None
