"""How many trials ran, the question of the sweep, and what is missing."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from rnn_lab.reports.load import load_sweep
from rnn_lab.reports.results import Results
from rnn_lab.reports.section import Grid, Section, Text
from rnn_lab.reports.trial import Trial
from rnn_lab.rundir import flatten


def overview_section(results: Results) -> Section:
  """Opens a report."""
  content: list[Text | Grid] = [Text(_counts(results.trials), look="small")]
  if len(results.workdirs) > 1:
    content += _side_by_side(results)
  paragraphs = results.sweep.text.split("\n\n")
  content += [Text(words) for words in paragraphs if words.strip()]
  if not any(trial.result for trial in results.trials):
    words = "No trial has finished yet: there are no test results to compare."
    content.append(Text(words, look="note"))
  incomplete = [
    f"`{trial.name}`: {problem}"
    for trial in results.trials
    for problem in (_problem(trial), *_damaged(trial))
    if problem
  ]
  if incomplete:
    words = "Some results are missing."
    if any(s["status"] == "diverged" for t in results.trials for s in t.seeds):
      words += (
        " A seed that diverged has no number and is not drawn; means are over "
        "the other seeds."
      )
    content.append(Text(words, items=incomplete, look="note"))
  return Section("", content)


def _side_by_side(results: Results) -> list[Text | Grid]:
  """What each of several directories is about, and in what they differ."""
  content: list[Text | Grid] = []
  configs: dict[str, list[dict[str, Any]]] = {}
  for path, name in zip(results.workdirs, results.names):
    sweep = load_sweep(path)
    first = sweep.text.split("\n\n")[0]
    words = f"{name} – {sweep.title or 'runs'}"
    content.append(Text(first, lead=words))
    configs[name] = [
      flatten(trial.config)
      for trial in results.trials
      if trial.config and trial.name.startswith(f"{name}/")
    ]
  content.append(
    Text(
      "Claims are of one sweep alone, and are left out. Series with the same "
      "name have that of their directory in brackets."
    )
  )
  fields = dict.fromkeys(
    f for several in configs.values() for c in several for f in c
  )
  rows = []
  for field in fields:
    values = [
      {str(c.get(field)) for c in several} for several in configs.values()
    ]
    if all(len(of_one) == 1 for of_one in values) and values[1:] != values[:-1]:
      rows.append([f"`{field}`", *(next(iter(of_one)) for of_one in values)])
  if rows:
    title = "Fields in which all runs of one directory differ from the other's"
    content.append(Grid(title, ["field", *configs], rows, "", numeric=False))
  return content


def _counts(trials: Sequence[Trial]) -> str:
  """The words "12 trials: 11 finished, 1 not run; 340 s of running in all"."""
  counts = Counter(trial.status for trial in trials)
  words = ", ".join(f"{count} {status}" for status, count in counts.items())
  text = f"{len(trials)} trial{'s' * (len(trials) != 1)}: {words}"
  seconds = [trial.seconds for trial in trials if trial.seconds is not None]
  return f"{text}; {sum(seconds):.0f} s of running in all" if seconds else text


def _damaged(trial: Trial) -> list[str]:
  """The files that a report does without, with what is wrong with them."""
  return [f"damaged: {line}" for line in trial.damaged]


def _problem(trial: Trial) -> str:
  """Why a trial has no complete result; empty if it has one."""
  if trial.error is not None:
    lines = trial.error.strip().splitlines()
    return f"failed: {lines[-1]}" if lines else "failed"
  if trial.result is None:
    # What was stopped early is not missing.
    return "" if trial.halted else trial.status
  diverged = ", ".join(
    f"seed {seed['seed']} after step {seed['last_step']}"
    for seed in trial.result["seeds"]
    if seed["status"] == "diverged"
  )
  return f"diverged: {diverged}" if diverged else ""
