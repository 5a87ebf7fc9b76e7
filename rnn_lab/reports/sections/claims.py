"""The table of claims and their verdicts."""

from rnn_lab.reports import claims
from rnn_lab.reports.claim_numbers import Number
from rnn_lab.reports.claims import Evaluation
from rnn_lab.reports.results import Results
from rnn_lab.reports.section import Cell, Grid, Section

_LOOKS = {claims.HOLDS: "holds", claims.FAILS: "fails"}


def claims_section(results: Results) -> Section | None:
  """Evaluates the claims of the sweep; None without claims."""
  evaluations = claims.evaluate(results.sweep.claims, results.parts)
  if not evaluations:
    return None
  parts = results.parts
  words = parts[0].metric or "metric"
  if len(parts) > 1:
    words = "metric of its task"
  title = "Claims, evaluated on the mean over seeds of the test " + words
  numbers = [number for e in evaluations for number in (e.left, e.right)]
  if any(": " in number.name for number in numbers):
    title += ", or on the number named after a colon"
  notes = dict.fromkeys(number.note for number in numbers if number.note)
  grid = Grid(
    "; ".join([title, *notes]),
    ["Claim", Cell(["Verdict"], "nowrap"), "Numbers"],
    [_row(evaluation) for evaluation in evaluations],
    "",
    numeric=False,
    row_heads=False,
  )
  return Section("Claims", [grid])


def _row(evaluation: Evaluation) -> list[str | Cell]:
  look = _LOOKS.get(evaluation.verdict, "open")
  left, right = map(_words, (evaluation.left, evaluation.right))
  return [
    evaluation.sentence,
    Cell([evaluation.verdict], f"verdict {look}"),
    Cell([left, f"should be {evaluation.op} {right}"]),
  ]


def _words(number: Number) -> str:
  return f"{number.name}: {number.words}" if number.name else number.words
