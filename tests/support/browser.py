"""A real headless browser, driven over the pipe of Chromium's DevTools protocol."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
PATIENCE = 60.0  # seconds: far more than any answer needs; only then a browser is given up
_KEYS = {
    "ArrowLeft": 37,
    "ArrowRight": 39,
    "Home": 36,
    "End": 35,
    " ": 32,
}


def find_browser() -> str:
    """A browser's program; skips the test where there is none."""
    for name in NAMES:
        found = shutil.which(name)
        if found is not None:
            return found
    pytest.skip("no headless browser here; `python tools/fetch_browser.py` tells why")


class Page:
    """A page in a browser of its own.

    Attributes:
        requests: URLs of everything that was asked for.
        complaints: what the page wrote to the console as warnings or errors, and what it threw.
    """

    def __init__(self, process: subprocess.Popen[bytes], reading: int, writing: int) -> None:
        self._process, self._reading, self._writing = process, reading, writing
        self._buffer, self._number, self._session = b"", 0, ""
        self._loaded = False
        self.requests: list[str] = []
        self.complaints: list[str] = []

    def attach(self, width: int, height: int, *, dark: bool) -> None:
        """Open an empty page."""
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        answer = self.send("Target.attachToTarget", targetId=target, flatten=True)
        self._session = answer["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.send(f"{domain}.enable")
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.send("Emulation.setEmulatedMedia", features=[scheme])

    def open(self, path: Path) -> None:
        """Load a file and wait until it has everything."""
        self._loaded = False
        self.send("Page.navigate", url=path.absolute().as_uri())
        deadline = time.monotonic() + PATIENCE
        while not self._loaded:
            self._next(deadline, "that the page is loaded")

    def evaluate(self, expression: str) -> Any:
        """The value of an expression of the page; promises are waited for."""
        answer = self.send(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in answer:
            raise AssertionError(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def wait_for(self, expression: str) -> None:
        """Until an expression of the page is true."""
        deadline = time.monotonic() + PATIENCE
        while not self.evaluate(expression):
            if time.monotonic() > deadline:
                raise AssertionError(f"waited in vain for {expression}; {self.complaints}")
            time.sleep(0.02)

    def press(self, key: str, *, shift: bool = False) -> None:
        """Press a key and let it go."""
        fields = {
            "key": key,
            "modifiers": 8 if shift else 0,
            "windowsVirtualKeyCode": _KEYS.get(key) or ord(key),
        }
        text = {"text": key} if len(key) == 1 else {}
        self.send("Input.dispatchKeyEvent", type="keyDown", **fields, **text)
        self.send("Input.dispatchKeyEvent", type="keyUp", **fields)

    def mouse(self, kind: str, x: float, y: float, **fields: Any) -> None:
        """mouseMoved, mousePressed, mouseReleased or mouseWheel at a place of the window."""
        self.send("Input.dispatchMouseEvent", type=kind, x=x, y=y, **fields)

    def screenshot(self, *, whole: bool = False) -> np.ndarray:
        """(height, width, 3) uint8, blue, green, red, of the window or of the whole page."""
        answer = self.send("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        data = np.frombuffer(base64.b64decode(answer["data"]), np.uint8)
        image = cv2.imdecode(data, cv2.IMREAD_COLOR)
        assert image is not None
        return image

    def close(self) -> None:
        """End the browser, with all its processes."""
        self._session = ""
        self.send("Browser.close")

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a method of the protocol and wait for its answer."""
        self._number += 1
        number = self._number
        message: dict[str, Any] = {"id": number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        left = json.dumps(message).encode() + b"\0"
        while left:
            left = left[os.write(self._writing, left) :]
        deadline = time.monotonic() + PATIENCE
        while True:
            answer = self._next(deadline, method)
            if answer.get("id") == number:
                if "error" in answer:
                    raise AssertionError(f"{method}: {answer['error']}")
                return answer["result"]

    def _next(self, deadline: float, what: str) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._reading], [], [], deadline - time.monotonic())
            data = os.read(self._reading, 1 << 20) if ready else b""
            if not data:
                raise AssertionError(f"the browser does not tell {what}: {self._process.poll()}")
            self._buffer += data
        first, self._buffer = self._buffer.split(b"\0", 1)
        message: dict[str, Any] = json.loads(first)
        self._note(message.get("method", ""), message.get("params", {}))
        return message

    def _note(self, event: str, values: dict[str, Any]) -> None:
        if event == "Page.loadEventFired":
            self._loaded = True
        elif event == "Network.requestWillBeSent":
            self.requests.append(values["request"]["url"])
        elif event == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(values["exceptionDetails"]))
        elif event == "Runtime.consoleAPICalled" and values["type"] in ("error", "warning"):
            self.complaints.append(json.dumps(values["args"]))
        elif event == "Log.entryAdded" and values["entry"]["level"] in ("error", "warning"):
            self.complaints.append(json.dumps(values["entry"]))


@contextmanager
def open_browser(
    profile: Path, width: int = 1400, height: int = 1000, *, dark: bool = False
) -> Iterator[Page]:
    """A browser with an empty page; ends with the block.

    Args:
        profile: folder for what the browser writes; made.
        width, height: of the window in pixels.
        dark: the dark colour scheme.
    """
    command = [find_browser(), "--headless", "--remote-debugging-pipe", "--disable-gpu"]
    command += ["--disable-dev-shm-usage", "--no-first-run", "--hide-scrollbars"]
    # Neither root nor every container can have the sandbox; the pages are our own.
    command += [f"--user-data-dir={profile}", "--no-sandbox"]
    to_read, to_write = os.pipe(), os.pipe()
    # The browser takes 3 and 4: the ends that move there must not lie there yet.
    ends = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in (to_write[0], to_read[1])]
    profile.mkdir(parents=True, exist_ok=True)
    log = profile / "browser.log"

    def take_places() -> None:
        os.dup2(ends[0], 3)
        os.dup2(ends[1], 4)

    with log.open("wb") as stream:
        process = subprocess.Popen(
            command,
            pass_fds=(3, 4),
            preexec_fn=take_places,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
        )
    for end in (*ends, to_write[0], to_read[1]):
        os.close(end)
    try:
        page = Page(process, to_read[0], to_write[1])
        page.attach(width, height, dark=dark)
        yield page
        page.close()
        process.wait(PATIENCE)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        for end in (to_read[0], to_write[1]):
            os.close(end)
