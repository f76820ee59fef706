#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What a flame graph does in a browser: Chromium, by the WebDriver protocol.

    browser.py CHECK FILE...

runs one of the functions below on each file (SVG or HTML), in a fresh profile under
$BATS_TEST_TMPDIR, and leaves a screenshot FILE.png there.
"""
import base64
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync",
         "--disable-dev-shm-usage", "--hide-scrollbars", "--window-size=1280,720"]
# Names of keys as WebDriver has them.
KEYS = {"Enter": "\ue007", "Escape": "\ue00c", "ArrowUp": "\ue013", "ArrowDown": "\ue015",
        "ArrowLeft": "\ue012", "ArrowRight": "\ue014"}


class Browser:
    def __init__(self, directory):
        env = dict(os.environ, HOME=directory, TMPDIR=directory)
        # It chooses a port that is free, and says which.
        self.driver = subprocess.Popen(["chromedriver", "--port=0"], env=env, text=True,
                                       stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        for line in self.driver.stdout:
            if "started successfully on port " in line:
                self.url = "http://127.0.0.1:" + line.split("port ")[1].strip(" .\n")
                break
        else:
            sys.exit("chromedriver does not start")
        self.session = ""
        options = {"args": FLAGS + ["--user-data-dir=" + directory + "/chromium"]}
        caps = {"browserName": "chrome", "goog:chromeOptions": options,
                "goog:loggingPrefs": {"browser": "ALL"}, "unhandledPromptBehavior": "ignore"}
        answer = self.call("POST", "/session", {"capabilities": {"alwaysMatch": caps}})
        self.session = "/session/" + answer["sessionId"]

    def call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + self.session + path, data, method=method,
                                         headers={"Content-Type": "application/json"})
        # No proxy is asked for this machine.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=120) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            sys.exit("%s: %s" % (path, json.load(error)["value"]["message"]))

    def close(self):
        if self.session:
            self.call("DELETE", "")
        self.driver.terminate()
        self.driver.wait()

    def open(self, path):
        self.call("POST", "/url", {"url": pathlib.Path(path).resolve().as_uri()})

    def js(self, script, *args):
        return self.call("POST", "/execute/sync", {"script": script, "args": list(args)})

    def problems(self):
        return [entry["message"] for entry in self.call("POST", "/se/log", {"type": "browser"})]

    def shot(self, path):
        pathlib.Path(path).write_bytes(base64.b64decode(self.call("GET", "/screenshot")))

    def pointer(self, x, y, click=False):
        steps = [{"type": "pointerMove", "x": round(x), "y": round(y), "duration": 0}]
        if click:
            steps += [{"type": "pointerDown", "button": 0}, {"type": "pointerUp", "button": 0}]
        self.call("POST", "/actions", {"actions": [
            {"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"}, "actions": steps}]})

    def type(self, *keys):
        steps = []
        for key in keys:
            value = KEYS.get(key, key)
            steps += [{"type": "keyDown", "value": value}, {"type": "keyUp", "value": value}]
        self.call("POST", "/actions", {"actions": [{"type": "key", "id": "keys", "actions": steps}]})

    # ---- flame graphs ----

    def frames(self):
        """The frames that are drawn: number, label, classes, place."""
        return self.js("""
            return [...document.querySelectorAll("#frames g")].map(g => {
                const box = g.querySelector("rect").getBoundingClientRect();
                const text = g.querySelector("text");
                return { node: Number(g.dataset.node), label: text ? text.textContent : "",
                    classes: g.getAttribute("class") || "", fill: g.querySelector("rect").getAttribute("fill"),
                    patterns: [...g.querySelectorAll(".o")].map(e => e.getAttribute("fill")),
                    x: box.x, y: box.y, width: box.width, height: box.height,
                    over: text ? text.getBoundingClientRect().right - box.right : 0 };
            });""")

    def frame(self, label, nth=0):
        found = [f for f in self.frames() if f["label"] == label]
        check(len(found) > nth, "no frame %r among %s" % (label, [f["label"] for f in self.frames()]))
        return found[nth]

    def point(self, label, nth=0, click=False):
        f = self.frame(label, nth)
        self.pointer(f["x"] + min(f["width"], 60) / 2, f["y"] + f["height"] / 2, click)

    def widths(self):
        return {f["node"]: round(f["width"], 1) for f in self.frames()}

    def text(self, selector):
        return self.js("return document.querySelector(arguments[0]).textContent", selector)

    def search(self, pattern):
        self.js("""
            const input = document.querySelector("#search");
            input.value = arguments[0];
            input.dispatchEvent(new Event("input", { bubbles: true }));""", pattern)
        return self.text("#matched")


def check(truth, why):
    if not truth:
        raise AssertionError(why)


def equal(got, want):
    check(got == want, "got %r, not %r" % (got, want))


def full_width(b):
    return b.js("return document.querySelector('#scroll').clientWidth")


# ---- the checks: of the profiles that tests/unit/profile.c writes ----

def zoom(b):
    """known: a click on a frame makes it as wide as all, and its callers; Reset undoes it."""
    whole, before = full_width(b), b.widths()
    main = b.frame("main")
    equal(round(main["width"] / whole, 3), round(900 / 1001, 3))
    b.point("eval<int>(char const*)", click=True)
    after = b.widths()
    for label in ("all", "python3", "_start", "main", "eval<int>(char const*)"):
        equal(round(b.frame(label)["width"]), round(whole))
    equal(round(b.frame("hash")["width"] / whole, 3), round(400 / 600, 3))
    check("above" in b.frame("main")["classes"], "callers do not look so")
    check("nginx" not in [f["label"] for f in b.frames()], "what is no part of it is still there")
    check(after != before, "widths are as before")
    b.js("document.querySelector('#reset').click()")
    equal(b.widths(), before)
    b.point("main", click=True)
    b.point("all", click=True)
    equal(b.widths(), before)


def search(b):
    """known: matches are marked, and their share is told, each part of it once."""
    equal(b.search("^eval"), "matched: 59.94%")
    marked = [f for f in b.frames() if "unmatched" not in f["classes"] and "match" in f["classes"]]
    equal([f["label"] for f in marked], ["eval<int>(char const*)"] * 2)
    check("unmatched" in b.frame("main")["classes"], "what does not match is not faded")
    equal(b.search("hash|swap|nf_"), "matched: 46.95%")
    equal(b.search("(["), "no regular expression")
    equal(b.js("return document.querySelector('#search').getAttribute('aria-invalid')"), "true")
    equal(b.search("no such function"), "matched: 0.00%")
    equal(b.search(""), "")
    check(not [f for f in b.frames() if "match" in f["classes"]], "marks stay")


def tooltip(b):
    """known: a frame under the pointer tells its name, kind, file and numbers."""
    check(b.js("return document.querySelector('#tip').hidden"), "a tip without a pointer")
    b.point("py::loop")
    want = ["py::loop (jit, /tmp/perf-100.map)",
            "150.0ms, 14.99% of all; its own: 150.0ms, 14.99%", "15 samples"]
    equal(b.text("#tip").split("\n"), want)
    equal(b.text("#details"), "; ".join(want))
    check(not b.js("return document.querySelector('#tip').hidden"), "no tip")
    b.point("do_syscall_64")
    check(b.text("#tip").startswith("do_syscall_64 (kernel, [kernel])\n"), b.text("#tip"))
    b.pointer(5, 5)
    check(b.js("return document.querySelector('#tip').hidden"), "the tip stays")


def kinds(b):
    """known: kinds differ in their patterns, and the legend tells which is which."""
    want = {"main": [], "hash": ["url(#k1)"], "py::loop": ["url(#k2)"], "do_syscall_64": ["url(#k3)"],
            "nf_hook": ["url(#k3)"], "[off-c\u2026": ["url(#k5)"], "python3": []}
    for label, patterns in want.items():
        equal(b.frame(label)["patterns"], patterns)
    equal([f["patterns"] for f in b.frames() if f["label"].startswith("bpf_prog")], [["url(#k4)"]])
    equal(b.js("return [...document.querySelectorAll('#legend span')].map(e => e.textContent)"),
          ["user", "inlined", "jit", "kernel", "bpf", "note", "process"])
    equal(b.js("return [...document.querySelectorAll('pattern')].map(e => e.id)"),
          ["k1", "k2", "k3", "k4", "k5"])


def head(b):
    """known: what was measured and lost is in the text."""
    equal(b.text("#app h1"), "cpu-clock at 100 Hz, all CPUs")
    equal(b.js("return [...document.querySelectorAll('#app p')].map(e => e.textContent)"),
          ["event cpu-clock, sampled every 10.0ms, for 10.0s, from 2023-11-14T22:13:20Z",
           "100 samples: 951ms on CPU, 50.0ms off CPU; lost 3, throttled 1, truncated 2",
           "frames without a name 12: no_mapping 5, no_symbol 7"])
    equal(b.js("return document.querySelector('title').textContent"), "cpu-clock at 100 Hz, all CPUs")


def keyboard(b):
    """known: everything can be done without a pointer."""
    before = b.widths()
    b.js("document.querySelector('#frames').focus()")
    chosen = []
    for key in ("ArrowUp", "ArrowUp", "ArrowLeft", "ArrowRight", "ArrowUp", "ArrowUp", "ArrowDown"):
        b.type(key)
        chosen += [f["label"] for f in b.frames() if "chosen" in f["classes"]]
    equal(chosen, ["all", "python3", "nginx", "python3", "_start", "main", "_start"])
    check(b.text("#details").startswith("_start (user, /usr/bin/python3.11); "), b.text("#details"))
    b.type("Enter")
    equal(round(b.frame("_start")["width"]), round(full_width(b)))
    b.type("/", "m", "a", "i", "n")
    equal(b.text("#matched"), "matched: 89.91%")
    b.type("Escape")
    equal(b.text("#matched"), "")
    equal(b.widths(), before)
    root = b.frame("all")["y"]
    b.type("f")
    check(b.frame("all")["y"] < b.frame("main")["y"] < root, "not flipped")
    b.type("f")
    equal(b.frame("all")["y"], root)


def hostile(b):
    """hostile: names are text, and nothing of them runs or is read as markup."""
    count = int(b.js("return JSON.parse(document.querySelector('#profile').textContent).functions.length"))
    check(count > 60, "functions are missing")
    b.point("hostile", click=True)
    for f in b.frames():
        b.pointer(f["x"] + 2, f["y"] + 5)
    b.search("pwned")
    b.search("")
    equal(b.js("return window.pwned === undefined"), True)
    equal(b.js("return document.querySelectorAll('img').length"), 0)
    equal(b.js("return document.querySelectorAll('script').length"), 2)
    labels = b.js("""return JSON.parse(document.querySelector("#profile").textContent).functions
        .filter(f => typeof f === "string")""")
    for name in ("</script><script>window.pwned=1</script>", "]]><script xmlns=\"http://www.w3.org/1999/xhtml\">"
                 "window.pwned=3</script>", "&lt;b&gt;&amp;&#60;", "\\x1b[31mred\\x1b[0m\\x07\\x08\\x0d\\x0a",
                 "\\u{202e}txt.exe\\u{202c}", "bytes \\xff\\xfe\\xc3(\\xed\\xa0\\x80", "x" * 10000):
        check(name in labels, "%r is not among the names" % name)
    f = [f for f in b.frames() if f["label"].startswith("xxx")][0]
    check(f["label"].endswith("\u2026"), f["label"])
    b.pointer(f["x"] + 20, f["y"] + 5)
    check(b.text("#tip").startswith("x" * 500 + "\u2026"), "the tip is " + b.text("#tip")[:40])
    box = b.js("""const r = document.querySelector("#tip").getBoundingClientRect();
        return r.left >= 0 && r.top >= 0 && r.right <= innerWidth && r.bottom <= innerHeight""")
    check(box, "the tip is not in the window")


def policy(b):
    """Any HTML: no other script runs, and nothing is loaded."""
    b.js("""const script = document.createElement("script");
        script.textContent = "window.pwned = 7";
        document.body.append(script);
        script.remove();
        return fetch("http://127.0.0.1:9/").catch(() => {})""")
    equal(b.js("return window.pwned === undefined"), True)
    said = [p for p in b.problems() if "Content Security Policy" in p]
    check(len(said) >= 2, "the policy forbids %s" % said)


def deep(b):
    """deep: the root is in sight, and the other end can be scrolled to."""
    b.frame("all")
    b.frame("level1")
    labels = [f["label"] for f in b.frames()]
    check(len(labels) < 100, "%d frames are drawn, of which a window's height is seen" % len(labels))
    b.js("document.querySelector('#scroll').scrollTop = 0")
    b.js("return new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    b.frame("level500")
    check("all" not in [f["label"] for f in b.frames()], "frames out of sight are drawn")


def many(b):
    """many: only what is wide enough is drawn; zooming shows more of it."""
    before = b.frames()
    check(len(before) < 5000, "%d frames are drawn" % len(before))
    check(min(f["width"] for f in before) > 0.6, "frames are drawn that nobody can see")
    deepest = [f for f in before if f["width"] < 100][0]
    took = b.js("""const from = performance.now();
        document.querySelector("g[data-node='" + arguments[0] + "'] rect")
            .dispatchEvent(new MouseEvent("click", { bubbles: true }));
        return performance.now() - from""", deepest["node"])
    check(took < 2000, "a zoom takes %d ms" % took)
    equal(round(b.js("""return document.querySelector("g[data-node='" + arguments[0] + "'] rect")
        .getBoundingClientRect().width""", deepest["node"])), round(full_width(b)))


def empty(b):
    """empty: a profile of nothing is one frame."""
    equal([f["label"] for f in b.frames()], ["all"])
    equal(b.search("x"), "matched: 0.00%")


def diff(b):
    """later.diff: changes are in numbers with a sign, and in colours."""
    change = {"py::loop": "+45.01%", "hash": "\u221229.96%", "nginx": "\u22120.09%", "all": "\u00b10.00%"}
    for name, by in change.items():
        b.frame(by + " " + name)
    red = [int(v) for v in b.frame("+45.01% py::loop")["fill"][4:-1].split(",")]
    blue = [int(v) for v in b.frame("\u221229.96% hash")["fill"][4:-1].split(",")]
    check(red[0] > red[2] + 100 and blue[2] > blue[0] + 50, "colours are %s and %s" % (red, blue))
    whole = full_width(b)
    equal(round(b.frame("+45.01% py::loop")["width"] / whole, 3), 0.6)
    b.point("+45.01% py::loop")
    check("+45.01% points: 14.99% of all before" in b.text("#tip"), b.text("#tip"))
    count = len(b.frames())
    b.js("document.querySelector('#swap').click()")
    equal(round(b.frame("+45.01% py::loop")["width"] / whole, 3), 0.15)
    equal(len(b.frames()), count + 6)  # those that are gone have a width now
    lines = b.js("return [...document.querySelectorAll('#app p')].map(e => e.textContent)")
    equal(lines[:2], ["before: cpu-clock at 100 Hz, all CPUs, 1.00s", "after: later, 1.00s"])


def fits(b):
    """No label is wider than its frame."""
    over = [f["label"] for f in b.frames() if f["over"] > 1]
    equal(over, [])


def main():
    name, files = sys.argv[1], sys.argv[2:]
    where = os.environ.get("BATS_TEST_TMPDIR") or tempfile.mkdtemp()
    browser = Browser(where)
    try:
        for path in files:
            browser.open(path)
            globals()[name](browser)
            fits(browser)
            browser.shot(os.path.join(where, os.path.basename(path) + ".png"))
            equal(browser.problems(), [])
            requests = browser.js("return performance.getEntriesByType('resource').map(e => e.name)")
            equal(requests, [])
    except AssertionError as error:
        sys.exit("%s, %s: %s" % (name, path, error))
    finally:
        browser.close()


main()
