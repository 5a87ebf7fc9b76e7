"""Language models: n-grams, a window of words, and recurrent networks.

Three answers to one question, p(next word | what came before), judged by one
function, `rnn_lab.language_models.evaluator.stream_log_probs`.
"""

from rnn_lab.language_models.build import Model, NGramSettings, build
from rnn_lab.language_models.recurrent import RecurrentLM
from rnn_lab.language_models.window_mlp import WindowLM

__all__ = ["Model", "NGramSettings", "RecurrentLM", "WindowLM", "build"]
