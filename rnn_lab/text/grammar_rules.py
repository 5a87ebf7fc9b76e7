"""The words and rules of the embedded grammar of English-like sentences.

A rule is a symbol and its right-hand sides, each after its weight. A right-hand
side is a line of symbols; one that has no rule is a word.

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
import re
from collections.abc import Iterable

Rules = dict[str, dict[str, float]]

SENTENCES = """
sentence: 0.45 as the opening tail | 0.38 the the_first tail
  | 0.17 possessive subject tail
opening: 1 opening_exams | 1 opening_books | 1 opening_letters
  | 1 opening_umbrellas
the_first: 0.2 unopened | 0.8 subject
unopened: 1 group_phrase opened their object
object: 1 exams | 1 books | 1 letters | 1 umbrellas
group_phrase: 1 group! maybe_relative_many
tail: 0.76 | 0.04 conjunction clause tail | 0.2 aside
clause: 1 determiner subject
subject: 0.2 adjective numbered | 0.8 numbered
numbered: 1 subject_one | 1 subject_many
thing: 1 determiner named
named: 0.2 adjective noun_phrase | 0.8 noun_phrase
noun_phrase: 1 noun_phrase_one | 1 noun_phrase_many
inner: 1 inner_one | 1 inner_many
where: 0.2 | 0.5 adverb | 0.3 preposition the place
determiner: 0.8 the | 0.2 possessive
aside: 1 marked_round | 1 marked_square
speech: 1 marked_double | 1 marked_angle
contents: 1 clause more
more: 0.85 | 0.15 conjunction clause more
"""

# What each agent makes the group open. Nothing else in the sentence reveals it.
TOPICS = {
  "exams": "proctor examiner professor",
  "books": "teacher librarian tutor",
  "letters": "postman courier secretary",
  "umbrellas": "lifeguard forecaster guide",
}
OF_TOPIC = """
opening_{topic}: 1 agent_{topic}! opening_verb the device main_{topic}
agent_{topic}: 1 {agents[0]} | 1 {agents[1]} | 1 {agents[2]}
main_{topic}: 1 the group_phrase opened their {topic}@topic
"""

NUMBERS = ("one", "many")
OF_NUMBER = """
subject_{n}: 1 noun_{n}! after_{n}
after_{n}: 0.4 predicate_{n}@agreement
  | 0.6 relative_{n} predicate_{n}@across
predicate_{n}: 0.3 transitive_{n} thing | 0.5 intransitive_{n} where
  | 0.2 saying_{n} speech
relative_{n}: 1 that relation_{n}
relation_{n}: 0.5 transitive_{n}@agreement thing | 0.5 determiner inner
inner_{n}: 1 noun_{n}! inner_after_{n}
inner_after_{n}: 0.7 transitive_{n}@agreement
  | 0.3 relative_{n} transitive_{n}@across
noun_phrase_{n}: 1 noun_{n}! maybe_relative_{n}
maybe_relative_{n}: 0.92 | 0.08 relative_{n}
"""

MARKED = """
marked_round: 1 (! contents )@closing
marked_square: 1 [! contents ]@closing
marked_double: 1 ``! contents ''@closing
marked_angle: 1 <<! contents >>@closing
"""

# In each category the frequent words come first, with weights rank^-STEEPNESS:
# steeper than Zipf's law, so that a million words suffice to count 5-grams.
STEEPNESS = 1.75
LEXICON = {
  "opening_verb": """started checked stopped tested fixed watched moved covered
    cleaned described""",
  "device": """clock radio engine bell projector timer fan lamp fountain
    elevator printer heater machine camera dryer piano film""",
  "group": """students visitors children guests passengers players tourists
    members scholars travelers campers villagers""",
  "possessive": "my our her your his",
  "adjective": """old young quiet tall happy tired clever brave lonely proud
    gentle curious famous hungry polite nervous honest lazy strange careful wise
    sleepy elegant grumpy modest cheerful silent loyal stubborn""",
  "adverb": """quietly often slowly again today alone happily late outside
    together early calmly twice loudly badly gladly everywhere abroad barefoot
    upstairs nearby elsewhere""",
  "preposition": "near behind beside under past above",
  "place": """garden river bridge market station harbor kitchen tower forest
    museum castle island theater bakery chapel stable meadow hotel tunnel
    airport palace orchard cellar gate""",
  "conjunction": "and but while because",
}

# Each noun and each verb in singular and plural, "one/many".
INFLECTED = {
  "noun": """dog/dogs friend/friends doctor/doctors farmer/farmers king/kings
    painter/painters baker/bakers neighbor/neighbors queen/queens sailor/sailors
    judge/judges singer/singers horse/horses nurse/nurses lawyer/lawyers
    pilot/pilots cousin/cousins poet/poets soldier/soldiers dancer/dancers
    fox/foxes captain/captains wolf/wolves cook/cooks driver/drivers
    wizard/wizards robot/robots actor/actors thief/thieves rabbit/rabbits
    giant/giants knight/knights pirate/pirates ghost/ghosts hunter/hunters
    goose/geese mayor/mayors tailor/tailors monk/monks widow/widows
    bishop/bishops pigeon/pigeons camel/camels turtle/turtles duke/dukes
    hermit/hermits juggler/jugglers beggar/beggars""",
  "transitive": """sees/see knows/know helps/help likes/like follows/follow
    finds/find meets/meet hears/hear trusts/trust admires/admire avoids/avoid
    greets/greet remembers/remember chases/chase praises/praise thanks/thank
    teases/tease fears/fear invites/invite visits/visit recognizes/recognize
    forgives/forgive warns/warn serves/serve carries/carry imitates/imitate
    describes/describe needs/need ignores/ignore surprises/surprise""",
  "intransitive": """waits/wait sleeps/sleep works/work sings/sing laughs/laugh
    runs/run smiles/smile walks/walk swims/swim dreams/dream rests/rest
    travels/travel plays/play shivers/shiver vanishes/vanish jumps/jump
    cries/cry stumbles/stumble hesitates/hesitate blushes/blush sneezes/sneeze
    yawns/yawn""",
  "saying": """says/say writes/write thinks/think whispers/whisper shouts/shout
    replies/reply""",
}


def _read(notation: str) -> Rules:
  """Reads rules in the notation above; a rule goes on in indented lines."""
  result: Rules = {}
  for rule in re.split(r"\n(?! )", notation.strip()):
    symbol, lines = rule.split(":")
    result[symbol] = {}
    for weight, *symbols in map(str.split, lines.split("|")):
      result[symbol][" ".join(symbols)] = float(weight)
  return result


def _by_rank(words: Iterable[str]) -> dict[str, float]:
  return {word: rank**-STEEPNESS for rank, word in enumerate(words, 1)}


@functools.cache
def rules() -> Rules:
  """Returns the right-hand sides of each symbol and their weights."""
  result = _read(SENTENCES)
  for category, words in LEXICON.items():
    result[category] = _by_rank(words.split())
  for category, pairs in INFLECTED.items():
    forms = zip(*(pair.split("/") for pair in pairs.split()))
    for number, words in zip(NUMBERS, forms):
      result[f"{category}_{number}"] = _by_rank(words)
  for topic, agents in TOPICS.items():
    result |= _read(OF_TOPIC.format(topic=topic, agents=agents.split()))
  for number in NUMBERS:
    result |= _read(OF_NUMBER.format(n=number))
  return result | _read(MARKED)
