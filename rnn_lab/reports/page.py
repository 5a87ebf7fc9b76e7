"""The report: one HTML page that holds everything and needs no network."""

import base64
import re
from collections.abc import Sequence
from pathlib import Path

import jinja2
from markupsafe import Markup, escape

from rnn_lab.errors import FieldError
from rnn_lab.paths import local_path
from rnn_lab.reports import style
from rnn_lab.reports.exports import write_tables
from rnn_lab.reports.figures import check_formats, write_figures
from rnn_lab.reports.frames import frame
from rnn_lab.reports.outline import SECTIONS
from rnn_lab.reports.results import Results, read_results
from rnn_lab.reports.section import Cell, Figures, Grid, Section, Text, as_cell
from rnn_lab.reports.summary import summary
from rnn_lab.rundir import NUMBERS, REPORT, SUMMARY, write_json, write_text

_TEMPLATE = "page.html.j2"
# The folder of the report on several directories, in the first of them.
COMPARED = "compared"


def write_report(
  *workdirs: str | Path,
  output: str | Path | None = None,
  formats: Sequence[str] = (),
  results: Results | None = None,
) -> Path:
  """Writes report.html, figures/, tables/, numbers.csv and summary.json.

  Equal run directories give equal bytes: no clock and no version of a drawing
  library goes into the files. A report may be made while a sweep still runs.

  Args:
    *workdirs: a sweep directory, a directory of run directories, or one run
      directory; several of them are laid side by side.
    output: the directory that is written to; the first of `workdirs` unless it
      is given, and `COMPARED` in it where there are several.
    formats: "svg" and "pdf": how figures are saved beside PNG.
    results: of `workdirs`, if they were already read.

  Returns:
    The path of report.html.

  Raises:
    FieldError: there is no run in a directory, a file in it is damaged or
      holds a wrong goal or claim, or a format is unknown. No file has changed
      then.
  """
  check_formats(formats)
  results = results or read_results(*workdirs)
  sections = sections_of(results)
  folder = results.workdirs[0]
  if output is not None:
    folder = local_path("output", output)
  elif len(results.workdirs) > 1:
    folder = folder / COMPARED
  try:
    folder.mkdir(parents=True, exist_ok=True)
  except OSError as error:
    words = f"{{field}} {folder} cannot be made: {error.strerror}"
    raise FieldError("output", words) from error
  images = {
    stem: [_data_uri(path) for path in paths]
    for stem, paths in write_figures(folder, sections, formats).items()
  }
  write_tables(folder, sections)
  write_text(folder / NUMBERS, frame(results).to_csv(index=False))
  write_json(folder / SUMMARY, summary(results.trials))
  environment = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
  )
  for kind in (Text, Grid, Figures):
    name = kind.__name__.lower()
    environment.tests[name] = lambda block, kind=kind: isinstance(block, kind)
  environment.filters |= {"inline": _inline, "cell": as_cell}
  page = environment.get_template(_TEMPLATE).render(
    title=results.sweep.title or results.workdirs[0].resolve().name,
    sections=sections,
    images=images,
    spans=_spans,
  )
  path = folder / REPORT
  write_text(path, page + "\n")
  return path


def sections_of(results: Results) -> list[Section]:
  """Makes all sections that the results have something for."""
  with style.in_style():
    sections = [make(results) for make in SECTIONS]
  return [section for section in sections if section is not None]


def _inline(words: str) -> Markup:
  """Escapes words; sets `names` as code, and dh_t with a subscript."""
  text = str(escape(words))
  text = re.sub(r"`([^`]*)`", r"<code>\1</code>", text)
  return Markup(style.INDEXED.sub(r"\1<sub>\2</sub>", text))


def _spans(row: Sequence[str | Cell | None]) -> list[tuple[Cell, int]]:
  """The cells of a row and how many columns each takes; None widens one."""
  spans: list[tuple[Cell, int]] = []
  for cell in row:
    if cell is None:
      wide, columns = spans.pop()
      spans.append((wide, columns + 1))
    else:
      spans.append((as_cell(cell), 1))
  return spans


def _data_uri(path: Path) -> str:
  encoded = base64.b64encode(path.read_bytes()).decode("ascii")
  return f"data:image/png;base64,{encoded}"
