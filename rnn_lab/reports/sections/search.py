"""A search over fields: who is best on the validation split, and where."""

from rnn_lab.reports.ranking import ranked
from rnn_lab.reports.results import Results
from rnn_lab.reports.section import Figures, Grid, Section, Text
from rnn_lab.reports.sections.search_figures import (
  draw_map,
  draw_parallel,
  draw_search,
)
from rnn_lab.reports.tables import search_grid

# So many fields are drawn side by side, each trial across all of them.
_LEAST_FIELDS, _MOST_FIELDS = 3, 8


def search_section(results: Results) -> Section | None:
  """Shows the best trials and where they lie; None without a search."""
  content: list[Text | Figures | Grid] = []
  for part in results.parts:
    found = ranked(part) if part.headline else []
    if not found:
      continue
    if part.is_search:
      figures = [draw_search(part, found)]
      caption = "Validation metric of every trial against each field searched"
      content.append(Figures("search", caption, figures))
      if _LEAST_FIELDS <= len(part.searched) <= _MOST_FIELDS:
        caption = "Every trial as a line through its values and its metric"
        figure = draw_parallel(part, found)
        content.append(Figures("parallel", caption, [figure]))
      content.append(search_grid(part))
    figures = list(draw_map(part, found))
    if figures:
      caption = "Validation metric by the values of two fields"
      content.append(Figures("map", caption, figures))
  return Section("Results", content) if content else None
