"""The pictures of docs/tour.md: `python -m tests.web.tour --output docs/tour`.

Starts `clusterledger demo --scale 0.02` on a free port in a folder of its own, walks through the
pages as each kind of user with the keys that the demonstration prints, and writes a WebP each.
"""

from __future__ import annotations

import argparse
import base64
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page

from tests.web.chromium import Scheme, Visit, running

QUALITY = 55
HEIGHT_PX = 900
"""What is cut off below is told in the text; a picture shows what one sees first."""
KEYS = {
    "operator": "an admin key for this ledger",
    "ministry": "a key for the ministry",
    "auditor": "a key for an auditor",
    "office": "a key for the cluster office of rail",
}


class Demonstration:
    """A running demonstration: where it is, and a key for each kind of user."""

    def __init__(self, said: str) -> None:
        self.base = found(r"clusterledger: (http://[\d.]+:\d+)/", said)
        self.keys = {who: found(rf"{told}: (\S+)", said) for who, told in KEYS.items()}


def found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    if match is None:
        raise SystemExit(f"The demonstration did not say {pattern!r}:\n{text}")
    return match[1]


@contextmanager
def demonstration() -> Iterator[Demonstration]:
    """Loaded and served in a folder that goes away afterwards."""
    command = [sys.executable, "-m", "api.cli.main", "demo", "--scale", "0.02", "--port", "0"]
    with tempfile.TemporaryDirectory() as folder:
        served = subprocess.Popen(
            [*command, "--data-dir", folder], stdout=subprocess.PIPE, text=True, encoding="utf-8"
        )
        assert served.stdout is not None
        try:
            said = ""
            while "clusterledger: http" not in said:
                line = served.stdout.readline()
                if not line:
                    raise SystemExit(f"The demonstration ended early:\n{said}")
                said += line
            yield Demonstration(said)
        finally:
            served.terminate()
            served.wait(60)


class Album:
    """Takes pictures of a walk and numbers nothing: a picture is named by what it shows."""

    def __init__(self, browser: Browser, demo: Demonstration, folder: Path) -> None:
        self._browser = browser
        self._demo = demo
        self._folder = folder

    def enter(
        self, who: str, language: str = "de", width: int = 1280, scheme: Scheme = "light"
    ) -> Page:
        """A page as one kind of user sees it; "" is the public."""
        locale = {"de": "de-DE", "en": "en-GB"}[language]  # how its date fields are written
        page = Visit(self._browser, width, scheme, locale=locale, reduced_motion="reduce").page
        page.set_viewport_size({"width": width, "height": HEIGHT_PX})
        page.goto(f"{self._demo.base}/{language}" + ("/sign-in" if who else ""))
        if who:
            page.fill("#key", self._demo.keys[who])
            page.locator("main form button.kern-btn--primary").click()
            page.wait_for_url(f"**/{language}")
        return page

    def go(self, page: Page, path: str) -> None:
        page.goto(self._demo.base + path)

    def take(self, page: Page, name: str) -> None:
        """Chromium's own WebP; the browser tells it only through its protocol."""
        page.evaluate("document.fonts.ready")  # a picture must not catch the fallback
        session = page.context.new_cdp_session(page)
        asked = {"format": "webp", "quality": QUALITY}
        data = session.send("Page.captureScreenshot", asked)["data"]
        (self._folder / f"{name}.webp").write_bytes(base64.b64decode(data))
        print(name, flush=True)


def public(album: Album) -> None:
    page = album.enter("")
    album.take(page, "public-overview")
    page.locator(".headline-definition a").nth(2).click()
    album.take(page, "public-definition")
    narrow = album.enter("", "en", 375, "dark")
    album.take(narrow, "public-phone-dark")


def ministry(album: Album) -> str:
    """Returns the path of the report that was filed."""
    page = album.enter("ministry")
    page.get_by_role("link", name="Berichte", exact=True).click()
    page.get_by_label("Bericht", exact=True).select_option("cluster_table")
    page.locator("#to").fill("2025-12-31")
    album.take(page, "ministry-reports")
    page.get_by_role("button", name="Ansehen").click()
    album.take(page, "ministry-preview")
    page.get_by_role("button", name="Bericht ablegen").click()
    page.get_by_role("link", name="PDF").wait_for()
    album.take(page, "ministry-filed")
    return page.url.partition("/de/")[2]


def office(album: Album) -> str:
    """Corrects a head-count that it recorded; returns the path of the activity."""
    page = album.enter("office")
    page.get_by_role("link", name="Suche", exact=True).click()
    page.get_by_label("Suchbegriff").fill("bahntechnik")
    page.get_by_role("button", name="Anzeigen").click()
    album.take(page, "office-search")
    position, activity = counted(page)
    album.go(page, f"/de/trail/{position}")
    page.get_by_role("link", name="Aufheben oder berichtigen").click()
    page.get_by_label("Berichtigen:").check()
    page.get_by_label("Grund").fill("Zahlendreher")
    count = page.get_by_label("Anzahl")
    count.fill(str(int(count.input_value()) + 9))
    page.get_by_role("button", name="Zeigen, was sich ändert").click()
    album.take(page, "office-preview")
    page.get_by_role("button", name="Verbuchen").click()
    page.wait_for_url(re.compile(r"/de/trail/\d+$"))
    album.go(page, f"/de/activities/{activity}")
    page.evaluate("document.querySelector('#story').scrollIntoView()")
    album.take(page, "office-story")
    return f"activities/{activity}"


def counted(page: Page) -> tuple[int, str]:
    """A head-count that a figure rests on: its activity has no complete list of who came."""
    root = page.url.partition("/search")[0]
    counts = page.request.get(f"{root}/trail.json?type=headcount.recorded.v1&cluster=rail").json()
    for item in counts["items"]:
        about = item["data"]["activity_id"]
        told = page.request.get(f"{root}/activities/{about}.json").json()["activity"]
        if not told["complete"] and told["total"] == item["data"]["count"] > told["named"]:
            return item["position"], about
    raise SystemExit("No head-count of the demonstration counts in a figure.")


def auditor(album: Album, filed: str, activity: str) -> None:
    page = album.enter("auditor", "en")
    album.go(page, "/en/trail?type=fact.voided.v1")
    album.take(page, "auditor-trail")
    page.locator("main table a[href*='/trail/']").first.click()
    album.take(page, "auditor-fact")
    before = int(filed.rpartition("/")[2])
    album.go(page, f"/en/{activity}?known_at={before}")
    album.take(page, "auditor-known-before")
    album.go(page, f"/en/{filed}/restatement")
    album.take(page, "auditor-restatement")


def operator(album: Album) -> None:
    page = album.enter("operator", "en", scheme="dark")
    album.go(page, "/en/operations")
    album.take(page, "operator-operations")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--output", type=Path, default=Path("docs/tour"))
    folder: Path = parser.parse_args().output
    folder.mkdir(parents=True, exist_ok=True)
    with demonstration() as demo, running() as browser:
        album = Album(browser, demo, folder)
        public(album)
        filed = ministry(album)
        activity = office(album)
        auditor(album, filed, activity)
        operator(album)


if __name__ == "__main__":
    main()
