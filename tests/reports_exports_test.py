"""Tables as Markdown, CSV and LaTeX, and figures as PNG, SVG and PDF."""

import csv
import json
import re
import shutil
import subprocess

import pytest
import reports_fakes as fakes

from rnn_lab.errors import FieldError
from rnn_lab.reports import write_report
from rnn_lab.reports.exports import comma_separated, latex, markdown
from rnn_lab.reports.section import Cell, Grid

GRID = Grid(
  "a title",
  ["series", Cell(["test", "mse"])],
  [
    ["A & B_1 #50%", "0.5 ± 0.1 → 2 × 10⁻³"],
    ['C, "D" | $E$ {F} ~ ^ \\', Cell(["−∞ < 3", "– (1 of 2)"])],
    ["wide", None],
  ],
  "what is `shown`",
)
TEX = r"""\begin{table}
\centering
\caption{A title: what is shown.}
\begin{tabular}{lr}
\toprule
series & test mse \\
\midrule
A \& B\_1 \#50\% & 0.5 $\pm$ 0.1 $\to$ 2 $\times$ 10$^{-}$$^{3}$ \\
C, "D" | \$E\$ \{F\} \textasciitilde{} \textasciicircum{} \textbackslash{} & """
TEX += r"""$-$$\infty$ $<$ 3 -- (1 of 2) \\
wide &  \\
\bottomrule
\end{tabular}
\end{table}
"""


def test_a_table_in_each_format():
  assert latex(GRID) == TEX
  assert list(csv.reader(comma_separated(GRID).splitlines())) == [
    ["series", "test mse"],
    ["A & B_1 #50%", "0.5 ± 0.1 → 2 × 10⁻³"],
    ['C, "D" | $E$ {F} ~ ^ \\', "−∞ < 3 – (1 of 2)"],
    ["wide", ""],
  ]
  lines = markdown(GRID).splitlines()
  assert lines[3] == '| C, "D" \\| $E$ {F} ~ ^ \\ | −∞ < 3 – (1 of 2) |'


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
  root = fakes.write_sweep(tmp_path_factory.mktemp("exports") / "sweep")
  write_report(root, formats=["svg", "pdf"])
  return root


def test_the_tables_of_a_report(sweep):
  names = sorted(path.name for path in (sweep / "tables").glob("[!.]*"))
  stems = sorted({name.partition(".")[0] for name in names})
  assert stems == [
    "all_trials",
    "claims",
    "results",
    "to_reproduce",
    "which_series_is_better",
  ]
  assert names == [f"{s}.{e}" for s in stems for e in ("csv", "md", "tex")]
  text = (sweep / "tables" / "results.tex").read_text(encoding="utf-8")
  assert "GRU & 0.950 [0.940, 0.970] & 0.880 [0.870, 0.900]" in text


def test_tables_of_an_earlier_report_are_removed_and_no_others(tmp_path):
  sweep = fakes.write_sweep(tmp_path / "sweep")
  write_report(sweep)
  (sweep / "tables" / "mine.tex").write_text("mine")
  assert (sweep / "tables" / "claims.tex").exists()
  plan = json.loads((sweep / "sweep.json").read_text())
  fakes.write_json(sweep / "sweep.json", plan | {"claims": []})
  write_report(sweep)
  names = {path.name for path in (sweep / "tables").iterdir()}
  assert {"mine.tex", "results.tex"} < names and "claims.tex" not in names


def test_latex_compiles(sweep, tmp_path):
  if not shutil.which("kpsewhich"):
    pytest.skip("no LaTeX is installed")
  if subprocess.run(["kpsewhich", "booktabs.sty"], check=False).returncode:
    pytest.skip("LaTeX is installed without the package booktabs")
  tables = sorted((sweep / "tables").glob("*.tex"))
  inputs = "\n".join(rf"\input{{{path.name}}}" for path in tables)
  for path in tables:
    shutil.copy(path, tmp_path)
  (tmp_path / "grid.tex").write_text(latex(GRID))
  (tmp_path / "all.tex").write_text(
    "\\documentclass{article}\n\\usepackage{booktabs}\n"
    f"\\begin{{document}}\n{inputs}\n\\input{{grid.tex}}\n\\end{{document}}\n"
  )
  command = [
    "pdflatex",
    "-interaction=nonstopmode",
    "-halt-on-error",
    "all.tex",
  ]
  ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
  assert ended.returncode == 0, (tmp_path / "all.log").read_text()[-2000:]
  assert (tmp_path / "all.pdf").stat().st_size > 10_000


def test_figures_in_each_format_are_the_same_bytes_again(sweep):
  folder = sweep / "figures"
  before = {path: path.read_bytes() for path in folder.iterdir()}
  endings = {path.suffix for path in before}
  assert endings == {".png", ".svg", ".pdf"} and len(before) == 12
  (folder / "mine.svg").write_text("<svg/>")
  write_report(sweep, formats=["svg", "pdf"])
  assert {path: path.read_bytes() for path in before} == before
  text = (folder / "headline.svg").read_text(encoding="utf-8")
  assert not re.search(r"\d{4}-\d\d-\d\d", text)
  # Without formats those that are there are renewed, and nothing else goes.
  write_report(sweep)
  assert {path: path.read_bytes() for path in before} == before
  assert (folder / "mine.svg").exists()


def test_an_unknown_format_is_an_error_of_one_line(tmp_path):
  fakes.write_run(tmp_path, fakes.config(), fakes.result([0.5]))
  with pytest.raises(FieldError, match="^formats must be one of .*'eps'$"):
    write_report(tmp_path, formats=["eps"])
  assert not (tmp_path / "figures").exists()


def test_a_report_on_two_directories(tmp_path):
  for name in ("one", "two"):
    fakes.write_run(tmp_path / name, fakes.config(), fakes.result([0.5, 0.6]))
  paths = tmp_path / "one", tmp_path / "two"
  page = write_report(*paths)
  assert page == tmp_path / "one" / "compared" / "report.html"
  assert "<h1>one and two</h1>" in page.read_text(encoding="utf-8")
  assert not (tmp_path / "one" / "report.html").exists()
  page = write_report(*paths, output=tmp_path / "both" / "page")
  assert page == tmp_path / "both" / "page" / "report.html"


def test_an_output_that_cannot_be_made_is_an_error_of_one_line(tmp_path):
  fakes.write_run(tmp_path / "run", fakes.config(), fakes.result([0.5]))
  (tmp_path / "file").write_text("")
  for path in (tmp_path / "file", tmp_path / "file" / "below"):
    with pytest.raises(FieldError, match="^output .* cannot be made: "):
      write_report(tmp_path / "run", output=path)
