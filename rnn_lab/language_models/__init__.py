"""Language models: n-grams, a window of words, and recurrent networks.

Three answers to one question, p(next word | what came before), evaluated by
one function, `rnn_lab.evaluators.log_probs.stream_log_probs`.
"""
