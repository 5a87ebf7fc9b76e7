"""What models of a text find hard: perplexity by kind of word."""

from collections.abc import Iterable, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import LogLocator

from rnn_lab.reports import charts, style
from rnn_lab.reports.intervals import mean_interval
from rnn_lab.reports.numbers import finite, levels, share, significant
from rnn_lab.reports.parts import Part
from rnn_lab.reports.results import Results
from rnn_lab.reports.section import Figures, Section, Text
from rnn_lab.reports.sections.ladder import at_largest, left_out
from rnn_lab.reports.trial import Trial

_COLUMNS = 3
_BEST = "best possible"

# The kinds of words that `rnn_lab.text.grammar` distinguishes.
_KINDS = {
  "agreement": "a verb, singular or plural as its subject is",
  "agreement across a clause": (
    "the same with a relative clause between subject and verb"
  ),
  "closing mark": "the quote or bracket that closes an open one",
  "topic": "a noun that the clause in front of the sentence decides",
  "local": "all other words",
}


def kinds_section(results: Results) -> Section | None:
  """Shows perplexity by kind of word; None where it was not measured."""
  figures = [f for part in results.parts if (f := draw_kinds(part))]
  if not figures:
    return None
  words = (
    "Each word of the test text is sorted by what determines it. The "
    "logarithmic scale is that of all panels, so the distance of a mark from "
    "the dashed line, the best possible, is what the model loses; the numbers "
    "at the side are the perplexities."
  )
  content = [Text("".join([words, *map(left_out, results.parts)]))]
  trials = [t for p in results.parts for t in at_largest(p)[0].trials]
  shown = kinds_by_size(trials)
  meanings = [f"{kind}: {w}" for kind, w in _KINDS.items() if kind in shown]
  if meanings:
    content.append(Text(f"{'; '.join(meanings)}.", look="small"))
  drawn = Figures("kinds", "Perplexity by kind of word", figures)
  return Section("What each model finds hard", [*content, drawn])


def kinds_by_size(trials: Iterable[Trial]) -> dict[str, float]:
  """Returns kinds of words by their share of the test split, largest first."""
  tokens: dict[str, int] = {}
  for trial in trials:
    for kind, row in trial.details.get("perplexity_by_kind", {}).items():
      tokens.setdefault(kind, row["tokens"])
  total = sum(tokens.values())
  return {
    k: tokens[k] / total for k in sorted(tokens, key=lambda k: -tokens[k])
  }


def draw_kinds(part: Part) -> Figure | None:
  """Draws perplexity by kind of word: a panel a kind, a row a model."""
  largest, where = at_largest(part)
  trials = {n: t for n, _, t in largest.cells if t.values("perplexity")}
  shares = kinds_by_size(trials.values())
  if not shares:
    return None
  columns = min(len(shares), _COLUMNS)
  bands = -(-len(shares) // columns)
  height = (1.3 + 0.29 * len(trials)) * bands + 0.6
  # Room for the numbers beside each panel.
  layout = ConstrainedLayoutEngine(wspace=0.06)
  size = (max(8.5, 3.6 * columns), height)
  figure = Figure(figsize=size, dpi=style.DPI, layout=layout)
  grid = figure.subplots(
    bands, columns, sharex=True, sharey=True, squeeze=False
  )
  panels = grid.ravel()
  for ax, (kind, size) in zip(panels, shares.items()):
    _kind_panel(ax, [*trials.values()], kind)
    words = style.plain(f"{kind}\n({share(size)} of the words)")
    ax.set_title(words, loc="left", fontsize=11)
  for ax in panels[len(shares) :]:
    ax.set_axis_off()
  for ax in panels[len(shares) - columns : len(shares)]:
    ax.tick_params(labelbottom=True)
    ax.set_xlabel("perplexity on these words")
  style.set_log(panels[0].xaxis, "perplexity")
  panels[0].xaxis.set_major_locator(LogLocator())
  charts.set_rows(panels[0], [*trials, _BEST])
  words = "Which words does each model find hard? Perplexity by what decides a"
  figure.suptitle(style.plain(f"{words} word{where}"))
  return figure


def _kind_panel(ax: Axes, trials: Sequence[Trial], kind: str) -> None:
  """Draws the perplexities of models on a kind of word, with the numbers."""
  best, beside = [], []
  for n, trial in enumerate(trials):
    row = trial.details.get("perplexity_by_kind", {}).get(kind)
    if row and (seeds := finite(row["perplexity"])):
      best.append(row["floor"])
      charts.draw_row(ax, n, seeds, mean_interval(seeds)[1:])
      beside.append((n, sum(seeds) / len(seeds), "#1a1a1a"))
  ax.tick_params(left=False)
  for level in levels(best):
    ax.axvline(level, zorder=1.5, **style.CHANCE)
    beside.append((len(trials), level, style.CHANCE["color"]))
  side = {"transform": ax.get_yaxis_transform(), "va": "center", "fontsize": 9}
  for n, value, colour in beside:
    ax.text(1.02, n, significant(value, 3), color=colour, **side)
