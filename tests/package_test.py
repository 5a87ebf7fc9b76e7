"""Public names work after `import rnn_lab`, and shadow no module."""

import importlib
import pkgutil
import subprocess
import sys

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


@pytest.mark.parametrize("name", PACKAGES)
def test_no_attribute_of_a_package_shadows_its_module(name):
  package = importlib.import_module(name)
  submodules = [
    module.name for module in pkgutil.iter_modules(package.__path__)
  ]
  assert submodules
  for submodule in submodules:
    module = importlib.import_module(f"{name}.{submodule}")
    assert getattr(package, submodule) is module, submodule
