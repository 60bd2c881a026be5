"""A page that takes long to count: it says how far it is, and comes back by itself."""

from __future__ import annotations

import asyncio
import re
import time
from datetime import date

import pytest
from aiohttp.test_utils import make_mocked_request

from api.dispatch import NOBODY
from api.pages.background import Background, Tally
from api.pages.sheet import HTML, Ask, HowFar, PageQuery, Underway
from api.web.frame import Viewer
from projections.figures.catalogue import Text
from projections.views.base import Cut
from tests.api.programme import Programme
from tests.awaiting import awaited
from tests.pages.browser import Browser

AT_ONCE = {"Prefer": "return=minimal"}


@pytest.fixture
def hurried(programme: Programme, monkeypatch: pytest.MonkeyPatch) -> Browser:
    """Whoever waits for nothing."""
    monkeypatch.setattr("api.pages.background.PATIENCE_S", 0.001)
    browser = Browser(programme.service)
    browser.sign_in(programme.service.key("figures:read", "trail:read")[0])
    return browser


def test_a_preview_says_that_it_is_counted_and_where_it_will_be(hurried: Browser) -> None:
    asked = "/en/reports/preview?report=complete&to=2018-12-31"
    status, headers, page = hurried.get(asked, **AT_ONCE)
    assert (status, headers["Retry-After"]) == (202, "1")
    assert "This page is being computed from the facts." in page
    back = re.search(r'<noscript><meta http-equiv="refresh" content="1; url=([^"]+)">', page)
    assert back is not None
    address = back[1].replace("&amp;", "&")
    assert address == f"{asked}&known_at={headers['Ledger-Position']}"
    until = time.monotonic() + 60
    while (answer := hurried.get(address, **AT_ONCE))[0] == 202:
        assert time.monotonic() < until
    assert answer[0] == 200
    assert "What this report rests on" in answer[2]


def test_programs_wait_for_what_is_counted(hurried: Browser) -> None:
    answer = hurried.get("/en/reports/preview.json?report=complete&to=2017-12-31", **AT_ONCE)
    assert answer[0] == 200


def test_a_question_that_is_refused_while_nobody_waits_is_refused_in_the_end(
    hurried: Browser,
) -> None:
    asked = "/en/reports/preview?report=cluster_table&to=2012-12-31&from=2013-12-31&known_at=9"
    until = time.monotonic() + 60
    while (answer := hurried.get(asked, **AT_ONCE))[0] == 202:
        assert time.monotonic() < until
    assert answer[0] == 422


def of_nobody() -> Ask[PageQuery]:
    cut, viewer = Cut(date(2026, 1, 1), 7), Viewer(Text("", ""), frozenset(), frozenset())
    return Ask(make_mocked_request("GET", "/"), "de", HTML, PageQuery(), cut, NOBODY, viewer)


def test_a_page_tells_the_steps_that_are_done_and_that_others_go_first() -> None:
    async def told() -> tuple[list[HowFar], int]:
        background, gate, what = Background(), asyncio.Event(), Text("", "")

        async def count(tally: Tally) -> int:
            tally.tell(3, 9)
            await gate.wait()
            return 5

        found = []
        for key in "abc":
            with pytest.raises(Underway) as underway:
                await background.of(of_nobody(), what, key, count, at=7)
            found.append(underway.value.how_far)
        gate.set()
        return found, await background.of(of_nobody(), what, "c", count)

    found, answer = awaited(told())
    assert found == [HowFar(3, 9, 0), HowFar(3, 9, 0), HowFar(0, None, 0)]
    assert answer == 5
