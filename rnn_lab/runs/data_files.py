"""Whether two runs read the same data, though perhaps at other places."""

import os
from collections.abc import Mapping
from typing import Any

# Of a task's section: where its data is, which decides no number if the bytes
# are the same.
FOLDER = "data_dir"
_FILE = "path"


def is_location(field: str) -> bool:
  """Whether a dotted field of a config is the path of a task's data."""
  section, _, name = field.rpartition(".")
  return section == "task" and (
    name in (FOLDER, _FILE) or name.endswith(f"_{_FILE}")
  )


def by_field(
  hashes: Mapping[str, str], task: Mapping[str, Any]
) -> dict[str, str]:
  """Names the hashes of data so that they do not depend on where it was.

  Args:
    hashes: `{file or data set: sha256}`, files by name or by path.
    task: the section of the config whose task read them.

  Returns:
    `{field, or file in the folder: sha256}`, a field for each file that the
    task was given by its own path.
  """
  named, used = {}, set()
  for field, path in task.items():
    if field == FOLDER or not is_location(f"task.{field}") or path is None:
      continue
    name = os.path.basename(path)
    alike = [key for key in hashes if os.path.basename(key) == name]
    keys = [key for key in (path, name) if key in hashes]
    # A run that was killed as it went on elsewhere has the old path there.
    for key in keys[:1] or (alike if len(alike) == 1 else []):
      named[field] = hashes[key]
      used.add(key)
  folder = os.path.join(task.get(FOLDER) or "", "")
  others = {
    key.removeprefix(folder): sha256
    for key, sha256 in hashes.items()
    if key not in used
  }
  return named | others


def is_known(field: str, hashes: Mapping[str, str] | None) -> bool:
  """Whether the data at a location has a hash.

  Args:
    field: a dotted field of which `is_location` is true.
    hashes: of `by_field`, or None.
  """
  name = field.rpartition(".")[2]
  if name != FOLDER:
    return name in (hashes or {})
  return not all(is_location(f"task.{key}") for key in hashes or {})


def differences(
  there: Mapping[str, str], here: Mapping[str, str], task: Mapping[str, Any]
) -> list[str]:
  """Returns the names of the data that differs, both as of `by_field`."""
  return [
    os.path.basename(task.get(name) or name)
    for name in sorted({**there, **here})
    if there.get(name) != here.get(name)
  ]
