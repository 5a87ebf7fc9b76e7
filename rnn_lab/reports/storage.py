"""What n-gram models store, beside a network that sees as many words."""

from collections.abc import Iterable, Sequence
from typing import Any

from rnn_lab.reports.details import details_of, is_counted, share
from rnn_lab.reports.language import NONE, last, megabytes, thousands
from rnn_lab.reports.load import Trial
from rnn_lab.reports.series import Layout
from rnn_lab.reports.tables import Grid


def stored(layout: Layout) -> list[dict[str, Any]]:
  """The rows of the n-gram model with the most orders, one an order."""
  several = [
    details_of(trial).get("storage") or [] for trial in last(layout).values()
  ]
  return max(several, key=len, default=[])


def storage_grid(layout: Layout) -> Grid | None:
  """What n-grams store, order by order; None where none were counted."""
  rows = stored(layout)
  if not rows:
    return None
  orders = [row["order"] for row in rows]
  found = window_parameters(list(last(layout).values()), orders)
  header = ["n", "distinct n-grams", "their megabytes"]
  header += ["all orders up to n", "their megabytes"]
  header += ["test n-grams never seen"]
  if found:
    header += ["window network, n-1 words: parameters", "its megabytes"]
  table, ngrams, size = [], 0, 0
  for row in rows:
    ngrams, size = ngrams + row["ngrams"], size + row["bytes"]
    cells = [
      str(row["order"]),
      thousands(row["ngrams"]),
      megabytes(row["bytes"]),
      thousands(ngrams),
      megabytes(size),
      NONE if row["unseen"] is None else share(row["unseen"]),
    ]
    if found:
      # float32
      count = found[0].get(row["order"])
      cells += [thousands(count), megabytes(count and 4 * count)]
    table.append(cells)
  words = "a model of order n stores all orders up to n"
  if found:
    sizes = ", ".join(f"{name} = {v:,}" for name, v in found[1].items())
    words += f"; {window_formula()}, where {sizes}"
  return Grid("What an n-gram model stores", header, table, words)


def window_formula() -> str:
  """The words under which a window network's size is shown."""
  return (
    "the window network has VD + (n-1)DH + H + HV + V parameters for a "
    "vocabulary of V, embeddings of D and H hidden units"
  )


def window_parameters(
  trials: Sequence[Trial], orders: Iterable[int]
) -> tuple[dict[int, int], dict[str, int]] | None:
  """The size of a window network that reads n-1 words, by n.

      V D + (n-1) D H + H + H V + V,  with direct connections (n-1) D V more

  Args:
    trials: of a sweep; the window network's sizes are taken, or else those of
      the first network.
    orders: n, of which 1 has no window and is left out.

  Returns:
    {n: parameters}, and the sizes {"V", "D", "H"}; None without a network.
  """
  networks = [t for t in trials if details_of(t) and not is_counted(t)]
  networks.sort(key=lambda t: t.config["model"].get("kind") != "window")
  if not networks:
    return None
  model = networks[0].config["model"]
  vocabulary = details_of(networks[0])["vocabulary"]
  embedding, hidden = model["embedding_size"], model["hidden_size"]
  rest = vocabulary * embedding + hidden + hidden * vocabulary + vocabulary
  by_word = embedding * hidden
  if model["kind"] == "window" and model["window"]["direct"]:
    by_word += embedding * vocabulary
  counts = {n: rest + (n - 1) * by_word for n in orders if n > 1}
  return counts, {"V": vocabulary, "D": embedding, "H": hidden}
