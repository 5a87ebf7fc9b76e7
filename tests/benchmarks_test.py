"""The benchmarks: their arithmetic, and that each runs; no speed is tested."""

import contextlib
import functools
import itertools
import types

import jax
import numpy as np
import pytest
from tiny import tiny_config

from configs import ptb_small as recipe
from rnn_lab.benchmarks import (
  comparing,
  figure,
  gradient_norms,
  layers,
  libraries,
  long_sequences,
  loss_memory,
  networks,
  peers,
  ptb_small,
  rounds,
  small_networks,
  tables,
  torch_ptb,
)
from rnn_lab.benchmarks.processes import answering
from rnn_lab.benchmarks.rounds import run_in_turns, summarize
from rnn_lab.errors import FieldError
from rnn_lab.training.loop import Trainer


def test_functions_take_turns_and_the_first_round_does_not_count():
  calls = []

  def function(name, rates):
    rates = iter(rates)

    def one_round():
      calls.append(name)
      return next(rates)

    return one_round

  rates = run_in_turns(
    {"a": function("a", [9, 4, 6]), "b": function("b", [9, 2, 1])}, 2
  )
  assert calls == ["a", "b"] * 3
  assert rates == {"a": [4, 6], "b": [2, 1]}
  found = summarize(rates, "a")
  assert found["a"] == {"median": 5, "least": 4, "most": 6, "rounds": 2}
  assert found["ratios"] == {
    "b": {"median": 4, "least": 2, "most": 6, "rounds": 2}
  }


def tiny_recipe():
  config = recipe.get_config("smoke")
  config.model.hidden_size = config.model.embedding_size = 4
  config.train.batch_size = 2
  config.task.window = config.task.reach = 3
  return config.to_dict()


def without_a_clock(work, amount):
  """In the place of `timed`: what is done in a round, and how much it is."""
  return work, amount


def test_a_rate_is_the_amount_over_the_time_of_the_work(monkeypatch):
  clock = [10.0]
  monkeypatch.setattr(rounds.time, "perf_counter", lambda: clock[0])
  one_round = rounds.timed(lambda: clock.__setitem__(0, clock[0] + 2), 6)
  assert [one_round(), one_round()] == [3, 3]


def test_the_labs_trainer_trains(monkeypatch):
  monkeypatch.setattr(ptb_small, "WORDS", 20)
  monkeypatch.setattr(ptb_small, "STEPS", 2)
  monkeypatch.setattr(ptb_small, "timed", without_a_clock)
  work, amount = ptb_small.trainer(tiny_recipe())
  assert amount == 2 * 2 * 3
  before = None
  for n in range(1, 6):  # over the end of an epoch
    state = jax.device_get(work())
    assert state.sums.steps.tolist() == [2 * n] and state.alive.all()
    if before is not None:
      moved = jax.tree.map(np.array_equal, before, state.params)
      assert not any(jax.tree.leaves(moved))
    before = state.params


@pytest.mark.skipif(
  not torch_ptb.is_installed(), reason="PyTorch is not installed"
)
def test_torch_trains(monkeypatch):
  """As many tokens in a round, as those of the lab are counted."""
  monkeypatch.setattr(ptb_small, "WORDS", 20)
  monkeypatch.setattr(ptb_small, "STEPS", 2)
  sizes = {
    "words": 20,
    "hidden_size": 4,
    "num_layers": 2,
    "batch": 2,
    "window": 3,
    "clip_norm": 0.25,
    "learning_rate": 20.0,
    "steps": 2,
  }
  assert ptb_small._sizes(tiny_recipe()) == sizes
  with answering("torch", torch_ptb.serve, sizes) as ask:
    assert ask("go") > 0
  requests, rates = iter(["go", "go"]), []

  def receive():
    try:
      return next(requests)
    except StopIteration:
      raise EOFError from None

  clock = itertools.count(10.0, 4.0)
  monkeypatch.setattr(torch_ptb.time, "perf_counter", lambda: next(clock))
  torch_ptb.serve(types.SimpleNamespace(recv=receive, send=rates.append), sizes)
  assert rates == [2 * 2 * 3 / 4] * 2


def test_a_process_that_has_ended_is_named():
  ended = pytest.raises(RuntimeError, match="^the process of torch has ended$")
  with answering("torch", print) as ask, ended:  # print returns at once
    ask("go")


def test_what_is_measured_is_named(monkeypatch):
  """The lab's rate, and the ratio to the other's."""
  monkeypatch.setattr(ptb_small, "trainer", lambda config: lambda: 6.0)
  monkeypatch.setattr(torch_ptb, "is_installed", lambda: True)
  other = contextlib.nullcontext({"go": 2.0}.get)
  monkeypatch.setattr(ptb_small, "_sizes", lambda config: {})
  monkeypatch.setattr(ptb_small, "answering", lambda *args: other)
  found = ptb_small.measure({}, rounds=1)
  assert found["rnn_lab"]["median"] == 6
  assert found["ratios"]["torch, eager nn.LSTM"]["median"] == 3
  monkeypatch.setattr(torch_ptb, "is_installed", lambda: False)
  assert ptb_small.measure({}, rounds=1)["ratios"] == {}


def test_the_losses_that_are_compared_are_equal():
  random = np.random.default_rng(0)
  h = random.normal(size=(12, 3)).astype(np.float32)
  kernel = random.normal(size=(3, 5)).astype(np.float32)
  bias, targets = np.arange(5, dtype=np.float32), np.arange(12) % 5
  want = loss_memory._plain(h, kernel, bias, targets)
  got = loss_memory._chunked(4)(h, kernel, bias, targets)
  np.testing.assert_allclose(got, want, rtol=1e-5)


def test_what_is_measured_of_the_losses(monkeypatch):
  """In chunks less memory; of all the same tokens are counted."""
  sizes = []

  def chunked(chunk):
    sizes.append(chunk)
    return loss_of(chunk)

  def counted(work, amount):
    work()
    return lambda: amount

  loss_of = loss_memory._chunked
  monkeypatch.setattr(loss_memory, "_chunked", chunked)
  monkeypatch.setattr(loss_memory, "timed", counted)
  found = loss_memory.measure(64, 3, 500, (64, 8), rounds=1)
  assert list(found["mebibytes"]) == ["plain", "chunks of 64", "chunks of 8"]
  assert sizes == [64, 8]
  plain, _, least = found["mebibytes"].values()
  assert least < plain / 2
  rates = found["tokens_per_second"]
  assert [rates[name]["median"] for name in found["mebibytes"]] == [64] * 3
  assert set(rates["ratios"]) == {"plain", "chunks of 64"}


def test_a_backend_need_not_say_what_a_program_allocates():
  def program(size):
    analysis = size and types.SimpleNamespace(temp_size_in_bytes=size)
    return types.SimpleNamespace(memory_analysis=lambda: analysis)

  assert loss_memory._mebibytes(program(3 * 2**19)) == 1.5
  assert loss_memory._mebibytes(program(None)) is None


def test_training_is_measured_with_and_without_gradient_norms(monkeypatch):
  rates = {True: 2.0, False: 8.0}
  monkeypatch.setattr(
    gradient_norms, "trainer", lambda config, norms: lambda: rates[norms]
  )
  found = gradient_norms.measure({}, rounds=1)
  assert found["logged"]["median"] == 2
  assert found["not logged"]["median"] == 8
  assert found["ratios"]["not logged"]["median"] == 0.25


@pytest.mark.parametrize("log_norms", [True, False])
def test_a_round_trains_and_reads_its_rows(log_norms, monkeypatch):
  rows = []
  read = Trainer.training_metrics

  def reading(trainer):
    row = read(trainer)
    rows.append((trainer.step, set(row)))
    return row

  monkeypatch.setattr(Trainer, "training_metrics", reading)
  monkeypatch.setattr(gradient_norms, "ROWS", 2)
  monkeypatch.setattr(gradient_norms, "timed", without_a_clock)
  work, amount = gradient_norms.trainer(tiny_config().to_dict(), log_norms)
  work()
  assert amount == 2 * 5
  assert [step for step, _ in rows] == [5, 10]
  for _, names in rows:
    assert "train/loss" in names
    assert (
      any("grad" in name for name in names - {"train/grad_norm"}) == log_norms
    )
    assert any("saturated" in name for name in names) == log_norms


@pytest.mark.parametrize("kind", ["elman", "gru", "lstm"])
@pytest.mark.parametrize(
  "name",
  ["torch", "flax linen", "flax nnx", "rnn_lab, batch over devices"],
)
def test_a_layer_of_another_library_has_the_same_numbers(name, kind):
  if name not in peers.installed():
    pytest.skip(f"{name} is not installed")
  shape = layers.Shape(kind, batch=2, steps=3, inputs=4, hidden=5)
  weights, x = layers.arrays(shape)
  found = peers.layer(name, kind, weights, x).results()
  own = peers.layer("rnn_lab", kind, weights, x).results()
  assert set(found) == set(own)
  for key, a in found.items():
    np.testing.assert_allclose(a, own[key], rtol=1e-4, atol=1e-5)


def test_the_means_of_layers_are_geometric_and_over_our_time():
  def row(own, other):
    ms = {"rnn_lab": {"median": own}, "torch": {"median": other}}
    return {"shape": {"cell": "gru"}, "pass": "forward", "ms": ms}

  (mean,) = rounds.means([row(2.0, 4.0), row(1.0, 8.0)])
  assert mean == {"cell": "gru", "pass": "forward", "times": {"torch": 4.0}}


def test_a_shape_is_measured_where_a_library_has_the_cell():
  shape = layers.Shape("gru", batch=2, steps=3, inputs=4, hidden=5)
  same = {"outputs": np.array([1.0, -2.0]), "inputs": np.array([4.0])}
  near = {"outputs": np.array([1.0, -2.00001]), "inputs": np.array([4.0])}
  built = {"rnn_lab": near, "rnn_lab, scan": same, "haiku": None, "bound": {}}
  ms = {
    "forward": iter([9.0, 1.0, 3.0, 5.0, 5.0]),
    "training": iter([9.0, 5.0, 7.0]),
  }

  def answer(name, message):
    order, argument = message
    if order == "build":
      assert argument == shape
      return built[name]
    return next(ms[argument]) if name == "rnn_lab" else 2.0

  ask = {name: functools.partial(answer, name) for name in built}
  forward, training = layers.measure_shape(shape, ask, rounds=2)
  assert forward["shape"] == shape._asdict() and forward["pass"] == "forward"
  assert forward["difference"] == {
    "rnn_lab": pytest.approx(5e-6),
    "rnn_lab, scan": 0.0,
  }
  assert forward["ms"]["rnn_lab"]["median"] == 2.0
  assert training["ms"]["rnn_lab"]["median"] == 6.0
  assert set(training["ms"]) == {"rnn_lab", "rnn_lab, scan", "bound"}
  assert len(layers.measure_shape(shape, ask, 1, ("forward",))) == 1

  for wrong in (-2.00003, np.nan):
    built["rnn_lab"] = same | {"outputs": np.array([1.0, wrong])}
    with pytest.raises(RuntimeError, match="^rnn_lab computes other numbers"):
      layers.measure_shape(shape, ask, rounds=2)


def test_the_products_of_a_layer_run():
  kind = "lstm"
  shape = layers.Shape(kind, batch=2, steps=3, inputs=4, hidden=5)
  layer = peers.layer("products alone", kind, *layers.arrays(shape))
  assert layer.results() == {}
  assert [a.shape for a in layer.passes["forward"]()] == [(6, 20), (6, 20)]
  gradients = layer.passes["training"]()[1:]
  assert [a.shape for a in gradients] == [(6, 4), (6, 5), (4, 20), (5, 20)]


def test_rows_that_every_round_has_slower_than_before():
  def row(least, most, name="rnn_lab", pass_="forward"):
    ms = {name: {"least": least, "median": least, "most": most}}
    shape = layers.Shape("gru", 2, 3, 4, 5)._asdict()
    of_json = dict(sorted(shape.items()))
    return {"shape": of_json, "pass": pass_, "ms": ms}

  before = comparing.spread([row(1.0, 2.0), row(1.0, 2.0, "torch")])
  assert list(before.values()) == [(1.0, 2.0)]  # of the lab's only
  now = comparing.spread([row(2.1, 3.0), row(9.0, 9.0, pass_="training")])
  (line,) = comparing.slower(before, now)
  assert line == (
    "slower: gru 2 3 4 5 forward, rnn_lab: 2.10 to 3.00 ms, 2.00 ms at most "
    "before"
  )
  assert comparing.slower(before, comparing.spread([row(1.9, 5.0)])) == []
  other = comparing.spread([row(9.0, 9.0, pass_="training")])
  with pytest.raises(FieldError, match="compare has no row of those measured"):
    comparing.slower(before, other)


def test_an_earlier_benchmark_is_of_as_many_cores(tmp_path):
  path = tmp_path / "layers.json"
  path.write_text('{"result": {"cores": 0, "rows": []}}', encoding="utf-8")
  assert comparing.read(path, 0) == {}
  with pytest.raises(FieldError, match="compare is of layers.cores=0, and "):
    comparing.read(path, 1)


def test_a_process_has_a_device_for_each_of_its_cores():
  """With one core there is nothing to lay a batch over."""
  shape = layers.Shape("lstm", batch=2, steps=3, inputs=4, hidden=5)
  name = "rnn_lab, batch over devices"
  with libraries.asked([name], layers.build, 1, 0.0) as ask:
    assert ask[name](("build", shape)) is None


TINY = small_networks.Problem(
  2, 3, 5, 4, outputs=6, embedding=3, source=4, every=True
)
NETWORKS = {
  "numbers": TINY._replace(outputs=1, embedding=0, source=0, every=False),
  "encoder_decoder": TINY,
}


@pytest.mark.parametrize("network", NETWORKS)
def test_an_update_of_a_network_has_the_same_loss_in_every_library(
  network, monkeypatch
):
  monkeypatch.setattr(networks, "PROBLEMS", NETWORKS)
  names = [name for name in peers.installed() if peers.trains(name)]
  assert "rnn_lab, batch over devices" not in names
  for name in (*names, f"rnn_lab, {small_networks.UPDATES} updates a call"):
    shape = {"cell": "lstm", "network": network}
    results, works = networks.build(name, shape)
    if name == "rnn_lab":
      own = results["losses"]
      assert len({*own.tolist()}) == small_networks.UPDATES
    # PyTorch has two biases, which both move.
    rtol = 2e-2 if name == "torch" else 1e-5
    np.testing.assert_allclose(results["losses"], own, rtol=rtol)
    np.testing.assert_allclose(results["first loss"], own[:1], rtol=1e-5)
    # The next updates go on from there.
    assert works["update"]()[0] != own[0]


def test_the_first_loss_of_a_network_is_that_of_a_plain_loop():
  values = small_networks.network(TINY, gates=1)
  data = small_networks.batches(TINY)

  def states(weights, x_TBE, h):
    for x_BE in x_TBE:
      h = np.tanh(x_BE @ weights.input_kernel + h @ weights.recurrent_kernel)
      yield h

  zeros = np.zeros((TINY.batch, TINY.hidden))
  read = values.source_embedding[data.source[0]]
  *_, last = states(values.encoder, read, zeros)
  losses = []
  written = states(values.layer, values.embedding[data.inputs[0]], last)
  for h, target in zip(written, data.targets[0], strict=True):
    e = np.exp(h @ values.kernel)
    p = e / e.sum(-1, keepdims=True)
    losses += [-np.log(p[b, k]) for b, k in enumerate(target)]
  recurrence = functools.partial(peers.module("rnn_lab").recurrence, "elman")
  train = small_networks.trainer(TINY, recurrence, 1, one_call=True)
  np.testing.assert_allclose(train()[0], np.mean(losses), rtol=1e-5)


def test_a_network_is_measured_where_a_library_has_the_cell(monkeypatch):
  monkeypatch.setattr(networks, "line", str)
  losses = np.array([2.0, 1.0], np.float32)
  built = {
    "rnn_lab": {"first loss": losses[:1], "losses": losses},
    "torch": {"first loss": losses[:1], "losses": losses * (1, 1.01)},
    "haiku": None,
  }

  def answer(name, message):
    order, _ = message
    return built[name] if order == "build" else 30.0

  ask = {name: functools.partial(answer, name) for name in built}
  row = networks._measure_network("gru", "digits", ask, rounds=2)
  assert set(row["ms"]) == {"rnn_lab", "torch"}
  assert row["ms"]["torch"]["median"] == 30.0 / small_networks.UPDATES
  assert row["difference"]["torch"] == pytest.approx(0.005)
  built["torch"]["first loss"] = losses[:1] * 1.001
  with pytest.raises(RuntimeError, match="^torch computes another first loss"):
    networks._measure_network("gru", "digits", ask, rounds=2)


def test_the_picture_shows_means_and_ranges_over_rnn_labs_time():
  def row(cell, own, other):
    ms = {"rnn_lab": {"median": own}, "torch": {"median": other}}
    return {"shape": {"cell": cell}, "pass": "update", "ms": ms}

  rows = [
    row("gru", 2.0, 4.0),
    row("gru", 1.0, 8.0),
    row("lstm", 1.0, 2.0),
    row("lstm", 2.0, 9.0),
  ]
  libraries = ["rnn_lab", "torch", "keras"]
  means = rounds.means(rows)
  drawn = figure.draw({"rows": rows, "means": means, "libraries": libraries})
  [ax] = drawn.axes
  assert [label.get_text() for label in ax.get_yticklabels()] == ["torch"]
  marks = [
    (*line.get_xdata(),)
    for line in ax.lines
    if line.get_marker() not in ("", "None")
  ]
  spans = [line.get_xdata() for line in ax.lines if len(line.get_xdata()) == 2]
  assert [2.0, 8.0] in [[*span] for span in spans]
  assert any(np.allclose(mark, 4.0) for mark in marks)
  assert any(np.allclose(mark, 3.0) for mark in marks)


def test_the_table_of_layers():
  rows = [
    {
      "shape": {"cell": "gru"},
      "name": "2, 3, 4, 5",
      "pass": "forward",
      "ms": {"rnn_lab": {"median": 1.2345}},
    },
    {
      "shape": {"cell": "gru"},
      "name": "2, 3, 4, 6",
      "pass": "forward",
      "ms": {"torch": {"median": 300.0}, "rnn_lab": {"median": 200.0}},
    },
  ]
  means = [{"cell": "gru", "pass": "forward", "times": {"torch": 1.5}}]
  libraries = ["rnn_lab", "torch", "keras"]
  result = {"rows": rows, "means": means, "libraries": libraries}
  assert tables.markdown(result, "B, T, D, H").splitlines() == [
    "forward, ms:",
    "",
    "| cell | B, T, D, H | rnn_lab | torch |",
    "|---|---|---:|---:|",
    "| gru | 2, 3, 4, 5 | 1.23 | – |",
    "| gru | 2, 3, 4, 6 | 200 | 300 |",
    "",
    "gru, time over rnn_lab's in the mean: torch 1.50",
  ]


def test_the_gradient_of_a_long_sequence_in_fewer_bytes():
  """The same numbers, however the carries are kept."""
  found = []
  for every in (None, 30, (60, 10)):
    compiled, arguments = long_sequences.gradient(300, 4, every)
    found.append(
      (compiled.memory_analysis().temp_size_in_bytes, compiled(*arguments))
    )
  (whole, expected), *others = found
  for size, gradients in others:
    assert size < whole / 2
    for a, e in zip(jax.tree.leaves(gradients), jax.tree.leaves(expected)):
      np.testing.assert_allclose(a, e, rtol=1e-4, atol=1e-6)


def test_long_sequences_are_measured_in_processes_of_their_own(monkeypatch):
  def answer(name, serve, section, every):
    assert (serve, section) == (long_sequences._serve, {"steps": 3} | sizes)
    return contextlib.nullcontext(lambda message: {"every": every})

  sizes = {"hidden_size": 2}
  monkeypatch.setattr(long_sequences, "answering", answer)
  found = long_sequences.measure({"steps": 3} | sizes)
  assert [r["every"] for r in found["results"].values()] == [
    None,
    1000,
    (10_000, 100),
  ]
  with pytest.raises(FieldError, match="^long_sequences.steps must be"):
    long_sequences.measure({"steps": 0} | sizes)
