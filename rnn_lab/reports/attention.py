"""The picture of an attention: which places each written symbol looked at."""

import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from rnn_lab.paths import local_path
from rnn_lab.reports.style import in_style, plain, save

# Inches for each symbol, so that words can be read.
CELL = 0.32


def draw_attention(row: Mapping[str, Any], path: str | pathlib.Path) -> None:
  """Draws attention weights as a grid, input across and output down.

  Args:
    row: a prediction with "attention", "places" and "symbols".
    path: the PNG to write.

  Raises:
    OSError: the file cannot be written.
  """
  places = [*row["places"]]
  symbols = [*row["symbols"], "(end)"][: len(row["attention"])]
  weights = np.asarray(row["attention"])
  with in_style():
    size = (CELL * len(places) + 2.5, CELL * len(symbols) + 1.8)
    figure = Figure(figsize=size, layout="constrained")
    ax = figure.add_subplot()
    image = ax.imshow(weights, cmap="Blues", vmin=0.0, vmax=1.0, aspect="equal")
    ax.grid(visible=False)
    ax.set_xticks(range(len(places)), map(plain, places), rotation=90)
    ax.set_yticks(range(len(symbols)), map(plain, symbols))
    ax.xaxis.tick_top()
    ax.set_xlabel("input")
    ax.xaxis.set_label_position("top")
    ax.set_ylabel("output")
    figure.colorbar(image, label="attention weight", shrink=0.8)
    save(figure, local_path("figure", path))
