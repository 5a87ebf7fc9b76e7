"""The folder of a report's figures, drawn without a display."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from rnn_lab.errors import check_choice
from rnn_lab.reports import style
from rnn_lab.reports.section import Figures, Section
from rnn_lab.rundir import FIGURES

# That of the page comes first.
FORMATS = ("png", "svg", "pdf")


def check_formats(formats: Sequence[str]) -> None:
  """Raises FieldError for a format in which no figure is saved."""
  for name in formats:
    check_choice("formats", name, FORMATS)


def write_figures(
  workdir: str | Path, sections: Iterable[Section], formats: Sequence[str] = ()
) -> dict[str, list[Path]]:
  """Saves the figures of all sections into `workdir`/figures.

  Figures of an earlier report are replaced or removed; other files stay.

  Args:
    workdir: the directory of the report.
    sections: hold the figures.
    formats: of FORMATS, in which they are saved beside PNG; without any, those
      in which an earlier report saved its own.

  Returns:
    The PNG files by the stem of their names.
  """
  folder = Path(workdir) / FIGURES
  folder.mkdir(exist_ok=True)
  formats = formats or [
    name
    for name in FORMATS[1:]
    if any(map(style.is_saved, folder.glob(f"*.{name}")))
  ]
  files: dict[str, list[Path]] = {}
  with style.in_style():
    for section in sections:
      for block in section.content:
        if isinstance(block, Figures):
          paths = files.setdefault(block.stem, [])
          for figure in block.figures:
            number = f"-{len(paths) + 1}" if paths else ""
            paths.append(folder / f"{block.stem}{number}.png")
            for name in dict.fromkeys((FORMATS[0], *formats)):
              style.save(figure, paths[-1].with_suffix(f".{name}"))
  kept = {path.stem for paths in files.values() for path in paths}
  for path in sorted(folder.iterdir()):
    is_old = path.stem not in kept or path.suffix[1:] not in ("png", *formats)
    if is_old and style.is_saved(path):
      path.unlink()
  return files
