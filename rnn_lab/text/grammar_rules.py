"""The words and rules of the embedded grammar of English-like sentences.

`rules` maps each symbol to its right-hand sides and their weights. A
right-hand side is a line of symbols; one that has no rule is a word.

  x!        the first word of x determines something about the symbols after
            it in this line: they are given its position in the text.
  x@kind    the first word of x is of this kind, and depends on the word whose
            position x was given (`context_free.KIND_OF_MARK`).

There are four topics, one of which the agent of an opening clause determines;
nouns and verbs in singular and plural; and four pairs of marks with the same
contents. Weights are chosen so that a sentence has about 15 words, that about
one word in ten depends on a word that a 5-gram does not see (which costs even
a perfect 5-gram a fifth of its perplexity), and that the perplexity of the
source is about 4.

Words that can follow the same context under different rules always differ, so
that the next word determines the rule: `make_grammar` checks it.
"""

import functools
from collections.abc import Iterator

Rules = dict[str, dict[str, float]]

NUMBERS = ("one", "many")

# What each agent makes the group open. Nothing else in the sentence reveals it.
TOPICS = {
  "exams": "proctor examiner professor",
  "books": "teacher librarian tutor",
  "letters": "postman courier secretary",
  "umbrellas": "lifeguard forecaster guide",
}

MARKS = {
  "round": ("(", ")"),
  "square": ("[", "]"),
  "double": ("``", "''"),
  "angle": ("<<", ">>"),
}

# In each category the frequent words come first, with weights rank^-STEEPNESS:
# steeper than Zipf's law, so that a million words suffice to count 5-grams.
STEEPNESS = 1.75
LEXICON = {
  "opening_verb": (
    "started checked stopped tested fixed watched moved covered cleaned "
    "described"
  ),
  "device": (
    "clock radio engine bell projector timer fan lamp fountain elevator "
    "printer heater machine camera dryer piano film"
  ),
  "group": (
    "students visitors children guests passengers players tourists members "
    "scholars travelers campers villagers"
  ),
  "possessive": "my our her your his",
  "adjective": (
    "old young quiet tall happy tired clever brave lonely proud gentle curious "
    "famous hungry polite nervous honest lazy strange careful wise sleepy "
    "elegant grumpy modest cheerful silent loyal stubborn"
  ),
  "adverb": (
    "quietly often slowly again today alone happily late outside together "
    "early calmly twice loudly badly gladly everywhere abroad barefoot "
    "upstairs nearby elsewhere"
  ),
  "preposition": "near behind beside under past above",
  "place": (
    "garden river bridge market station harbor kitchen tower forest museum "
    "castle island theater bakery chapel stable meadow hotel tunnel airport "
    "palace orchard cellar gate"
  ),
  "conjunction": "and but while because",
}

# Each noun and each verb in singular and plural, "one/many".
INFLECTED = {
  "noun": (
    "dog/dogs friend/friends doctor/doctors farmer/farmers king/kings "
    "painter/painters baker/bakers neighbor/neighbors queen/queens "
    "sailor/sailors judge/judges singer/singers horse/horses nurse/nurses "
    "lawyer/lawyers pilot/pilots cousin/cousins poet/poets soldier/soldiers "
    "dancer/dancers fox/foxes captain/captains wolf/wolves cook/cooks "
    "driver/drivers wizard/wizards robot/robots actor/actors thief/thieves "
    "rabbit/rabbits giant/giants knight/knights pirate/pirates ghost/ghosts "
    "hunter/hunters goose/geese mayor/mayors tailor/tailors monk/monks "
    "widow/widows bishop/bishops pigeon/pigeons camel/camels turtle/turtles "
    "duke/dukes hermit/hermits juggler/jugglers beggar/beggars"
  ),
  "transitive": (
    "sees/see knows/know helps/help likes/like follows/follow finds/find "
    "meets/meet hears/hear trusts/trust admires/admire avoids/avoid "
    "greets/greet remembers/remember chases/chase praises/praise thanks/thank "
    "teases/tease fears/fear invites/invite visits/visit recognizes/recognize "
    "forgives/forgive warns/warn serves/serve carries/carry imitates/imitate "
    "describes/describe needs/need ignores/ignore surprises/surprise"
  ),
  "intransitive": (
    "waits/wait sleeps/sleep works/work sings/sing laughs/laugh runs/run "
    "smiles/smile walks/walk swims/swim dreams/dream rests/rest travels/travel "
    "plays/play shivers/shiver vanishes/vanish jumps/jump cries/cry "
    "stumbles/stumble hesitates/hesitate blushes/blush sneezes/sneeze "
    "yawns/yawn"
  ),
  "saying": (
    "says/say writes/write thinks/think whispers/whisper shouts/shout "
    "replies/reply"
  ),
}


def _equally(*lines: str) -> dict[str, float]:
  return {line: 1.0 for line in lines}


def _by_rank(words: str) -> dict[str, float]:
  return {word: rank**-STEEPNESS for rank, word in enumerate(words.split(), 1)}


def _sentences() -> Rules:
  return {
    "sentence": {
      "as the opening tail": 0.45,
      "the the_first tail": 0.38,
      "possessive subject tail": 0.17,
    },
    "opening": _equally(*(f"opening_{topic}" for topic in TOPICS)),
    "the_first": {"unopened": 0.2, "subject": 0.8},
    "unopened": {"group_phrase opened their object": 1.0},
    "object": _equally(*TOPICS),
    "group_phrase": {"group! maybe_relative_many": 1.0},
    "tail": {"": 0.76, "conjunction clause tail": 0.04, "aside": 0.2},
    "clause": {"determiner subject": 1.0},
    "subject": {"adjective numbered": 0.2, "numbered": 0.8},
    "numbered": _equally("subject_one", "subject_many"),
    "thing": {"determiner named": 1.0},
    "named": {"adjective noun_phrase": 0.2, "noun_phrase": 0.8},
    "noun_phrase": _equally("noun_phrase_one", "noun_phrase_many"),
    "inner": _equally("inner_one", "inner_many"),
    "where": {"": 0.2, "adverb": 0.5, "preposition the place": 0.3},
    "determiner": {"the": 0.8, "possessive": 0.2},
    "aside": _equally("marked_round", "marked_square"),
    "speech": _equally("marked_double", "marked_angle"),
    "contents": {"clause more": 1.0},
    "more": {"": 0.85, "conjunction clause more": 0.15},
  }


def _of_topic(topic: str) -> Rules:
  return {
    f"opening_{topic}": {
      f"agent_{topic}! opening_verb the device main_{topic}": 1.0
    },
    f"agent_{topic}": _equally(*TOPICS[topic].split()),
    f"main_{topic}": {f"the group_phrase opened their {topic}@topic": 1.0},
  }


def _of_number(n: str) -> Rules:
  return {
    f"subject_{n}": {f"noun_{n}! after_{n}": 1.0},
    f"after_{n}": {
      f"predicate_{n}@agreement": 0.4,
      f"relative_{n} predicate_{n}@across": 0.6,
    },
    f"predicate_{n}": {
      f"transitive_{n} thing": 0.3,
      f"intransitive_{n} where": 0.5,
      f"saying_{n} speech": 0.2,
    },
    f"relative_{n}": {f"that relation_{n}": 1.0},
    f"relation_{n}": {
      f"transitive_{n}@agreement thing": 0.5,
      "determiner inner": 0.5,
    },
    f"inner_{n}": {f"noun_{n}! inner_after_{n}": 1.0},
    f"inner_after_{n}": {
      f"transitive_{n}@agreement": 0.7,
      f"relative_{n} transitive_{n}@across": 0.3,
    },
    f"noun_phrase_{n}": {f"noun_{n}! maybe_relative_{n}": 1.0},
    f"maybe_relative_{n}": {"": 0.92, f"relative_{n}": 0.08},
  }


def _of_mark(name: str) -> Rules:
  opening, closing = MARKS[name]
  return {f"marked_{name}": {f"{opening}! contents {closing}@closing": 1.0}}


def _lexicon() -> Iterator[tuple[str, dict[str, float]]]:
  for category, words in LEXICON.items():
    yield category, _by_rank(words)
  for category, pairs in INFLECTED.items():
    forms = zip(*(pair.split("/") for pair in pairs.split()))
    for number, words in zip(NUMBERS, forms):
      yield f"{category}_{number}", _by_rank(" ".join(words))


@functools.cache
def rules() -> Rules:
  """Returns the right-hand sides of each symbol and their weights."""
  result = _sentences() | dict(_lexicon())
  for topic in TOPICS:
    result |= _of_topic(topic)
  for number in NUMBERS:
    result |= _of_number(number)
  for mark in MARKS:
    result |= _of_mark(mark)
  return result
