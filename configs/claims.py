"""Claims: comparisons of two numbers of a sweep, which its report evaluates.

  claim("The LSTM learns.", at("LSTM", x=100, number="solved"), ">=", 0.9)
  claim("It comes close.", at("LSTM"), "<=", best_possible(times=1.05))

Each side is a number or a dict that says where the number is found, so that
sweep.json can hold a claim as it is. rnn_lab/reports/claims.py evaluates them.
"""


def claim(
  sentence: str, left: dict | float, op: str, right: dict | float
) -> dict:
  """Returns the claim that `left` is `op` `right`; op is <, <=, > or >=."""
  return {"sentence": sentence, "left": left, "op": op, "right": right}


def at(
  series: str,
  *,
  task: str = "",
  x: float | None = None,
  number: str = "",
  where: str = "",
  times: float = 1.0,
) -> dict:
  """Returns where a number of a trial is found.

  Args:
    series: the trial's series.
    task: its task, where the sweep has several.
    x: its value of the swept field, where one was swept.
    number: which number: "" is the test metric that the report is about, mean
      over seeds; "solved" the share of seeds that solved the task, "horizons"
      that of the horizons at which a forecast beats every baseline. With
      `where` it is "scores_by_length" ("shortest" or "longest" inputs),
      "perplexity_by_kind" (a kind of word) or "perplexity_by_context" (a
      number of tokens, "16"). Of a language model also "bytes", "parameters"
      or "ngrams"; of a gradient study, at initialisation or where "trained",
      "gradient left", "factor a step", "Lyapunov exponent" or "half-life".
    where: a part of that number.
    times: a factor.
  """
  return {"series": series} | _given(task, x, number, where, times)


def best_possible(
  *,
  task: str = "",
  x: float | None = None,
  where: str = "",
  times: float = 1.0,
) -> dict:
  """Returns where the best possible test perplexity is found.

  Args:
    task: as of `at`.
    x: likewise; without it the number must be the same for all values.
    where: a kind of word; "" for all words.
    times: a factor.
  """
  return _given(task, x, "best possible", where, times)


def _given(
  task: str, x: float | None, number: str, where: str, times: float
) -> dict:
  """The fields that are not at their defaults."""
  texts = {"task": task, "number": number, "where": where}
  fields = {name: text for name, text in texts.items() if text}
  if x is not None:
    fields["x"] = x
  return fields if times == 1.0 else fields | {"times": times}
