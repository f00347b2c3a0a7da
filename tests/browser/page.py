"""A page in a headless Chromium, driven over its own protocol: real clicks, real keys, screenshots.

The Chrome DevTools Protocol, JSON messages that end in a zero byte over a pair of pipes: no port, no driver between.
"""

import base64
import fcntl
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from tests.browser.chromium import Chromium, find_chromium

_FLAGS = (
    "--headless",
    "--no-sandbox",  # the page is our own, and a container's root has no sandbox
    "--no-zygote",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--no-first-run",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
)
_PATIENCE = 30.0
"""Seconds to wait for anything on the page."""


class Page:
    """One page.

    Args:
        commands: where messages to the browser are written.
        answers: where its messages are read.
    """

    def __init__(self, commands: BinaryIO, answers: BinaryIO) -> None:
        self._commands, self._answers = commands, answers
        self._number = 0
        self._session: dict[str, str] = {}
        self.complaints: list[str] = []
        """What the page wrote to its console as an error, or threw."""
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        attached = self._call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = {"sessionId": attached["sessionId"]}
        for domain in ("Page", "Runtime", "Log"):
            self._call(f"{domain}.enable")

    def open(self, path: Path, width: int, height: int) -> None:
        """Load a file in a window of a size in pixels; one as narrow as a phone is one."""
        phone = width < 600
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": phone}
        self._call("Emulation.setDeviceMetricsOverride", **size)
        self._call("Emulation.setTouchEmulationEnabled", enabled=phone)
        self._call("Page.navigate", url=path.resolve().as_uri())
        self.wait("document.readyState === 'complete'")

    def evaluate(self, script: str) -> Any:
        """The value of an expression on the page.

        Raises:
            AssertionError: it threw.
        """
        found = self._call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def wait(self, script: str) -> None:
        """Until an expression on the page is true.

        Raises:
            AssertionError: it never is.
        """
        deadline = time.monotonic() + _PATIENCE
        while not self.evaluate(f"Boolean({script})"):
            assert time.monotonic() < deadline, f"not true within {_PATIENCE:.0f} seconds: {script}"
            time.sleep(0.02)

    def click(self, selector: str) -> None:
        """Press and release the mouse over the middle of an element, which is scrolled to first."""
        box = self.evaluate(
            f"""(() => {{
              const element = document.querySelector({json.dumps(selector)});
              element.scrollIntoView({{ block: "center", behavior: "instant" }});
              const {{ x, y, width, height }} = element.getBoundingClientRect();
              return {{ x: x + width / 2, y: y + height / 2 }};
            }})()"""
        )
        for kind in ("mousePressed", "mouseReleased"):
            self._call("Input.dispatchMouseEvent", type=kind, **box, button="left", clickCount=1)

    def choose(self, selector: str, value: str) -> None:
        """Open a menu by a click, go to one of its entries with the arrow keys, and take it."""
        menu = f"document.querySelector({json.dumps(selector)})"
        steps = self.evaluate(
            f"[...{menu}.options].findIndex((option) => option.value === {json.dumps(value)}) - {menu}.selectedIndex"
        )
        self.click(selector)
        for _ in range(abs(steps)):
            self.press("ArrowDown" if steps > 0 else "ArrowUp")
        self.press("Enter")
        self.wait(f"{menu}.value === {json.dumps(value)}")

    def type(self, text: str) -> None:
        """Type into what has the focus."""
        for character in text:
            self.press(character, text=character)

    def press(self, key: str, **more: str) -> None:
        """Press and release a key: a character, or a name such as `ArrowDown`."""
        codes = {"ArrowUp": 38, "ArrowDown": 40, "Enter": 13}
        code = {"windowsVirtualKeyCode": codes[key], "code": key} if key in codes else {}
        if key == "Enter":
            more["text"] = "\r"
        self._call("Input.dispatchKeyEvent", type="keyDown", key=key, **code, **more)
        self._call("Input.dispatchKeyEvent", type="keyUp", key=key, **code)

    def screenshot(self, path: Path) -> None:
        """What is in the window, as PNG."""
        shot = self._call("Page.captureScreenshot", format="png")
        path.write_bytes(base64.b64decode(shot["data"]))

    def close(self) -> None:
        """End the browser."""
        self._session = {}
        self._call("Browser.close")

    def _call(self, method: str, **parameters: Any) -> Any:
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters, **self._session}
        self._commands.write(json.dumps(message).encode() + b"\0")
        self._commands.flush()
        while True:
            answer = self._read()
            if answer.get("id") == self._number:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return answer["result"]
            self._note(answer)

    def _read(self) -> Any:
        found = bytearray()
        while (byte := self._answers.read(1)) != b"\0":
            assert byte, "the browser has gone"
            found += byte
        return json.loads(found)

    def _note(self, event: Any) -> None:
        if event.get("method") == "Page.javascriptDialogOpening":
            self.complaints.append(f"a dialog: {event['params']['message']}")
        if event.get("method") == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(event["params"]["exceptionDetails"])[:500])
        if event.get("method") == "Log.entryAdded" and event["params"]["entry"]["level"] == "error":
            self.complaints.append(event["params"]["entry"]["text"])


@contextmanager
def open_browser(chromium: Chromium | None = None) -> Iterator[Page]:
    """A browser with an empty page.

    Raises:
        AssertionError: there is no Chromium on this machine.
    """
    chromium = chromium or find_chromium()
    assert chromium, "no Chromium here: install one, or fetch one with `python -m tests.browser.chromium`"
    to_browser, from_browser = os.pipe(), os.pipe()
    # Out of the way of 3 and 4, on which the browser reads and writes.
    given = [fcntl.fcntl(end, fcntl.F_DUPFD, 20) for end in (to_browser[0], from_browser[1])]
    os.close(to_browser[0])
    os.close(from_browser[1])
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = subprocess.Popen(
            [
                *("sh", "-c", f'exec "$@" 3</dev/fd/{given[0]} 4>/dev/fd/{given[1]}', "sh"),
                *(chromium.path, *_FLAGS, f"--user-data-dir={profile}"),
            ],
            pass_fds=given,
            env={**os.environ, **chromium.environment},
            stderr=subprocess.DEVNULL,
        )
        for end in given:
            os.close(end)
        with os.fdopen(to_browser[1], "wb") as commands, os.fdopen(from_browser[0], "rb") as answers:
            try:
                page = Page(commands, answers)
                yield page
                page.close()
                process.wait(_PATIENCE)
            finally:
                process.kill()
                process.wait()
