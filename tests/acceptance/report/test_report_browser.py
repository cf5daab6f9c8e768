"""The page in a browser: nothing asked of a network, nothing on the console, nothing cut off."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from sparkify import Warehouse
from sparkify.analytics import level_changes, match_quality, plays_by, top_songs, totals, trending_artists
from sparkify.generate import generate

pytest.importorskip("jinja2", reason="the extra report is not installed")

from sparkify.report import build

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(PROGRAM is None, reason="there is no Chromium on this machine")

WIDTHS = (320, 375, 414, 768, 1024, 1280, 1920)
SCHEMES = ("light", "dark")

# Chromium reads commands from descriptor 3 and answers on 4; each message ends in a zero byte.
_ON_PIPES = (
    "import os, sys\n"
    "given = [os.dup(int(one)) for one in sys.argv[1:3]]\n"
    "spare = [os.dup(one) if one in (3, 4) else one for one in given]\n"
    "os.dup2(spare[0], 3)\n"
    "os.dup2(spare[1], 4)\n"
    "os.execv(sys.argv[3], sys.argv[3:])\n"
)
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
)


class Browser:
    """A Chromium without a window, told what to do over a pipe (the Chrome DevTools Protocol)."""

    def __init__(self, program: str, profile: Path) -> None:
        command_read, command_write = os.pipe()
        answer_read, answer_write = os.pipe()
        by_pipes = [sys.executable, "-c", _ON_PIPES, str(command_read), str(answer_write)]
        self._process = subprocess.Popen(
            [*by_pipes, program, *_FLAGS, f"--user-data-dir={profile}"],
            pass_fds=(command_read, answer_write),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(command_read)
        os.close(answer_write)
        self._commands = os.fdopen(command_write, "wb", buffering=0)
        self._answers = os.fdopen(answer_read, "rb", buffering=0)
        self._unread = b""
        self._number = 0
        self._session: str | None = None
        self.events: list[dict[str, Any]] = []
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.send(f"{domain}.enable")

    def close(self) -> None:
        self._commands.close()
        self._answers.close()
        self._process.terminate()
        self._process.wait(timeout=30)

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Carry out one command, and return its result."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        self._commands.write(json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("id") == self._number:
                assert "error" not in answer, (method, answer)
                return answer["result"]
            self.events.append(answer)

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._unread:
            some = self._answers.read(1 << 16)
            assert some, "the browser has gone"
            self._unread += some
        message, _, self._unread = self._unread.partition(b"\0")
        return json.loads(message)

    def show(self, page: Path, *, width: int, scheme: str, height: int = 900) -> None:
        """Open a page in a window of this width, for a reader who wants light or dark."""
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        self.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.events.clear()
        self.send("Page.navigate", url=page.as_uri())
        while not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            self.events.append(self._read())

    def value(self, expression: str) -> Any:
        """What an expression of JavaScript gives."""
        result = self.send("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def screenshot(self) -> bytes:
        """The whole page as PNG."""
        image = self.send("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        return base64.b64decode(image["data"])


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    assert PROGRAM is not None
    browser = Browser(PROGRAM, tmp_path_factory.mktemp("profile"))
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    folder = tmp_path_factory.mktemp("made")
    data = generate(folder / "data", events=8000, songs=300, days=45, seed=9)
    with Warehouse(f"duckdb:///{folder / 'made.duckdb'}") as warehouse:
        warehouse.load(log_data=data.log_data, song_data=data.song_data)
        # All who are generated registered before the first day. Here one of three did with the first play.
        with warehouse.engine.begin() as connection:
            connection.exec_driver_sql(
                "UPDATE users SET registered_at = first_play FROM "
                "(SELECT user_id AS listener, min(start_time) AS first_play FROM songplays GROUP BY user_id) "
                "WHERE user_id = listener AND user_id % 3 = 0"
            )
        yield warehouse


@pytest.fixture(scope="module")
def page(made: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of the generated data, with the harshest name that a log may bring."""
    path = tmp_path_factory.mktemp("page") / "report.html"
    html = build(made)
    longest = next(row.artist for row in made.query(top_songs(limit=1)))
    path.write_text(html.replace(f">{longest}<", f">{'Donaudampfschifffahrt' * 9}<"), encoding="utf-8")
    return path


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_asked_nothing_is_complained_of_nothing_sticks_out(
    browser: Browser, page: Path, width: int, scheme: str
) -> None:
    browser.show(page, width=width, scheme=scheme)
    requests = [
        event["params"]["request"]["url"]
        for event in browser.events
        if event["method"] == "Network.requestWillBeSent"
    ]
    assert requests == [page.as_uri()]
    told = [
        event
        for event in browser.events
        if event["method"] in ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded")
    ]
    assert told == []
    assert browser.value("document.documentElement.scrollWidth") == width
    # What scrolls by itself may hold more than it shows; what is for screen readers alone is one pixel wide.
    sticking_out = browser.value(
        """[...document.querySelectorAll('body *')]
        .filter(one => !one.closest('pre, .scroll, .unseen') && one.getBoundingClientRect().width > 0)
        .filter(one => one.getBoundingClientRect().right > innerWidth + 0.5)
        .map(one => one.outerHTML.slice(0, 90))"""
    )
    assert sticking_out == []
    cut_off = browser.value(
        """[...document.querySelectorAll('th, td, h1, h2, dd, dt, p')]
        .filter(one => !one.closest('.heat') && one.clientWidth && one.scrollWidth > one.clientWidth + 1)
        .map(one => one.outerHTML.slice(0, 90))"""
    )
    assert cut_off == []


def test_an_open_text_of_sql_scrolls_and_does_not_widen_the_page(browser: Browser, page: Path) -> None:
    browser.show(page, width=390, scheme="light")
    browser.value("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert browser.value("document.documentElement.scrollWidth") == 390
    assert browser.value(
        "document.querySelector('pre').scrollWidth > document.querySelector('pre').clientWidth"
    )


CONTRASTS = """
(() => {
  const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const rgb = colour => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = ([r, g, b]) => [r, g, b].map(c => c / 255)
    .map(c => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, n) => sum + c * [0.2126, 0.7152, 0.0722][n], 0);
  const behind = one => {
    for (; one; one = one.parentElement) {
      const colour = rgb(getComputedStyle(one).backgroundColor);
      if (colour[3] === 255) return colour;
    }
    return [255, 255, 255, 255];
  };
  const found = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const one = walk.currentNode.parentElement;
    if (!walk.currentNode.data.trim() || !one.getClientRects().length) continue;
    // The last two stand below and above the column that they are in.
    if (one.closest('.unseen, pre, .days b, .days i')) continue;
    const [a, b] = [light(rgb(getComputedStyle(one).color)), light(behind(one))];
    found.push([(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), walk.currentNode.data.trim()]);
  }
  return found;
})()
"""


@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_text_stands_out_from_what_is_behind_it(browser: Browser, page: Path, scheme: str) -> None:
    """4.5 to 1 at least: WCAG 2, level AA."""
    browser.show(page, width=1600, scheme=scheme)
    found = browser.value(CONTRASTS)
    assert len(found) > 400
    assert [one for one in found if one[0] < 4.49] == []


def test_light_and_dark_are_two_pages(browser: Browser, page: Path) -> None:
    seen = {}
    for scheme in SCHEMES:
        browser.show(page, width=820, scheme=scheme)
        seen[scheme] = browser.value("getComputedStyle(document.body).backgroundColor")
    assert seen == {"light": "rgb(251, 250, 248)", "dark": "rgb(18, 20, 23)"}


def texts(browser: Browser, selector: str) -> list[str]:
    found: list[str] = browser.value(
        f"[...document.querySelectorAll({json.dumps(selector)})].map(one => one.innerText)"
    )
    return found


def test_the_numbers_seen_are_those_of_the_queries(browser: Browser, made: Warehouse, page: Path) -> None:
    span: dict[str, Any] = {"since": date(2018, 11, 16), "until": date(2018, 12, 16)}
    browser.show(page, width=1600, scheme="light")
    totaled = made.query(totals(**span)).one()
    assert texts(browser, ".value")[:2] == [f"{totaled.plays:,}", f"{totaled.listeners:,}"]
    songs = made.query(top_songs(**span)).records()
    assert texts(browser, ".songs .name") == [song["title"] for song in songs]
    assert texts(browser, ".songs td:nth-child(4)") == [f"{song['plays']:,}" for song in songs]
    trending = made.query(trending_artists(until=span["until"])).records()
    assert texts(browser, ".trending td:nth-child(3)") == [f"{row['plays_before']:,}" for row in trending]
    assert texts(browser, ".trending td:nth-child(4)") == [f"{row['plays']:,}" for row in trending]
    groups = [row for name in ("level", "gender") for row in made.query(plays_by(name, **span)).records()]
    assert texts(browser, ".groups td:nth-child(4)") == [f"{row['plays']:,}" for row in groups]
    changes = made.query(level_changes(**span)).records()
    assert texts(browser, ".funnel td:nth-child(3)") == [f"{row['changed']:,}" for row in changes]
    match = made.query(match_quality(**span)).records()
    assert texts(browser, ".match td:nth-child(2)") == [f"{row['plays']:,}" for row in match]
    assert browser.value("document.querySelectorAll('.days li').length") == 30
    assert browser.value("document.querySelectorAll('.heat tbody td[style]').length") == 168


def test_what_a_screen_reader_says(browser: Browser, page: Path) -> None:
    browser.show(page, width=390, scheme="light")
    tree = browser.send("Accessibility.getFullAXTree")["nodes"]

    def named(role: str) -> list[str]:
        return [node["name"]["value"] for node in tree if node.get("role", {}).get("value") == role]

    assert len(named("main")) == 1
    assert len(named("heading")) == len([name for name in named("heading") if name]) >= 9
    assert set(named("table")) >= {
        "Plays an hour by weekday and hour",
        "Most played songs",
        "Groups of listeners",
    }
    assert all(name.startswith("Plays by day; most on ") for name in named("image"))
    # Also where a cell is too small to show it, its number is said, and whose it is.
    cells = [name for name in named("cell") + named("gridcell") if name]
    assert len(cells) > 168
    assert "Monday" in named("rowheader")
    assert len(named("listitem")) >= 30


@pytest.mark.parametrize("width", [width for width in WIDTHS if width < 800])
def test_hours_of_the_week_show_their_numbers_on_a_telephone(browser: Browser, page: Path, width: int) -> None:
    browser.show(page, width=width, scheme="light")
    cells = browser.value(
        """[...document.querySelectorAll('.heat tbody td[style]')].map(one => {
            const text = document.createRange(); text.selectNodeContents(one);
            const [inner, outer] = [text.getBoundingClientRect(), one.getBoundingClientRect()];
            const size = parseFloat(getComputedStyle(one).fontSize);
            return [one.innerText, one.title, inner.width, outer.width, size];
        })"""
    )
    assert len(cells) == 168
    for text, title, inner, outer, size in cells:
        assert text
        assert re.fullmatch(r"\w+day \d+:00: [\d.,]+ plays an hour, [\d,]+ in \d+ hours?", title)
        assert (0 < inner <= outer, size >= 9) == (True, True), (text, inner, outer, size)
    assert texts(browser, ".legend")[0].split() == ["0", *texts(browser, ".legend span")[1].split()]


def test_sections_side_by_side_are_about_as_high(browser: Browser, page: Path) -> None:
    browser.show(page, width=1280, scheme="light")
    pairs = browser.value(
        """(() => {
            const rows = {};
            for (const one of document.querySelectorAll('main > section:not(.wide, .figures)')) {
                const top = Math.round(one.getBoundingClientRect().top);
                (rows[top] ||= []).push(one.lastElementChild.getBoundingClientRect().bottom - top);
            }
            return Object.values(rows);
        })()"""
    )
    assert [len(pair) for pair in pairs] == [2, 2, 2]
    assert [pair for pair in pairs if min(pair) < 0.6 * max(pair)] == []


@pytest.mark.parametrize("width", [768, 1024, 1280])
def test_groups_devices_and_places_leave_no_column_empty(browser: Browser, page: Path, width: int) -> None:
    browser.show(page, width=width, scheme="light")
    places = browser.value(
        """[...document.querySelector('.thirds').children].map(one => {
            const {left, right, top, bottom} = one.getBoundingClientRect();
            const heights = [...one.children].map(child => child.getBoundingClientRect().bottom);
            return [left, right, top, Math.max(...heights) - top];
        })"""
    )
    left = min(place[0] for place in places)
    right = max(place[1] for place in places)
    for row in {place[2] for place in places}:
        beside = [place for place in places if place[2] == row]
        assert (min(place[0] for place in beside), max(place[1] for place in beside)) == (left, right)
        assert min(place[3] for place in beside) > 0.6 * max(place[3] for place in beside)


def test_footer_is_never_alone_on_a_page_in_print(browser: Browser, page: Path) -> None:
    """It belongs to a section that is not broken, and fits on a page of A4 or Letter."""
    # Of Letter: 8.5 inches less margins of 13 mm, at 96 pixels an inch.
    browser.show(page, width=717, scheme="light")
    browser.send("Emulation.setEmulatedMedia", media="print", features=[])
    inside, height, tables = browser.value(
        """(() => {
            const section = document.querySelector('footer').closest('section');
            if (!section) return ['auto', 0, 0];
            const {height} = section.getBoundingClientRect();
            return [getComputedStyle(section).breakInside, height, section.querySelectorAll('table').length];
        })()"""
    )
    browser.send("Emulation.setEmulatedMedia", media="", features=[])
    assert (inside, tables) == ("avoid", 3)
    assert 0 < height < 700


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", [WIDTHS[0], WIDTHS[-1]])
def test_axe_finds_no_violation(browser: Browser, page: Path, width: int, scheme: str) -> None:
    axe = os.environ.get("AXE_CORE")
    if not axe:
        pytest.skip("AXE_CORE does not name axe.min.js, of the package axe-core of npm")
    browser.show(page, width=width, scheme=scheme)
    browser.value("document.querySelectorAll('details').forEach(one => one.open = true)")
    browser.value(Path(axe).read_text(encoding="utf-8"))
    run = "axe.run().then(found => found.violations.map(one => [one.id, one.nodes[0].html.slice(0, 90)]))"
    found = browser.send("Runtime.evaluate", expression=run, awaitPromise=True, returnByValue=True)
    assert found["result"]["value"] == []


def test_it_prints(browser: Browser, page: Path) -> None:
    browser.show(page, width=1600, scheme="dark")
    printed = base64.b64decode(browser.send("Page.printToPDF", printBackground=False)["data"])
    assert printed.startswith(b"%PDF")
    pages = len(re.findall(rb"/Type /Page\b(?!s)", printed))
    assert 1 <= pages <= 4
    browser.send("Emulation.setEmulatedMedia", media="print", features=[])
    assert browser.value("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert browser.value("document.querySelector('summary').getClientRects().length") == 0
    browser.send("Emulation.setEmulatedMedia", media="", features=[])
