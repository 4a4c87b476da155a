"""A real headless Chromium, driven over its DevTools pipe: no port, no further library."""

import base64
import contextlib
import json
import os
import select
import shutil
import subprocess
import time

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class Browser:
    """One page at a time. `complaints`: what the console said and what was thrown; `requests`: addresses asked for."""

    def __init__(self, profile):
        to_read, our_write = os.pipe()
        our_read, to_write = os.pipe()

        def join_pipes():  # Chromium reads from 3 and writes to 4
            a, b = os.dup(to_read), os.dup(to_write)
            os.dup2(a, 3)
            os.dup2(b, 4)

        self._process = subprocess.Popen(
            [
                CHROMIUM,
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--no-first-run",
                "--hide-scrollbars",
                "--disable-background-networking",
                "--remote-debugging-pipe",
                f"--user-data-dir={profile}",
                "about:blank",
            ],
            preexec_fn=join_pipes,
            close_fds=False,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_read)
        os.close(to_write)
        self._read, self._write = our_read, our_write
        self._buffer = b""
        self._number = 0
        self._session = None
        self.complaints, self.requests, self._loaded = [], [], False
        (target,) = [t for t in self._call("Target.getTargets")["targetInfos"] if t["type"] == "page"]
        attached = self._call("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self._call(f"{domain}.enable")

    def close(self):
        with contextlib.suppress(OSError):
            self._call("Browser.close")
        self._process.wait(20)
        os.close(self._read)
        os.close(self._write)

    def open(self, path, width=1280, height=900, scheme="light"):
        """Load a file, or an address, in a window of the given size, below 600 pixels as on a phone."""
        address = path if isinstance(path, str) else path.as_uri()
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self._call("Emulation.setDeviceMetricsOverride", **size)
        self._call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self._call("Page.navigate", url="about:blank")
        self.complaints, self.requests, self._loaded = [], [], False
        self._call("Page.navigate", url=address)
        end = time.monotonic() + 30
        while not (
            self._loaded and self.run("document.readyState") == "complete" and self.run("location.href") == address
        ):
            assert time.monotonic() < end, "the page did not load"
            self._pump(0.05)

    def run(self, script):
        """The value of a JavaScript expression."""
        said = self._call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in said, said["exceptionDetails"]
        return said["result"].get("value")

    def until(self, script):
        """Wait until a JavaScript expression is true, and give it."""
        end = time.monotonic() + 30
        while not (value := self.run(script)):
            assert time.monotonic() < end, f"{script} did not come true"
            time.sleep(0.02)
        return value

    def key(self, key, code, text=""):
        """Press and release a key, as a person does."""
        about = {"key": key, "code": key if len(key) > 1 else "Space", "windowsVirtualKeyCode": code}
        self._call("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", text=text, **about)
        self._call("Input.dispatchKeyEvent", type="keyUp", **about)

    def click(self, selector):
        """Click in the middle of the first element that the selector finds, with the mouse."""
        place = self.run(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)});"
            "e.scrollIntoView({block: 'center', inline: 'center'});"
            "const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self._call("Input.dispatchMouseEvent", type=kind, x=place[0], y=place[1], button="left", clickCount=1)

    def picture(self, path, whole=True):
        """Save what is seen, by default the page from top to bottom."""
        shot = self._call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(shot["data"]))

    def _call(self, method, **params):
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        end = time.monotonic() + 30
        while True:
            assert time.monotonic() < end, f"Chromium does not answer {method}"
            for answer in self._pump(1.0):
                if answer.get("id") == self._number:
                    assert "error" not in answer, answer["error"]
                    return answer["result"]

    def _pump(self, seconds):
        """Read what is there, keep the events, and give the answers."""
        if not select.select([self._read], [], [], seconds)[0]:
            return []
        got = os.read(self._read, 1 << 20)
        if not got:
            raise OSError("Chromium has ended")
        *whole, self._buffer = (self._buffer + got).split(b"\0")
        answers = []
        for message in map(json.loads, whole):
            self._note(message)
            answers += [message] if "id" in message else []
        return answers

    def _note(self, message):
        method, params = message.get("method"), message.get("params", {})
        if method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        elif method == "Page.loadEventFired":
            self._loaded = True
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(params["exceptionDetails"])
        elif method in ("Runtime.consoleAPICalled", "Log.entryAdded"):
            self.complaints.append(params)
