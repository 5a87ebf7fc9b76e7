"""Goals: who solved what, the table of it, and sweeps over several tasks."""

import math
import re

import pytest
import reports_fakes as fakes

from configs.claims import at, claim
from rnn_lab.errors import FieldError
from rnn_lab.reports import load_trials, write_report
from rnn_lab.reports.claims import evaluate
from rnn_lab.reports.exports import markdown_table
from rnn_lab.reports.goals import count, parse_goals, parse_published
from rnn_lab.reports.intervals import share_interval as interval
from rnn_lab.reports.parts import parts_of
from rnn_lab.reports.section import as_cell
from rnn_lab.reports.sections.goals import goals_grid

ADDING = {"task": "adding", "metric": "mse", "op": "<", "bar": 0.01}
COPY = {
  "task": "copy_memory",
  "metric": "accuracy",
  "op": ">",
  "bar": 0.99,
  "x": "task.delay",
}
PUBLISHED = {
  "task": "adding",
  "x": 400,
  "text": "It was solved.",
  "source": "Someone 1999",
  "mark": "M?",
}
# Test mse of each seed at each length; the two that are below 0.01 solved.
MSE = {
  ("LSTM", 50): [0.002, 0.003],
  ("LSTM", 200): [0.009, None],
  ("RNN", 50): [0.17, 0.16],
}


def write_tasks(root, **extra):
  """Adding over two lengths and copying over one, two series, one not run."""
  plan = []

  def write(name, series, overrides, outcome=None, rows=()):
    label = {"name": name, "overrides": overrides, "series": series}
    plan.append(label)
    if outcome is None:
      return
    config = fakes.config()
    config["task"] = {"name": overrides["task.name"]}
    fakes.write_run(root / name, config, outcome, rows)
    fakes.write_json(root / name / "trial.json", label)

  for series in ("RNN", "LSTM"):
    for length in (50, 200):
      overrides = {
        "task.name": "adding",
        "task.length": length,
        "train.num_steps": 1000 + length,
      }
      values = MSE.get((series, length))
      name = f"adding-{series}-{length}"
      outcome = values and fakes.result(values, "mse", False, 1 / 6)
      rows = values and fakes.learning_rows(values, "valid/mse")
      write(name, series, overrides, outcome, rows)
    overrides = {"task.name": "copy_memory", "task.delay": 20}
    values = [0.5, 0.4] if series == "RNN" else [0.3, 0.01]
    outcome = fakes.result(values, "loss", False, 0.52)
    shares = [0.125, 0.3] if series == "RNN" else [0.6, 0.995]
    outcome["metrics"]["test/accuracy"] = fakes.entry(shares)
    rows = fakes.learning_rows(values, "valid/loss")
    write(f"copy-{series}", series, overrides, outcome, rows)
  about = {"goals": [ADDING, COPY], "published": [PUBLISHED], "trials": plan}
  fakes.write_json(root / "sweep.json", about | extra)
  return root


def _parts(root):
  return parts_of(load_trials(root), parse_goals([ADDING, COPY]))


@pytest.mark.parametrize(
  ("change", "problem"),
  [
    (
      {"op": "=="},
      r"goals\[1\]\.op must be one of <, <=, >, >=, got '=='",
    ),
    ({"bar": "low"}, r"goals\[1\]\.bar must be a finite number, got 'low'"),
    ({"metric": ""}, r"goals\[1\]\.metric must be a text .*, got ''"),
    ({"x": None}, r"goals\[1\]\.x must be a text .*, got None"),
    ({"level": 3}, r"goals\[1\]\.level is not a known field"),
    (
      {"task": "copy_memory"},
      r"goals\[1\]\.task must have one goal, got two of 'copy_memory'",
    ),
  ],
)
def test_a_wrong_goal_is_an_error_of_one_line(change, problem):
  with pytest.raises(FieldError, match=f"^{problem}") as caught:
    parse_goals([COPY, ADDING | change])
  assert "\n" not in str(caught.value)


def test_goals_that_miss_a_field_or_are_no_list():
  short = {key: value for key, value in ADDING.items() if key != "bar"}
  with pytest.raises(FieldError, match=r"goals\[0\]\.bar is required"):
    parse_goals([short])
  for wrong in (ADDING, "mse", ["mse < 0.01"]):
    with pytest.raises(FieldError, match="^goals must be a list of objects"):
      parse_goals(wrong)


@pytest.mark.parametrize(
  ("change", "problem"),
  [
    (
      {"mark": "sure"},
      r"published\[0\]\.mark must be one of C, M, M\?, V, V2, got 'sure'",
    ),
    (
      {"task": "order"},
      r"published\[0\]\.task must be .*goal \(adding\), got 'order'",
    ),
    (
      {"x": "long"},
      r"published\[0\]\.x must be a finite number, got 'long'",
    ),
    ({"source": ""}, r"published\[0\]\.source must be a text .*, got ''"),
  ],
)
def test_a_wrong_published_outcome_is_an_error_of_one_line(change, problem):
  with pytest.raises(FieldError, match=f"^{problem}"):
    parse_published([PUBLISHED | change], parse_goals([ADDING]))


def test_solved_is_counted_by_seed(tmp_path):
  # 0.01 itself is not below the bar, and a diverged seed's number is no number.
  values = [0.002, 0.01, 0.009, 0.5, None, 0.3]
  outcome = fakes.result(values, "mse", False)
  outcome["seeds"][2]["status"] = "diverged"
  outcome["metrics"]["test/mse"]["values"][5] = math.inf
  fakes.write_run(tmp_path / "a", fakes.config(gap=1), outcome)
  fakes.write_run(tmp_path / "b", fakes.config(gap=2))
  ended, going = load_trials(tmp_path)
  for op, solved in {"<": 1, "<=": 2, ">": 1, ">=": 2}.items():
    (goal,) = parse_goals([ADDING | {"op": op}]).values()
    assert count(ended, goal) == (solved, 6)
    assert count(going, goal) is None
  (goal,) = parse_goals([ADDING | {"metric": "accuracy"}]).values()
  with pytest.raises(FieldError, match="metric of adding .mse.*'accuracy'"):
    count(ended, goal)


@pytest.mark.parametrize(("k", "n"), [(0, 5), (3, 10), (10, 10), (1, 2)])
def test_interval_is_wilsons(k, n):
  z, share = 1.959963984540054, k / n
  centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
  spread = z * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
  half = spread / (1 + z**2 / n)
  low, high = interval(k, n)
  assert low == pytest.approx(centre - half, abs=1e-12)
  assert high == pytest.approx(centre + half, abs=1e-12)
  assert 0 <= low <= share <= high <= 1


def test_trials_are_grouped_by_task(tmp_path):
  adding, copying = _parts(write_tasks(tmp_path))
  assert (adding.task, copying.task) == ("adding", "copy_memory")
  assert adding.x == "task.length"
  assert adding.xs == [50, 200]
  assert list(adding.series) == ["RNN", "LSTM"]
  assert adding.headline == ("mse", False)
  # One delay alone is no swept field but by the word of the goal.
  assert (copying.x, copying.xs) == ("task.delay", [20])
  assert copying.headline == ("loss", False)
  without = parts_of(load_trials(tmp_path))[1]
  assert (without.x, without.goal) == (None, None)
  table = markdown_table(parts_of(load_trials(tmp_path)))
  assert "Task adding. Test mse, by length" in table
  assert "Task copy_memory. Test metrics" in table


def test_one_task_is_not_named_and_holds_all_trials(tmp_path):
  trials = load_trials(fakes.write_sweep(tmp_path))
  (part,) = parts_of(trials)
  assert part.trials == trials
  assert (part.task, part.title) == ("recall", "")


def test_a_swept_field_that_the_task_does_not_have_is_an_error(tmp_path):
  write_tasks(tmp_path)
  goals = parse_goals([COPY | {"x": "task.length"}])
  with pytest.raises(FieldError, match="^goals .* copy_memory, got 'task.len"):
    parts_of(load_trials(tmp_path), goals)


def test_table_of_goals(tmp_path):
  write_tasks(tmp_path)
  parts, goals = _parts(tmp_path), parse_goals([COPY, ADDING])
  grid = goals_grid(parts, goals, [PUBLISHED])
  assert grid.header == ["task", "steps", "RNN", "LSTM", "published"]
  rows = {
    as_cell(row[0]).lines[-1]: [as_cell(cell).lines for cell in row[1:4]]
    for row in grid.rows
  }
  assert rows == {
    "delay = 20": [
      ["1,500"],
      ["solved 0 of 2", "(0.300)"],
      ["solved 1 of 2", "(0.995)"],
    ],
    "length = 50": [
      ["1,050"],
      ["solved 0 of 2", "(0.160)"],
      ["solved 2 of 2", "(0.00200)"],
    ],
    "length = 200": [
      ["1,200"],
      ["not run"],
      ["solved 1 of 2", "(0.00900)"],
    ],
    "length = 400": [["–"], ["not run"], ["not run"]],
  }
  tasks = [row[0].lines[0] for row in grid.rows]
  assert tasks == ["copy_memory", "adding", "adding", "adding"]
  published = [row[4].lines for row in grid.rows]
  assert published == [["–"]] * 3 + [["Someone 1999: It was solved. [M?]"]]
  (note,) = grid.notes
  assert note.endswith(": M? = from memory, uncertain.")
  assert grid.title.endswith("; not run: this directory holds no such run")
  # A column less where nothing was published.
  assert goals_grid(parts, goals, []).header[-1] == "LSTM"
  assert goals_grid(parts, {}, []) is None


def test_claims_name_the_task_and_may_count_who_solved(tmp_path):
  claims = [
    claim("a", at("LSTM", task="adding", x=50), "<", 0.01),
    claim(
      "b",
      at("LSTM", task="copy_memory", x=20),
      "<",
      at("RNN", task="copy_memory", x=20, times=0.3),
    ),
    claim("c", at("LSTM", task="copy_memory", x=20, number="solved"), ">=", 1),
    claim("d", at("LSTM", task="adding", x=50, number="solved"), ">=", 1),
    claim("e", at("RNN", task="adding", x=200, number="solved"), ">=", 1),
    claim("f", at("LSTM", x=50), "<", 0.01),
  ]
  evaluations = evaluate(claims, _parts(write_tasks(tmp_path)))
  verdicts = [evaluation.verdict for evaluation in evaluations]
  assert verdicts == [
    "holds", "does not hold", "does not hold", "holds", "not run", "not run",
  ]  # fmt: skip
  assert evaluations[0].left.name == "adding / LSTM at 50"
  # Each number as its own task's metric is written.
  assert (evaluations[0].left.words, evaluations[0].right.words) == (
    "0.00250 [0.00200, 0.00300]", "0.0100",
  )  # fmt: skip
  assert evaluations[1].right.name == "copy_memory / RNN at 20 × 0.3"
  assert evaluations[1].right.words == "0.135"
  assert evaluations[2].left.words == "0.5 (1 of 2 seeds)"
  assert evaluations[2].right.words == "1"
  assert evaluations[4].left.words == "not run"
  assert evaluations[5].left.words == "no such trial"
  # Without a goal no seed counts as solved.
  (part, _) = parts_of(load_trials(tmp_path))
  (evaluation,) = evaluate([claims[3]], [part])
  assert (evaluation.verdict, evaluation.left.words) == (
    "cannot be evaluated", "no goal",
  )  # fmt: skip


def test_page_of_several_tasks(tmp_path):
  claims = [
    claim("It adds.", at("LSTM", task="adding", x=50, number="solved"), ">=", 1)
  ]
  write_tasks(tmp_path, claims=claims)
  html = write_report(tmp_path).read_text(encoding="utf-8")
  names = {path.stem for path in (tmp_path / "figures").iterdir()}
  assert names == {
    "headline", "headline-2", "learning_curves", "learning_curves-2",
  }  # fmt: skip
  assert "Task adding. Test mse, by length" in html
  assert "Task copy_memory. Test loss, by delay" in html
  assert "Test metric of its task, each seed" in html
  words = re.sub(r"\s+", " ", html)
  for shown in [
    '<td class="nowrap holds">solved 2 of 2<br>(0.00200)</td>',
    '<td class="nowrap open">not run</td>',
    "Someone 1999: It was solved. [M?]",
    "adding – test mse &lt; 0.01; copy_memory – test accuracy &gt; 0.99",
    "M? = from memory, uncertain",
    "<td>0.00900, diverged</td>",
    "<td>0.300, 0.0100</td>",
    "1 (2 of 2 seeds)",
  ]:
    assert shown in words


def test_a_wrong_goal_leaves_the_directory_as_it_was(tmp_path):
  fakes.write_run(tmp_path / "a", fakes.config(), fakes.result([0.5]))
  goal = ADDING | {"task": "recall"}
  fakes.write_json(tmp_path / "sweep.json", {"goals": [goal]})
  with pytest.raises(FieldError, match="a test metric of recall .*'mse'"):
    write_report(tmp_path)
  assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "sweep.json"]
