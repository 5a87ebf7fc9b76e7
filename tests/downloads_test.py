"""Downloads from a server of this process: hashes and failures."""

import gc
import hashlib
import http.server
import pathlib
import re
import threading
import warnings

import pytest

from rnn_lab import downloads
from rnn_lab.downloads import File, Source, find_files
from rnn_lab.errors import FieldError
from rnn_lab.tasks.language import of_corpus
from rnn_lab.text import load

TEXTS = {
  "train.txt": b"a b c\n" * 9,
  "valid.txt": b"a c\n",
  "test.txt": b"b d\n",
}
HASHES = {"train.txt": "sha1", "valid.txt": "sha256"}


class Handler(http.server.BaseHTTPRequestHandler):
  """Answers with `server.texts`; a file in `server.cut` ends half-way."""

  def do_GET(self):
    name = self.path.rsplit("/", 1)[1]
    self.server.asked.append(name)
    body = self.server.texts.get(name)
    if body is None:
      self.send_error(404)
      return
    self.send_response(200)
    self.send_header("Content-Length", str(len(body)))
    self.end_headers()
    half = len(body) // 2 if name in self.server.cut else len(body)
    self.wfile.write(body[:half])

  def log_message(self, *_):
    pass


@pytest.fixture
def server():
  with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
    server.texts, server.cut, server.asked = dict(TEXTS), set(), []
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
  # The client leaves the sockets of answers it did not like to the collector.
  with warnings.catch_warnings():
    warnings.simplefilter("ignore", ResourceWarning)
    gc.collect()


@pytest.fixture
def cache(tmp_path, monkeypatch, server):
  """The empty cache; the corpus' files are the server's."""
  monkeypatch.setenv("NO_PROXY", "*")
  monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
  files = {}
  for part in ("train", "valid", "test"):
    name = f"{part}.txt"
    files[part] = File(name, hashlib.sha256(TEXTS[name]).hexdigest())
  # As of WikiText-2 itself, whose training file has no published sha256.
  sha1 = hashlib.sha1(TEXTS["train.txt"]).hexdigest()
  files["train"] = File("train.txt", f"sha1:{sha1}")
  address = f"http://127.0.0.1:{server.server_port}/data/"
  source = Source(address, files)
  monkeypatch.setitem(downloads.SOURCES, "wikitext2", source)
  return tmp_path / "rnn_lab" / "wikitext2"


def contents(folder):
  return {path.name: path.read_bytes() for path in folder.rglob("*")}


def fails(words):
  with pytest.raises(FieldError, match=words) as caught:
    find_files("wikitext2", None)
  message = str(caught.value)
  assert message.startswith("data_dir must be set to a folder that holds ")
  assert "train.txt, valid.txt, test.txt: the download of http://" in message
  assert "\n" not in message


def test_a_download_is_kept(cache, server, capfd):
  for _ in range(2):
    paths = find_files("wikitext2", None)
    assert {part: path.name for part, path in paths.items()} == {
      "train": "train.txt",
      "valid": "valid.txt",
      "test": "test.txt",
    }
    assert contents(cache) == TEXTS
  # Once each: the second time, nothing is asked for.
  assert sorted(server.asked) == sorted(TEXTS)
  assert capfd.readouterr() == ("", "")


def test_a_corpus_is_loaded_from_its_downloads(cache):
  from rnn_lab.text import corpora

  # Other tests' corpora of this name are others'.
  corpora._load.cache_clear()
  corpus = load("wikitext2")
  corpora._load.cache_clear()
  said = of_corpus(corpus, 1, 1, 1).describe()
  assert said.endswith("a vocabulary of 5; unknown: 0 train, 0 valid, 1 test")
  assert corpus.vocabulary.words == ("<unk>", "<eos>", "a", "b", "c")
  assert corpus.test.tokens.tolist() == [3, 0, 1]
  assert corpus.hashes == {
    name: hashlib.sha256(raw).hexdigest() for name, raw in TEXTS.items()
  }


@pytest.mark.parametrize(("name", "kind"), HASHES.items())
def test_another_hash_is_refused(cache, server, name, kind):
  server.texts[name] = b"tampered\n"
  fails(rf"{name} failed \(its {kind} is not the published one\)$")
  # What was sound before it stays; nothing else does.
  kept = {} if name == "train.txt" else {"train.txt": TEXTS["train.txt"]}
  assert contents(cache) == kept
  server.texts = dict(TEXTS)
  assert contents(find_files("wikitext2", None)["train"].parent) == TEXTS


def test_every_file_has_a_hash():
  for address, files in downloads.SOURCES.values():
    assert address.startswith("https://")
    for file in files.values():
      algorithm, _, digest = file.known_hash.rpartition(":")
      digits = {"": 64, "sha1": 40}[algorithm]
      assert re.fullmatch(f"[0-9a-f]{{{digits}}}", digest), file


def test_a_damaged_file_in_the_cache_is_fetched_anew(cache, server):
  find_files("wikitext2", None)
  for name in ("train.txt", "valid.txt"):
    (cache / name).write_bytes(b"damaged")
  find_files("wikitext2", None)
  assert contents(cache) == TEXTS


@pytest.mark.parametrize("name", ["train.txt", "valid.txt"])
def test_an_answer_cut_short_leaves_nothing(cache, server, name):
  server.cut.add(name)
  fails(rf"{name} failed \(\w+Error\)$")
  kept = {"train.txt": TEXTS["train.txt"]}
  assert contents(cache) == ({} if name == "train.txt" else kept)


def test_a_file_that_is_not_served(cache, server):
  del server.texts["train.txt"]
  fails(r"train.txt failed \(HTTPError\)$")
  assert contents(cache) == {}


def test_nobody_answers(cache, monkeypatch, capfd):
  source = downloads.SOURCES["wikitext2"]._replace(
    address="http://127.0.0.1:9/"
  )
  monkeypatch.setitem(downloads.SOURCES, "wikitext2", source)
  fails(r"download of http://127.0.0.1:9/train.txt failed \(ConnectionError\)$")
  assert contents(cache) == {}
  assert capfd.readouterr() == ("", "")


def test_a_cache_that_cannot_be_made(cache, monkeypatch):
  cache.parent.write_text("a file where the folder should be")
  fails(r"failed \((NotADirectory|FileExists|Permission)Error\)$")


NAMES = {
  "tiny_shakespeare": [["input.txt"], ["tiny_shakespeare.txt"]],
  "ptb": [["ptb.train.txt", "ptb.valid.txt", "ptb.test.txt"]],
  "wikitext2": [
    ["train.txt", "valid.txt", "test.txt"],
    ["wiki.train.tokens", "wiki.valid.tokens", "wiki.test.tokens"],
  ],
}


@pytest.mark.parametrize("corpus", NAMES)
@pytest.mark.parametrize("inner", [False, True])
def test_files_of_a_folder(tmp_path, corpus, inner):
  for number, names in enumerate(NAMES[corpus]):
    data_dir = tmp_path / str(number)
    folder = data_dir / corpus if inner else data_dir
    folder.mkdir(parents=True)
    for name in names:
      (folder / name).write_text("any")
    found = find_files(corpus, str(data_dir))
    assert list(found.values()) == [folder / name for name in names]
    (folder / names[0]).unlink()
    with pytest.raises(FieldError) as caught:
      find_files(corpus, str(data_dir))
    message = str(caught.value)
    first = NAMES[corpus][0][0]
    assert message.startswith("data_dir must be a folder that holds ")
    assert message.endswith(f"; {str(data_dir)!r} has no {first}")
    assert names[0] in message
    assert "\n" not in message


@pytest.mark.parametrize(
  "data_dir", ["/nowhere", "x" * 5000, "a\0b", "", "~nobody-there/x"]
)
def test_no_such_folder(data_dir, tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  with pytest.raises(FieldError, match="^data_dir must be "):
    find_files("ptb", data_dir)


def test_the_folder_of_a_home_and_no_address(tmp_path, monkeypatch):
  monkeypatch.setenv("HOME", str(tmp_path))
  (tmp_path / "input.txt").write_text("any")
  for data_dir in ("~", pathlib.Path("~")):
    found = find_files("tiny_shakespeare", data_dir)
    assert found == {"all": tmp_path / "input.txt"}
  words = "^data_dir must be a path on this machine, got 'gs://bucket'$"
  with pytest.raises(FieldError, match=words):
    find_files("ptb", "gs://bucket")
