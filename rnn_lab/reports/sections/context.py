"""How far back models of a text look: perplexity by length of context."""

from collections.abc import Iterator

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rnn_lab.reports import charts, style
from rnn_lab.reports.details import floors
from rnn_lab.reports.metrics import Headline, is_wide, reference_label
from rnn_lab.reports.numbers import levels
from rnn_lab.reports.parts import Part
from rnn_lab.reports.results import Results
from rnn_lab.reports.section import Figures, Section, Text
from rnn_lab.reports.sections.ladder import at_largest, left_out

_PERPLEXITY = Headline("perplexity", maximize=False)
_KEY = "perplexity_by_context"
_BEST = "best possible"
_WORDS = (
  "Each model reads so many tokens of the text from its initial state and then "
  "predicts the next one. These are a sample of the test text, the same tokens "
  "at every length, so that the numbers differ from those on the whole text. "
  "Where a line is level, the model gains nothing from what lies further back; "
  "where it rises, that misleads the model."
)


def context_section(results: Results) -> Section | None:
  """Shows perplexity by length of context; None where it was not measured."""
  figures = [f for part in results.parts for f in draw_context(part)]
  if not figures:
    return None
  words = "".join([_WORDS, *map(left_out, results.parts)])
  caption = "Perplexity against length of context"
  content = [Text(words), Figures("context", caption, figures)]
  return Section("How far back each model looks", content)


def draw_context(part: Part) -> Iterator[Figure]:
  """Draws perplexity against how many tokens were read since a reset."""
  largest, where = at_largest(part)
  trials = largest.trials
  data = charts.table(
    largest,
    lambda trial: [
      (int(length), values)
      for length, values in trial.details.get(_KEY, {}).items()
      if trial.values("perplexity")
    ],
  ).dropna()
  if len({*data["at"]}) < 2:
    return
  sample = levels(t.details.get("context_floor_perplexity") for t in trials)
  best = sample or floors(trials)
  wide = is_wide([*data.value, *best], _PERPLEXITY)

  def decorate(ax: Axes, _: str) -> None:
    charts.scale_x(ax, sorted({*data["at"]}), wide=1.0)
    if wide:
      style.set_log(ax.yaxis, "perplexity")

  name = _BEST if sample else f"{_BEST} on the whole test text"
  yield from charts.lines(
    largest,
    data,
    "tokens read since the initial state",
    "perplexity of the next token",
    f"How much of the text before a token does each model use?{where}",
    height=4.4,
    levels={panel: best for panel in data.panel},
    level=reference_label(best, "perplexity", name),
    decorate=decorate,
  )
