"""Memory and speed of the softmax's loss computed in chunks.

A plain loss, which holds the logits of all tokens and what its gradient needs
of them, is compared with `softmax.cross_entropy`, whole and in chunks. The
memory is what the compiler allocates for the gradient's program in addition to
its arguments and results.
"""

import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from rnn_lab.benchmarks.rounds import run_in_turns, summarize
from rnn_lab.language_models import softmax
from rnn_lab.types import Array

PLAIN = "plain"
MIB = 2**20


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
    "sizes"; "mebibytes", by name; "tokens_per_second", see `rounds.summarize`.
  """
  random = np.random.default_rng(0)

  def normal(*shape: int) -> Array:
    return jnp.asarray(random.normal(size=shape) * 0.1, jnp.float32)

  arguments = (normal(tokens, hidden_size), normal(hidden_size, words))
  arguments += (normal(words),)
  targets = jnp.asarray(random.integers(0, words, tokens))
  losses: dict[str, Callable[..., Array]] = {PLAIN: _plain}
  for chunk in chunks:
    losses[f"chunks of {chunk}"] = _chunked(chunk)
  functions, mebibytes = {}, {}
  for name, loss in losses.items():
    program = jax.jit(jax.value_and_grad(loss, argnums=(0, 1, 2)))
    compiled = program.lower(*arguments, targets).compile()
    size = compiled.memory_analysis().temp_size_in_bytes
    mebibytes[name] = size / MIB
    functions[name] = _timed(compiled, (*arguments, targets), tokens)
  return {
    "sizes": {"tokens": tokens, "hidden_size": hidden_size, "words": words},
    "mebibytes": mebibytes,
    "tokens_per_second": summarize(
      run_in_turns(functions, rounds), list(functions)[-1]
    ),
  }


def _plain(h: Array, kernel: Array, bias: Array, targets: Array) -> Array:
  log_p = jax.nn.log_softmax(h @ kernel + bias[None])
  return -jnp.sum(jnp.take_along_axis(log_p, targets[:, None], axis=1))


def _chunked(chunk: int) -> Callable[..., Array]:
  def loss(h: Array, kernel: Array, bias: Array, targets: Array) -> Array:
    weights = jnp.ones(h.shape[0])
    return softmax.cross_entropy(h, kernel, bias, targets, weights, chunk)

  return loss


def _timed(program: Any, arguments: tuple, tokens: int) -> Callable[[], float]:
  def one_round() -> float:
    start = time.perf_counter()
    jax.block_until_ready(program(*arguments))
    return tokens / (time.perf_counter() - start)

  return one_round
