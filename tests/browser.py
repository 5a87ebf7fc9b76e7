"""A headless Chromium, driven over the pipes of its DevTools protocol.

The protocol sets the size of the screen exactly, which a window cannot have
below some 500 px, and says what a page writes to its console and asks of the
network: https://chromedevtools.github.io/devtools-protocol.
"""

import contextlib
import json
import os
import pathlib
import select
import shutil
import subprocess

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
# Narrower screens are those of telephones.
WIDE = 1000
SECONDS = 60
_FLAGS = (
  "--headless",
  "--remote-debugging-pipe",
  "--no-sandbox",  # which root may not have
  "--disable-gpu",
  "--disable-dev-shm-usage",  # containers have little of it
  "--hide-scrollbars",  # so that all of the width is the page's
  "--no-first-run",
  "--disable-background-networking",
  "--host-resolver-rules=MAP * ~NOTFOUND",
)
# The browser reads commands from descriptor 3 and answers on 4.
_SHELL = 'exec "$@" 3<&0 4>&1 </dev/null >/dev/null'
_FAULTS = pathlib.Path(__file__).with_name("browser_faults.js")


def find_program():
  """The path of an installed browser, or None."""
  return next(filter(None, map(shutil.which, PROGRAMS)), None)


@contextlib.contextmanager
def open_browser(program, folder):
  """Starts a browser that keeps its profile in `folder`; yields a Browser."""
  arguments = [program, *_FLAGS, f"--user-data-dir={folder}"]
  process = subprocess.Popen(
    ["sh", "-c", _SHELL, "sh", *arguments],
    stdin=subprocess.PIPE,
    stdout=subprocess.PIPE,
    stderr=subprocess.DEVNULL,
    bufsize=0,
  )
  with process:
    try:
      browser = Browser(process)
      yield browser
      browser.call("Browser.close")
      process.wait(SECONDS)
    finally:
      process.kill()


class Browser:
  """Opens pages one after the other, each in a tab of its own."""

  def __init__(self, process):
    self._process = process
    self._received = b""
    self._events = []
    self._calls = 0

  def faults(self, page, width):
    """What is wrong with a file on a screen of `width` px, in sentences.

    Raises:
      TimeoutError: the browser said nothing for `SECONDS`.
    """
    self._events.clear()
    tab = self.call("Target.createTarget", url="about:blank")["targetId"]
    attached = self.call("Target.attachToTarget", targetId=tab, flatten=True)
    session = attached["sessionId"]
    for domain in ("Page", "Runtime", "Log", "Network"):
      self.call(f"{domain}.enable", session)
    self.call("Page.setLifecycleEventsEnabled", session, enabled=True)
    self.call(
      "Emulation.setDeviceMetricsOverride",
      session,
      width=width,
      height=800,
      deviceScaleFactor=1,
      mobile=width < WIDE,
    )
    url = page.resolve().as_uri()
    loader = self.call("Page.navigate", session, url=url)["loaderId"]
    self._wait_for_load(session, loader)
    measured = self.call(
      "Runtime.evaluate",
      session,
      expression=f"({_FAULTS.read_text(encoding='utf-8')})({width})",
      returnByValue=True,
    )
    assert "exceptionDetails" not in measured, measured
    self.call("Target.closeTarget", targetId=tab)
    notices = [_notice(event, url) for event in self._events_of(session)]
    return [*filter(None, notices), *measured["result"]["value"]]

  def call(self, method, session=None, **parameters):
    """Calls a method of the protocol; returns its result."""
    self._calls += 1
    command = {"id": self._calls, "method": method, "params": parameters}
    if session:
      command["sessionId"] = session
    self._process.stdin.write(json.dumps(command).encode() + b"\0")
    while True:
      message = self._receive()
      if message.get("id") == self._calls:
        assert "error" not in message, message
        return message["result"]
      self._events.append(message)

  def _events_of(self, session):
    """Without those of a tab that was left open by a test that failed."""
    return [one for one in self._events if one.get("sessionId") == session]

  def _wait_for_load(self, session, loader):
    end = {"loaderId": loader, "name": "load"}
    while not any(
      event.get("method") == "Page.lifecycleEvent"
      and end.items() <= event["params"].items()
      for event in self._events_of(session)
    ):
      self._events.append(self._receive())

  def _receive(self):
    """The next message, which ends with a zero byte."""
    pipe = self._process.stdout
    while b"\0" not in self._received:
      if not select.select([pipe], [], [], SECONDS)[0]:
        raise TimeoutError(f"the browser said nothing for {SECONDS} s")
      part = os.read(pipe.fileno(), 1 << 20)
      if not part:
        raise EOFError("the browser has ended")
      self._received += part
    message, _, self._received = self._received.partition(b"\0")
    return json.loads(message)


def _notice(event, page):
  """What an event says against a page, or None."""
  about = event.get("params", {})
  match event.get("method"):
    case "Runtime.consoleAPICalled":
      words = [str(one.get("value", one["type"])) for one in about["args"]]
      return f"console: {' '.join(words)}"
    case "Runtime.exceptionThrown":
      exception = about["exceptionDetails"].get("exception", {})
      words = exception.get("description", "an exception")
      return f"console: {words.splitlines()[0]}"
    case "Log.entryAdded":
      return f"console: {about['entry']['text']}"
    case "Network.requestWillBeSent":
      url = about["request"]["url"]
      if url != page and not url.startswith("data:"):
        return f"request: {url}"
  return None
