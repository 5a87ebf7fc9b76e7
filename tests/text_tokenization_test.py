"""Tokens of sentences, and the sentences that are made of them again."""

import pathlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnn_lab.text.parallel import LANGUAGES, read
from rnn_lab.text.tokenization import detokenize, words

SHARED = pathlib.Path(__file__).resolve().parents[2] / "shared" / "data"
FOLDER = SHARED / "multi30k"

# Sentences as they are set, and their tokens, separated by spaces.
SENTENCES = {
  "Two men, one red.": "Two men , one red .",
  "The man's T-shirt (size 3.5)!": "The man 's T-shirt ( size 3.5 ) !",
  "They don't; it's 10,000 or 50%.": "They don 't ; it 's 10,000 or 50 % .",
  'A "stop" sign says: "Go."': 'A " stop " sign says : " Go . "',
  "The 'old' girls' team": "The ' old ' girls ' team",
  "A U.S. flag, and so on...": "A U.S. flag , and so on ...",
  "He and/or she [here] is #8": "He and / or she [ here ] is # 8",
  "It costs $5 at A&M -- or more": "It costs $ 5 at A&M -- or more",
  "Das „Stop“-Schild, Obst- und Äpfel": (
    "Das „ Stop “ -Schild , Obst- und Äpfel"
  ),
  "Gitarre-, Auf- oder -abgang – 1–2": "Gitarre- , Auf- oder -abgang – 1–2",
  "Vor Wendy's-Restaurants": "Vor Wendy 's-Restaurants",
  "“Is it?” and ‘not’, l’eau": "“ Is it ? ” and ‘ not ’ , l ’eau",
  "Dit «oui», »ja« und ”hej”": "Dit « oui » , » ja « und ” hej ”",
  "James’ hat… no, Dr.-Seuss-Buch und (gelb)-rot": (
    "James ’ hat … no , Dr . -Seuss-Buch und ( gelb ) -rot"
  ),
  "Tassen, -teller: 3.5-inch, U.S.-based": (
    "Tassen , -teller : 3.5-inch , U.S.-based"
  ),
  "Um 10:30Uhr 1,5-2,5 oder 2.": "Um 10:30Uhr 1,5-2,5 oder 2 .",
  "हिन्दी, cafe\u0301!": "हिन्दी , cafe\u0301 !",
  "": "",
}


@pytest.mark.parametrize("sentence", SENTENCES)
def test_both_ways(sentence):
  tokens = SENTENCES[sentence].split()
  assert words(sentence) == tokens
  assert detokenize(tokens) == sentence


def test_words_without_spaces():
  assert words("red--blue,green..Two/three") == (
    ["red", "--", "blue", ",", "green", "..", "Two", "/", "three"]
  )
  assert words("a&b&c -&d a-b-c- 7a.b1.5") == (
    ["a&b&c", "-", "&", "d", "a-b-c-", "7a", ".", "b1", ".", "5"]
  )


# Marks that mean something, and anything.
TEXT = st.text(
  st.sampled_from("ab's1é .,-\"“„”’‘«»()/&\t\xa0\u0301")
  | st.characters(exclude_categories=["Cs"]),
  max_size=14,
)


@settings(max_examples=200, deadline=None)
@given(TEXT)
def test_nothing_is_lost_but_white_space(text):
  tokens = words(text)
  assert all(tokens)
  assert "".join(tokens) == "".join(text.split())
  assert "".join(detokenize(tokens).split()) == "".join(tokens)


def test_tokens_that_no_sentence_has():
  assert detokenize(["a", "<unk>", ".", "<unk>"]) == "a <unk>. <unk>"
  assert detokenize(("'", "s", "", "b")) == "' s  b"
  assert detokenize([")", "a", "'s", "("]) == ") a's ("


@pytest.mark.skipif(
  not (FOLDER / "val.de.gz").is_file(),
  reason="Multi30k is not beside the checkout",
)
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_sentences_of_multi30k(language):
  """At least 99 % come back; of the test, some of each kind."""
  [other] = {*LANGUAGES} - {language}
  data = read(language, other, FOLDER)
  lines = data.valid.sources + data.test.sources + data.train.sources[:4000]
  same = sum(detokenize(words(line)) == line for line in lines)
  assert 0.99 < same / len(lines) < 1
