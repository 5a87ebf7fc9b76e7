"""The grammar: its probabilities against sentences written out one by one."""

import hashlib
import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from rnn_lab.errors import FieldError
from rnn_lab.text.grammar import (
  KINDS,
  annotate,
  english,
  entropy_rate,
  make_grammar,
  next_distribution,
  sample,
)
from rnn_lab.text.grammar_rules import INFLECTED, LEXICON, TOPICS, rules

ENGLISH, RULES = english(), rules()
LECTURE = "as the proctor started the clock the students opened their"
# Everything the notation has, and finitely many sentences.
TOY = {
  "s": {"a! x y": 2, "x2 rest": 1, "z y v": 5},
  "x": {"": 1, "c": 2, "d w@topic": 1},
  "rest": {"b! x": 1},
  "x2": {"": 0.5, "e": 1.5},
  "y": {"": 3, "f! pair": 1},
  "v": {"v1 v2": 1, "p": 2},
  "v1": {"": 1, "q": 2},
  "v2": {"": 1, "r": 3},
  "w": {"m": 1, "n": 2},
  "z": {"g": 1, "h": 3},
  "pair": {"i i@closing": 1, "k": 1, "": 2},
}


def written_out(rules, line):
  """Every text of a line of symbols: (words, probability), one by one."""
  symbols = [s.partition("@")[0].removesuffix("!") for s in line.split()]
  texts = [((), 1.0)]
  for symbol in symbols:
    lines = rules.get(symbol)
    ways = [((symbol,), 1.0)]
    if lines is not None:
      ways = [
        (words, p * weight / sum(lines.values()))
        for line, weight in lines.items()
        for words, p in written_out(rules, line)
      ]
    texts = [(w1 + w2, p1 * p2) for w1, p1 in texts for w2, p2 in ways]
  return texts


def tokens(drawn):
  return [ENGLISH.words[i] for i in drawn.words_ids]


def known(text):
  """{word: (kind, distance)} for the words of a text that are not local."""
  truth = annotate(ENGLISH, text.split())
  return [
    (word, KINDS[kind], distance)
    for word, kind, distance in zip(text.split(), truth.kinds, truth.distances)
    if kind or distance
  ]


def category_of():
  """{word: (category, log of its share in it)} for all that is not a rule."""
  names = [*LEXICON, *(f"{c}_{n}" for c in INFLECTED for n in ("one", "many"))]
  found = {}
  for name in names:
    total = sum(RULES[name].values())
    for word, weight in RULES[name].items():
      assert word not in found
      found[word] = (name, math.log(weight / total))
  return found


def test_probabilities_of_a_toy_grammar_are_those_of_all_its_sentences():
  toy = make_grammar(TOY, "s")
  sentences = written_out(TOY, "s <eos>")
  assert len(sentences) > 25
  assert_allclose(sum(p for _, p in sentences), 1, rtol=1e-12)
  prefixes = {}
  for words, p in sentences:
    for end in range(len(words) + 1):
      prefixes[words[:end]] = prefixes.get(words[:end], 0) + p
  for words, p in prefixes.items():
    if words[-1:] == ("<eos>",):
      continue
    found = next_distribution(toy, words)
    expected = {
      longer[-1]: q / p
      for longer, q in prefixes.items()
      if longer and longer[:-1] == words
    }
    assert found.keys() == expected.keys()
    for word, q in expected.items():
      assert_allclose(found[word], q, rtol=1e-12)


def test_entropy_rate_of_a_toy_grammar_is_that_of_all_its_sentences():
  sentences = written_out(TOY, "s <eos>")
  entropy = -sum(p * math.log(p) for _, p in sentences)
  length = sum(p * len(words) for words, p in sentences)
  rate = entropy_rate(make_grammar(TOY, "s"))
  assert_allclose(rate, entropy / length, rtol=1e-12)


def test_entropy_rate_of_a_recursive_grammar():
  # Every token is "a" with 3/4, the end with 1/4: a biased coin.
  grammar = make_grammar({"s": {"a s": 3, "": 1}}, "s")
  coin = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
  assert_allclose(entropy_rate(grammar), coin, rtol=1e-12)


def test_marks_of_a_toy_grammar():
  toy = make_grammar(TOY, "s")
  text = "a d m f i i <eos> e b d n <eos> g f i i"
  truth = annotate(toy, text.split())
  topic, closing = KINDS.index("topic"), KINDS.index("closing mark")
  # m was decided by a, two words before; n by b; the second i of each pair
  # by its own f.
  assert list(zip(truth.kinds, truth.distances)) == (
    [(0, 0), (0, 0), (topic, 2), (0, 0), (0, 0), (closing, 2), (0, 0)]
    + [(0, 0), (0, 0), (0, 0), (topic, 2), (0, 0)]
    + [(0, 0), (0, 0), (0, 0), (closing, 2)]
  )


@pytest.mark.parametrize(
  "rules, message",
  [
    ({"s": {"a b": 1, "a c": 1}}, "s: 'a' does not determine"),
    ({"s": {"x": 1, "y": 1}, "x": {"a": 1}, "y": {"a b": 1}}, "s: 'a'"),
    (
      {"s": {"x a": 1}, "x": {"": 1, "a": 1}},
      "x: 'a' does not determine the line",
    ),
    ({"s": {"x y b": 1}, "x": {"": 1, "b": 1}, "y": {"": 1}}, "x: 'b'"),
    ({"s": {"z a": 1}, "z": {"b x": 1}, "x": {"": 1, "a": 1}}, "x: 'a'"),
    ({"s": {"x": 1}, "x": {"": 1, "<eos>": 1}}, "s: '<eos>'"),
    ({"s": {"s a": 1, "a": 1}}, "s: 'a' does not determine"),
    ({"s": {"x": 1, "": 1}, "x": {"": 1}}, "s: two lines can be empty"),
    ({"s": {"a b! c": 1}}, "s: a symbol with '!' must be the first"),
    (
      {"s": {"a s s": 1, "b": 1}},
      "no finite mean length: spectral radius 1.000",
    ),
    (
      {"s": {"a s s": 2, "b": 1}},
      "no finite mean length: spectral radius 1.333",
    ),
    ({"s": {"s": 1}}, "no finite mean length"),
  ],
)
def test_grammars_that_are_not_deterministic_or_endless_are_refused(
  rules, message
):
  with pytest.raises(ValueError, match=message.replace("(", r"\(")):
    make_grammar(rules, "s")


def test_english_has_words_and_no_misspelt_symbol():
  assert 300 <= len(ENGLISH.words) <= 400
  assert len(set(ENGLISH.words)) == len(ENGLISH.words)
  assert ENGLISH.words[0] == "<eos>"
  assert not [w for w in ENGLISH.words if "_" in w or w.split() != [w]]
  assert set(ENGLISH.words).isdisjoint(RULES)


def test_text_is_the_same_everywhere():
  drawn = sample(ENGLISH, 0, 0, 10_000)
  digest = hashlib.sha256(drawn.words_ids.astype("<i4").tobytes()).hexdigest()
  assert digest == (
    "26ab9f5075811c34d91b3156cb512ada1a2a8ec688b68f15951bb95d125fc29b"
  )
  assert [column.dtype for column in drawn] == (
    [np.int32, np.float64, np.int8, np.int32]
  )


@settings(max_examples=20, deadline=None)
@given(
  seed=st.integers(0, 2**32 - 1),
  stream=st.integers(0, 2),
  sizes=st.tuples(st.integers(0, 400), st.integers(0, 400)),
)
def test_a_shorter_text_begins_a_longer_one(seed, stream, sizes):
  short, long = (sample(ENGLISH, seed, stream, n) for n in sorted(sizes))
  for a, b in zip(short, long):
    assert len(a) == min(sizes)
    assert_array_equal(a, b[: len(a)])


def test_seeds_and_streams_give_other_texts():
  texts = [sample(ENGLISH, s, r, 50) for s in (0, 1, 7) for r in (0, 1, 2)]
  for a, b in itertools.combinations(texts, 2):
    assert not np.array_equal(a.words_ids, b.words_ids)


@pytest.mark.parametrize(
  "arguments, field",
  [
    ((-1, 0, 5), "seed"),
    ((2**32, 0, 5), "seed"),
    ((0, 1.0, 5), "stream"),
    ((0, 0, -5), "size"),
  ],
)
def test_wrong_arguments(arguments, field):
  with pytest.raises(FieldError) as caught:
    sample(ENGLISH, *arguments)
  assert caught.value.field == field


def test_log_probs_are_those_of_the_next_distribution():
  drawn = sample(ENGLISH, 3, 1, 400)
  words = tokens(drawn)
  # One long text, with "<eos>" in it, and each sentence from its own start.
  for start in (0, words.index("<eos>") + 1):
    for i in range(start, len(words)):
      found = next_distribution(ENGLISH, words[start:i])
      assert_allclose(sum(found.values()), 1, rtol=1e-12)
      assert_allclose(math.log(found[words[i]]), drawn.log_probs[i], atol=1e-12)


def test_annotate_repeats_what_sample_said():
  drawn = sample(ENGLISH, 4, 2, 2000)
  for said, repeated in zip(drawn, annotate(ENGLISH, tokens(drawn))):
    assert_array_equal(said, repeated)


def test_entropy_rate_is_the_mean_over_a_text():
  drawn = sample(ENGLISH, 11, 0, 300_000)
  rate = entropy_rate(ENGLISH)
  ends = np.flatnonzero(drawn.words_ids == 0)
  # Sentences are independent; each may cost more or less than its share.
  excess = -drawn.log_probs[: ends[-1] + 1] - rate
  sums = np.add.reduceat(excess, np.concatenate([[0], ends[:-1] + 1]))
  error = sums.std() / math.sqrt(len(sums))
  assert abs(sums.mean()) < 4 * error
  assert error * len(sums) / len(excess) < 0.01 * rate
  assert 3.5 < math.exp(rate) < 5
  assert 10 < len(excess) / len(sums) < 16


def test_words_are_drawn_as_often_as_they_should_be():
  drawn = sample(ENGLISH, 5, 0, 300_000)
  words = np.array(tokens(drawn))
  counts = {noun: np.sum(words == noun) for noun in RULES["noun_one"]}
  total, weights = sum(counts.values()), RULES["noun_one"]
  for noun, count in counts.items():
    p = weights[noun] / sum(weights.values())
    assert abs(count - total * p) < 5 * math.sqrt(total * p)


def test_the_lecture():
  assert next_distribution(ENGLISH, LECTURE.split()) == {"exams": 1.0}
  truth = annotate(ENGLISH, [*LECTURE.split(), "exams"])
  assert KINDS[truth.kinds[-1]] == "topic"
  assert truth.distances[-1] == 8
  teacher = LECTURE.replace("proctor", "teacher").split()
  assert next_distribution(ENGLISH, teacher) == {"books": 1.0}
  start = LECTURE.split()[-4:]
  assert next_distribution(ENGLISH, start) == dict.fromkeys(TOPICS, 0.25)
  assert not annotate(ENGLISH, [*start, "exams"]).kinds.any()


def test_only_the_agent_tells_the_topic():
  chance = dict.fromkeys(TOPICS, 0.0)
  agents = next_distribution(ENGLISH, ["as", "the"])
  for agent, p in agents.items():
    for verb, device in [("started", "clock"), ("covered", "piano")]:
      prefix = f"as the {agent} {verb} the {device} the".split()
      assert next_distribution(ENGLISH, prefix) == (
        next_distribution(ENGLISH, LECTURE.split()[:7])
      )
      [(topic, certain)] = next_distribution(
        ENGLISH, [*prefix, "guests", "opened", "their"]
      ).items()
      assert certain == 1
      assert agent in TOPICS[topic].split()
      chance[topic] += p / 2
  # Who does not see the agent is at chance.
  assert_allclose(list(chance.values()), 0.25, rtol=1e-12)


@pytest.mark.parametrize(
  "text, expected",
  [
    ("the dog sleeps <eos>", [("sleeps", "agreement", 1)]),
    ("my old dogs see the cooks <eos>", [("see", "agreement", 1)]),
    (
      "the dog that sees the cooks sleeps",
      [
        ("sees", "agreement", 2),
        ("sleeps", "agreement across a clause", 5),
      ],
    ),
    (
      "the dog that the cooks see sleeps",
      [("see", "agreement", 1), ("sleeps", "agreement across a clause", 5)],
    ),
    (
      # Depth 3, the numbers alternating.
      "the dog that the cooks that the fox that the poets like fears see runs",
      [
        ("like", "agreement", 1),
        ("fears", "agreement across a clause", 5),
        ("see", "agreement across a clause", 9),
        ("runs", "agreement across a clause", 13),
      ],
    ),
    (
      "the dog sees the foxes that see the cook and the king runs",
      [
        ("sees", "agreement", 1),
        ("see", "agreement", 2),
        ("runs", "agreement", 1),
      ],
    ),
    (
      "as the proctor started the clock the students that see my dog opened "
      "their exams ( the dogs sleep ) <eos> the dog sleeps",
      [
        ("see", "agreement", 2),
        ("exams", "topic", 12),
        ("sleep", "agreement", 1),
        (")", "closing mark", 4),
        ("sleeps", "agreement", 1),
      ],
    ),
    (
      "my dog says `` the kings say << the poet runs >> and my king runs '' "
      "[ the fox runs ]",
      [
        ("says", "agreement", 1),
        ("say", "agreement", 1),
        ("runs", "agreement", 1),
        (">>", "closing mark", 4),
        ("runs", "agreement", 1),
        ("''", "closing mark", 13),
        ("runs", "agreement", 1),
        ("]", "closing mark", 4),
      ],
    ),
  ],
)
def test_kinds_and_distances(text, expected):
  assert known(text) == expected


@pytest.mark.parametrize(
  "text",
  [
    "the dog sleep",
    "the dogs that see the cook sleeps",
    "the dog that the cooks that the fox that the poets like fears sees",
    "the dog says `` the king runs ]",
    "the dog says `` the king says << the poet runs >> '' ''",
    "the dog sleeps <<",
    LECTURE + " books",
    "the students opened their dog",
    "as the dog",
    "<eos>",
    "the dog sleeps <eos> <eos>",
    "the unheard",
  ],
)
def test_impossible_words(text):
  words = text.split()
  assert next_distribution(ENGLISH, words) is None
  assert annotate(ENGLISH, words) is None
  # It is the last word that is wrong.
  assert next_distribution(ENGLISH, words[:-1])


def test_distances_lead_to_the_word_that_decides():
  drawn = sample(ENGLISH, 8, 0, 30_000)
  words = tokens(drawn)
  number = {w: n for n in ("one", "many") for w in RULES[f"noun_{n}"]}
  number |= dict.fromkeys(RULES["group"], "many")
  verbs = ("transitive", "intransitive", "saying")
  of_verb = {
    w: n for n in ("one", "many") for v in verbs for w in RULES[f"{v}_{n}"]
  }
  pairs = {")": "(", "]": "[", "''": "``", ">>": "<<"}
  open_marks, agent = [], None
  for i, word in enumerate(words):
    kind, cause = KINDS[drawn.kinds[i]], i - int(drawn.distances[i])
    if word in pairs.values():
      open_marks.append(i)
    assert (kind == "closing mark") == (word in pairs)
    assert (kind in KINDS[1:3]) == (word in of_verb)
    if kind == "closing mark":
      assert cause == open_marks.pop()
      assert words[cause] == pairs[word]
    elif word in of_verb:
      assert number[words[cause]] == of_verb[word]
      near = set(words[cause + 1 : i]) <= {"that"}
      assert near == (kind == "agreement")
    elif kind == "topic":
      assert cause == agent
      assert words[cause] in TOPICS[word].split()
    else:
      assert (kind, cause) == ("local", i)
    if word == "as":
      agent = i + 2
    elif word == "<eos>":
      assert not open_marks
      agent = None


def test_a_perfect_5_gram_stays_above_the_floor():
  # Words are independent given their category, so n-grams of categories and
  # the words' own shares are what an n-gram with endless data would know.
  # Counted on the text it is judged on, it even looks better than it is.
  drawn = sample(ENGLISH, 2, 0, 200_000)
  categories = category_of()
  categories |= {
    a: ("agent", math.log(1 / 12))
    for topic in TOPICS.values()
    for a in topic.split()
  }
  names = sorted({categories.get(w, (w,))[0] for w in ENGLISH.words})
  of_id = [categories.get(w, (w, 0.0)) for w in ENGLISH.words]
  index = np.array([names.index(name) for name, _ in of_id])[drawn.words_ids]
  own = np.array([log_p for _, log_p in of_id])[drawn.words_ids]
  key = np.zeros(len(index) - 4, np.int64)
  for j in range(5):
    context = key
    key = key * len(names) + index[j : len(index) - 4 + j]
  log_p = np.log(counts_of(key) / counts_of(context)) + own[4:]
  assert -log_p.mean() > -drawn.log_probs[4:].mean() + math.log(1.15)
  far = (drawn.kinds >= 2).mean()
  assert 0.09 < far < 0.2


def counts_of(keys):
  _, inverse, counts = np.unique(keys, return_inverse=True, return_counts=True)
  return counts[inverse]
