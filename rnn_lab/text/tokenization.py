"""Splits sentences into words and punctuation, and joins them again.

Tokens do not store the spaces around them: `detokenize` puts them where
English and German punctuation has them.
"""

import re
from collections.abc import Sequence

# What words do not contain, beside white space. All other characters are
# called letters here: so are digits, and marks that combine with a letter.
PUNCTUATION = (
  "!-/:-@\\[-^`{-~\u00a1-\u00a9\u00ab-\u00b4\u00b6-\u00b9\u00bb-\u00bf"
  "\u00d7\u00f7\u2010-\u2027\u2030-\u205e\u20a0-\u20cf\u2190-\u2bff"
  "\u3001-\u303f\uff01-\uff0f\uff1a-\uff20"
)
LETTER = f"[^\\s{PUNCTUATION}]"
# What follows the hyphens of a compound.
PARTS = rf"(?:-{LETTER}+)*(?:-(?!-))?"
CLITIC = rf"['\u2019]{LETTER}+{PARTS}"
TOKEN = re.compile(
  "|".join(
    (
      # U.S., 10,000 or 3.5-inch, 's after a letter, and ... or --.
      rf"(?:{LETTER}\.){{2,}}{PARTS}",
      rf"\d+(?:[.,:\u2013-]\d+)+{LETTER}*{PARTS}",
      rf"(?<={LETTER}){CLITIC}",
      r"\.{2,}|-{2,}",
      # Words; hyphens can also be their first (-like) and last (half-).
      rf"-?{LETTER}+(?:&{LETTER}+)*{PARTS}",
      rf"[{PUNCTUATION}]",
    )
  )
)
NO_SPACE_BEFORE = frozenset(".,;:!?%)]}/'\u2026\u2019")
NO_SPACE_AFTER = frozenset("([{/#$\u00a3\u00a1\u00bf")
# After these, -like belongs to what is before, as in Dr.-like.
ENDS = frozenset(".!?%)]")
# Quotation marks, and which marks each of them closes, if one is open;
# otherwise it opens a quotation, unless it is an apostrophe.
QUOTES = {
  '"': '"',
  "'": "'",
  "\u201e": "",
  "\u201a": "",
  "\u201c": "\u201e",
  "\u2018": "\u201a",
  "\u201d": "\u201d\u201c\u201e",
  "\u2019": "\u2018",
  "\u00ab": "\u00bb",
  "\u00bb": "\u00ab",
}


def words(line: str) -> list[str]:
  """Splits a sentence into words, numbers and punctuation marks.

  The tokens have all characters of the sentence but its white space.
  "The man's T-shirt (size 3.5)." becomes The man 's T-shirt ( size 3.5 ) .
  """
  return TOKEN.findall(line)


def detokenize(tokens: Sequence[str]) -> str:
  """Joins the tokens of a sentence, with spaces where they are usual.

  The inverse of `words` for sentences with the usual spacing. Straight
  quotation marks open and close in turn; the last one of an odd number of
  single ones is an apostrophe.
  """
  text, opened, space, ended = "", [], False, False
  for i, token in enumerate(tokens):
    closes = [mark for mark in QUOTES.get(token, "") if mark in opened]
    opens = token in QUOTES and not closes
    if token == "\u2019" or token == "'" and "'" not in tokens[i + 1 :]:
      opens = False
    if closes:
      opened.remove(closes[0])
    elif opens:
      opened.append(token)
    joins = closes or re.fullmatch(CLITIC, token)
    # As in "Stop"-sign.
    joins = joins or ended and token[:1] == "-" and len(token) > 1
    if space and not joins and (opens or token[:1] not in NO_SPACE_BEFORE):
      text += " "
    text += token
    space = not opens and token not in NO_SPACE_AFTER
    ended = bool(closes) or token in ENDS
  return text
