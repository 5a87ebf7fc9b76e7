"""What others report of the long memory tasks, for the reports of sweeps.

The mark says how an outcome is known: V read in a primary source, V2 read in a
source that quotes it, M from memory, M? from memory and uncertain.
"""

HOCHREITER = "Hochreiter and Schmidhuber 1997, task"
PASCANU = "Pascanu, Mikolov and Bengio 2013, text and code"
ARJOVSKY = "Arjovsky, Shah and Bengio 2016"
LE = "Le, Jaitly and Hinton 2015"
TALLEC = "Tallec and Ollivier 2018"

_CAPTION = "Figure {} and its caption, no number in a table:"
_CURVES = "Curves only, no number in a table:"
_ON_LINE = "2 blocks of 2 cells, no forget gate, trained on-line at rate 0.5."
_OTHER_ADDING = (
  "Another version of the task: numbers in [-1, 1], right if off by less than "
  "0.04."
)
_RMSPROP = (
  "RMSprop at rate 0.001, each element of the gradient clipped to 1, batch {}."
)
_CHRONO_SETUP = "128 units, RMSprop at rate 0.001, batch 50."
_MIXED = (
  "One tanh RNN, trained on lengths 50 to 200 mixed, clipped at norm 1 and "
  "regularised: solved in 5 of 5 seeds, none of 10,000 sequences wrong."
)

# By task and by length (the delay of copying): text, source, mark.
_OUTCOMES = {
  "adding": {
    100: [
      (
        "LSTM solved: 1 of 2,560 sequences wrong after 74,000 training "
        f"sequences, mean of 10 runs. {_OTHER_ADDING} {_ON_LINE}",
        f"{HOCHREITER} 4",
        "V2",
      ),
      (
        f"{_CAPTION.format(2)} the LSTM gets below a guess (0.167); the tanh "
        "RNN does not; the IRNN does at short lengths only, and not stably. "
        f"128 units, {_RMSPROP.format(50)}",
        ARJOVSKY,
        "M",
      ),
    ],
    200: [
      (
        f"{_CAPTION.format(2)} the LSTM gets below a guess, the tanh RNN does "
        "not. Set-up as at 100.",
        ARJOVSKY,
        "M",
      ),
      (
        f"{_CURVES} IRNN and LSTM solve 150 to 300 steps; tanh and ReLU RNNs "
        "stay near a guess from 150 or 200 steps on. 100 units, SGD, rate and "
        "clipping from a grid, batch 16.",
        LE,
        "M?",
      ),
      (
        f"{_CURVES} LSTMs with forget bias 1 and with a chrono forget gate "
        f"both learn, chrono sooner. {_CHRONO_SETUP}",
        TALLEC,
        "M",
      ),
    ],
    400: [
      (
        f"{_CAPTION.format(2)} the LSTM gets below a guess, the tanh RNN does "
        "not. Set-up as at 100.",
        ARJOVSKY,
        "M",
      ),
      (
        f"{_CURVES} IRNN and LSTM are slow and solve it only in part. Set-up "
        "as at 200.",
        LE,
        "M?",
      ),
    ],
    700: [
      (
        f"At 750, the nearest length published. {_CURVES} with a chrono "
        "forget gate the LSTM learns much earlier than with forget bias 1. "
        f"{_CHRONO_SETUP}",
        TALLEC,
        "M",
      ),
    ],
    1000: [
      (
        "LSTM solved: 1 of 2,560 sequences wrong after 853,000 training "
        "sequences, mean of 10 runs. Task and set-up as at 100.",
        f"{HOCHREITER} 4",
        "V2",
      ),
    ],
  },
  "copy_memory": {
    100: [
      (
        f"{_CAPTION.format(1)} the LSTM gets below the loss of a guess "
        "(0.173), tanh RNN and IRNN do not. LSTM of 40 units, RNNs of 80, "
        f"{_RMSPROP.format(20)}",
        ARJOVSKY,
        "M",
      ),
    ],
    500: [
      (
        f"{_CAPTION.format(1)} LSTM, tanh RNN and IRNN all stay at the loss "
        "of a guess (0.0400). Set-up as at 100.",
        ARJOVSKY,
        "M",
      ),
      (
        f"{_CURVES} with forget bias 1 the LSTM stays at about the loss of a "
        "guess, with a chrono forget gate it goes well below. "
        f"{_CHRONO_SETUP}",
        TALLEC,
        "M",
      ),
    ],
  },
  "temporal_order": {
    50: [(f"{_MIXED} Set-up as at 100.", PASCANU, "V")],
    100: [
      (
        "LSTM solved: 1 of 2,560 sequences wrong after 31,390 training "
        f"sequences, mean of 10 runs. Lengths 100 to 110. {_ON_LINE}",
        f"{HOCHREITER} 6a",
        "M",
      ),
      (
        f"{_MIXED} 50 units, SGD at rate 0.01, batch 20, up to 5 million "
        "updates. By length there is a figure only (7), no table; the text: "
        "longer sequences need clipping.",
        PASCANU,
        "V",
      ),
    ],
    200: [(f"{_MIXED} Set-up as at 100.", PASCANU, "V")],
  },
}


def outcomes(*tasks: str) -> list[dict]:
  """The entries of these tasks, as `report()` returns them in "published"."""
  return [
    {"task": task, "x": length, "text": text, "source": source, "mark": mark}
    for task in tasks
    for length, rows in _OUTCOMES[task].items()
    for text, source, mark in rows
  ]
