"""The table of claims and their verdicts."""

from rnn_lab.reports import claims
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
  metric = parts[0].headline.metric if parts[0].headline else "metric"
  words = "metric of its task" if len(parts) > 1 else metric
  title = "Claims, evaluated on the mean over seeds of the test " + words
  if any(": " in e.left or ": " in e.right for e in evaluations):
    title += ", or on the number named after a colon"
  notes = dict.fromkeys(note for e in evaluations for note in e.notes)
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
  left = f"{evaluation.left}: {evaluation.left_number}"
  right = evaluation.right_number
  if evaluation.right:
    right = f"{evaluation.right}: {right}"
  return [
    evaluation.sentence,
    Cell([evaluation.verdict], f"verdict {look}"),
    Cell([left, f"should be {evaluation.op} {right}"]),
  ]
