"""Public names work after `import rnn_lab`, and shadow no module."""

import configparser
import importlib
import os
import pathlib
import pkgutil
import shutil
import subprocess
import sys
import zipfile

import pytest

import rnn_lab

PACKAGES = [
  "rnn_lab",
  *[
    module.name
    for module in pkgutil.walk_packages(rnn_lab.__path__, "rnn_lab.")
    if module.ispkg
  ],
]

PUBLIC = """
import sys
import rnn_lab
for name in ("unroll", "static_unroll", "stack", "unroll_stack", "lstm"):
  assert callable(getattr(rnn_lab, name)), name
assert rnn_lab.cells.lstm is rnn_lab.lstm
assert rnn_lab.cell_factory is rnn_lab.cells.cell_factory
assert all(hasattr(rnn_lab.cells, name) for name in rnn_lab.cells.__all__)
assert "flax" not in sys.modules and "orbax" not in sys.modules
"""


def test_public_names_are_attributes_after_a_bare_import():
  subprocess.run([sys.executable, "-c", PUBLIC], check=True)


# What benchmarks compare with, where it is installed.
OPTIONAL = {"equinox", "haiku", "keras", "torch"}


@pytest.mark.parametrize("name", PACKAGES)
def test_no_attribute_of_a_package_shadows_its_module(name):
  package = importlib.import_module(name)
  submodules = [
    module.name for module in pkgutil.iter_modules(package.__path__)
  ]
  assert submodules
  for submodule in submodules:
    try:
      module = importlib.import_module(f"{name}.{submodule}")
    except ModuleNotFoundError as error:
      assert error.name in OPTIONAL
      continue
    assert getattr(package, submodule) is module, submodule


def test_the_marker_of_type_annotations_is_package_data():
  # Without it checkers ignore the annotations of an installed package.
  root = pathlib.Path(__file__).parent.parent
  config = configparser.ConfigParser()
  config.read(root / "setup.cfg")
  assert "py.typed" in config["options.package_data"]["rnn_lab"].split()
  assert (root / "rnn_lab" / "py.typed").is_file()


BUILD = """
import sys
import setuptools.build_meta
setuptools.build_meta.build_editable(sys.argv[1])
"""
IMPORT = """
import site, sys
site.addsitedir(sys.argv[1])
import rnn_lab
assert rnn_lab.answer == 42
"""


def test_an_editable_install_is_found_from_the_folder_above_the_clone(tmp_path):
  reason = "builds without the package wheel"
  pytest.importorskip("setuptools", minversion="70.1", reason=reason)
  root = pathlib.Path(__file__).parent.parent
  clone, site = tmp_path / "rnn_lab", tmp_path / "site"
  (clone / "rnn_lab").mkdir(parents=True)
  (clone / "rnn_lab" / "__init__.py").write_text("answer = 42\n")
  for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
    shutil.copy(root / name, clone)
  subprocess.run(
    [sys.executable, "-c", BUILD, str(tmp_path)],
    cwd=clone,
    check=True,
    capture_output=True,
  )
  [wheel] = tmp_path.glob("*.whl")
  zipfile.ZipFile(wheel).extractall(site)
  # Without the packages of this environment, where the lab is installed.
  command = [sys.executable, "-S", "-c", IMPORT, str(site)]
  env = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
  subprocess.run(command, cwd=tmp_path, env=env, check=True)
