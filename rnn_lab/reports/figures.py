"""The folder of a report's figures, drawn without a display."""

from collections.abc import Iterable
from pathlib import Path

from rnn_lab.reports import style
from rnn_lab.reports.section import Figures, Section
from rnn_lab.rundir import FIGURES


def write_figures(
  workdir: str | Path, sections: Iterable[Section]
) -> dict[str, list[Path]]:
  """Saves the figures of all sections into `workdir`/figures.

  Figures of an earlier report are replaced or removed; other files stay.

  Returns:
    The files by the stem of their names.
  """
  folder = Path(workdir) / FIGURES
  folder.mkdir(exist_ok=True)
  files: dict[str, list[Path]] = {}
  with style.in_style():
    for section in sections:
      for block in section.content:
        if isinstance(block, Figures):
          paths = files.setdefault(block.stem, [])
          for figure in block.figures:
            number = f"-{len(paths) + 1}" if paths else ""
            paths.append(folder / f"{block.stem}{number}.png")
            style.save(figure, paths[-1])
  kept = {path for paths in files.values() for path in paths}
  for path in set(folder.glob("*.png")) - kept:
    if style.is_saved(path):
      path.unlink()
  return files
