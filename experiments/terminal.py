"""What the commands print: a progress bar, lines and tables."""

import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from rich import progress
from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.table import Table
from rich.text import Text

from rnn_lab.training.heartbeat import Heartbeat

# A terminal obeys these characters instead of showing them.
CONTROL = {
  code: f"\\x{code:02x}"
  for code in (*range(32), *range(127, 160))
  if chr(code) not in "\n\t"
}
# Between columns of words and their tags.
GAP = "  "
# What a table of next tokens calls them.
UNITS = {"word": "word", "character": "character", "bpe": "piece"}


class _Bar(progress.Progress):
  """A progress bar, with what a function returns above it."""

  def __init__(self, above: Callable[[], Any], *columns: Any, **options: Any):
    self._above = above
    super().__init__(*columns, **options)

  def get_renderables(self) -> Iterable[Any]:
    """Returns what is shown."""
    above = self._above()
    if above is not None:
      yield above
    yield from super().get_renderables()


class Terminal:
  """A listener and context manager.

  It shows a progress bar on terminals, and elsewhere signs of life.
  """

  def __init__(self, above: Callable[[], Any] = lambda: None) -> None:
    """Makes one.

    Args:
      above: returns what a terminal shows above the bar, or None.
    """
    # What is printed comes from texts, which may have [/b] or :cat: as words.
    self._console = Console(
      highlight=False, soft_wrap=True, markup=False, emoji=False
    )
    self._bar = _Bar(
      above,
      progress.TextColumn("{task.description}", markup=False),
      progress.BarColumn(),
      progress.MofNCompleteColumn(),
      progress.TimeElapsedColumn(),
      console=self._console,
      transient=True,
      disable=not self._console.is_terminal,
    )
    self._task: progress.TaskID | None = None
    self._heartbeat = Heartbeat(self.line)

  def __enter__(self) -> "Terminal":
    self._bar.start()
    return self

  def __exit__(
    self,
    kind: type[BaseException] | None,
    error: BaseException | None,
    trace: types.TracebackType | None,
  ) -> None:
    self._bar.stop()

  def start(self, name: str, done: int, total: int) -> None:
    """See Listener."""
    if self._task is not None:
      self._bar.remove_task(self._task)
    self._task = self._bar.add_task(name, completed=done, total=total)
    self._heartbeat.start(done, total)

  def advance(self, done: int) -> None:
    """See Listener."""
    if self._task is not None:
      self._bar.update(self._task, completed=done)
    if not self._console.is_terminal:
      self._heartbeat.advance(done)

  @property
  def width(self) -> int | None:
    """The characters of a line, None where it is not a terminal's."""
    return self._console.width if self._console.is_terminal else None

  def line(self, text: str) -> None:
    """See Listener."""
    self._console.print(Text(printable(text)))
    self._heartbeat.heard()

  def table(self, table: object) -> None:
    """Prints a rich table."""
    self._console.print(table)


def printable(text: str) -> str:
  """Returns a text with its control characters written as escapes."""
  return text.translate(CONTROL)


def visible(token: str) -> str:
  """Returns a token, in quotes if it has white space or what has no shape."""
  plain = token.isprintable() and not any(c.isspace() for c in token)
  return token if token and plain else repr(token)


def next_tokens_table(
  log_p: np.ndarray,
  words: Sequence[str],
  unit: str,
  top: int,
  truth: Mapping[str, float] | None,
) -> Table:
  """Returns the most probable next tokens as a rich table.

  Args:
    log_p: `[V]` natural logarithms.
    words: `[V]`, the tokens.
    unit: what they are: "word", "character" or "bpe".
    top: the number of rows.
    truth: the true distribution, None where it is unknown.
  """
  table = Table(f"next {UNITS[unit]}", title="What comes next")
  table.add_column("probability", justify="right")
  if truth is not None:
    table.add_column("true probability", justify="right")
  for word in np.argsort(-log_p, kind="stable")[:top]:
    # Cells that are strings would be read as markup.
    row = [Text(visible(words[word])), Text(f"{np.exp(log_p[word]):.4f}")]
    if truth is not None:
      row.append(Text(f"{truth.get(words[word], 0.0):.4f}"))
    table.add_row(*row)
  return table


def prediction_lines(
  row: Mapping[str, Any], width: int | None = None
) -> list[str]:
  """Returns a prediction as lines of text.

  Args:
    row: of `rnn_lab.predictors.predict`.
    width: the characters of a line, after which words and the tags under them
      go on in new lines; None for lines of any length.
  """
  if "columns" in row:
    header = ["step", *row["columns"]]
    numbers = [f"{n}" for n in range(1, len(row["prediction"]) + 1)]
    rows = [
      [number, *(f"{value:.6g}" for value in values)]
      for number, values in zip(numbers, row["prediction"])
    ]
    return ["\t".join(cells) for cells in [header, *rows]]
  if "probabilities" in row:
    shares = [f"{p:.2f}" for p in row["probabilities"]]
    columns = [*zip(map(printable, row["words"]), row["prediction"], shares)]
    return _aligned(columns, width)
  lines = [f"{row['prediction']}  (probability {row['probability']:.3g})"]
  if "words" in row:
    carried = sorted(row["words"], key=lambda pair: -abs(pair[1]))[:8]
    lines.append(
      "carried by: "
      + ", ".join(f"{word} ({share:+.2f})" for word, share in carried)
    )
  return lines


def _aligned(columns: Sequence[Sequence[str]], width: int | None) -> list[str]:
  """Returns columns side by side, in blocks of lines no longer than `width`."""
  blocks = []
  room = 0
  for column in columns:
    size = max(map(cell_len, column))
    if not blocks or (width is not None and size > room):
      room = width or 0
      blocks.append([])
    room -= size + len(GAP)
    blocks[-1].append([set_cell_size(part, size) for part in column])
  lines = []
  for block in blocks:
    # A blank line tells the words of a block from the lines under the last.
    lines += [""] * bool(lines)
    lines += [GAP.join(parts).rstrip() for parts in zip(*block)]
  return lines
