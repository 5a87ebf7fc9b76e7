"""Memory and speed of the softmax's loss computed in chunks.

A plain loss, which holds the logits of all tokens and what its gradient needs
of them, is compared with `softmax.cross_entropy`, whole and in chunks. The
memory is what the compiler allocates for the gradient's program in addition to
its arguments and results.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from rnn_lab.benchmarks.rounds import run_in_turns, summarize, timed
from rnn_lab.language_models import softmax
from rnn_lab.types import Array


def measure(
  tokens: int = 2000,
  hidden_size: int = 200,
  words: int = 10_000,
  chunks: tuple[int, ...] = (2000, 400, 100),
  rounds: int = 9,
) -> dict[str, Any]:
  """Measures mebibytes and tokens per second of the loss and its gradient.

  Args:
    tokens: N, the number of tokens per update.
    hidden_size: H.
    words: V.
    chunks: the chunk sizes to compare.
    rounds: the number of rounds of timing that count.

  Returns:
    "sizes"; "mebibytes", by name, None where the backend does not say it;
    "tokens_per_second", see `rounds.summarize`.
  """
  random = np.random.default_rng(0)

  def normal(*shape: int) -> Array:
    return jnp.asarray(random.normal(size=shape) * 0.1, jnp.float32)

  inputs, kernel = normal(tokens, hidden_size), normal(hidden_size, words)
  targets = jnp.asarray(random.integers(0, words, tokens))
  arguments = (inputs, kernel, normal(words), targets)
  losses: dict[str, Callable[..., Array]] = {"plain": _plain}
  for chunk in chunks:
    losses[f"chunks of {chunk}"] = _chunked(chunk)
  functions, mebibytes = {}, {}
  for name, loss in losses.items():
    program = jax.jit(jax.value_and_grad(loss, argnums=(0, 1, 2)))
    compiled = program.lower(*arguments).compile()
    mebibytes[name] = _mebibytes(compiled)
    functions[name] = timed(functools.partial(compiled, *arguments), tokens)
  rates = run_in_turns(functions, rounds)
  return {
    "sizes": {"tokens": tokens, "hidden_size": hidden_size, "words": words},
    "mebibytes": mebibytes,
    "tokens_per_second": summarize(rates, list(functions)[-1]),
  }


def _mebibytes(program: jax.stages.Compiled) -> float | None:
  """Returns what a program allocates; None where a backend does not say."""
  analysis = program.memory_analysis()
  return None if analysis is None else analysis.temp_size_in_bytes / 2**20


def _plain(h: Array, kernel: Array, bias: Array, targets: Array) -> Array:
  log_p = jax.nn.log_softmax(h @ kernel + bias[None])
  return -jnp.sum(jnp.take_along_axis(log_p, targets[:, None], axis=1))


def _chunked(chunk: int) -> Callable[..., Array]:
  def loss(h: Array, kernel: Array, bias: Array, targets: Array) -> Array:
    weights = jnp.ones(h.shape[0])
    return softmax.cross_entropy(h, kernel, bias, targets, weights, chunk)

  return loss
