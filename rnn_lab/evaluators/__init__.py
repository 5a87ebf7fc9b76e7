"""Evaluators: metrics of a model's parameters on a split, for all seeds."""

# From `Task.evaluator` to a class, imported when used. A class is made as
# `(model, task, settings, population)`, `settings` being `config.eval`, and
# has the methods
#   evaluate(params, split) -> {metric: [S]}, of params with leading dimension S
#   details(params) -> dict, what result.json says beside the metrics
#   examples(params, seed_index, count) -> dict, what examples.json holds; an
#     evaluator may be without
#   check(section), static: raises FieldError for its own section of
#     `config.eval`, None where there is none
#   check_model(model, task), static: raises FieldError for a network or a task
#     that it cannot evaluate; an evaluator may be without
EVALUATORS = {
  "batches": "rnn_lab.evaluators.batches:Batches",
  "forecasts": "rnn_lab.evaluators.forecasts:Forecasts",
  "sequences": "rnn_lab.evaluators.sequences:Sequences",
  "stream": "rnn_lab.evaluators.stream:Stream",
}
