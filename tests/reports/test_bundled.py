"""Published reports recomputed from the facts alone: every filing, not the last of each report."""

from __future__ import annotations

from contextlib import closing
from datetime import date
from typing import Any

import pytest

from ledger.store.book import Book
from ledger.store.codec import decode_leaf
from projections.reports.apart import sparing
from projections.reports.bundled import Made, NotRecomputed, recompute
from projections.reports.catalogue import report_of
from projections.reports.compute import compute_report
from projections.reports.filing import published
from tests.figures.history import ORIGIN, History
from tests.reports.programme import joint_programme

PIPE_HOLDS = 270
"""Numbers, each with what the kernel keeps of a message, in 208 KB."""


def file(past: History, **otherwise: Any) -> int:
    """File the headline of 2018 as known now; its position."""
    past.project_all()
    made = compute_report(
        past.engine,
        report_of("cumulative_headline"),
        period_from=date(2018, 1, 1),
        period_to=date(2018, 12, 31),
        known_at=past.head,
        parameters={},
    )
    fact = published(made)
    data = {name: getattr(fact, name) for name in fact.__struct_fields__}
    data["definitions"] = [
        {"definition": d.definition, "sha256": d.sha256} for d in fact.definitions
    ]
    return past.post("report.published", **data | otherwise)


def recomputed(past: History) -> Made:
    with closing(Book(past.url)) as book:
        leaves = book.leaves(0, 10_000)
    filings = [
        (position, leaf)
        for position, leaf in enumerate(leaves, 1)
        if decode_leaf(leaf).fact.topic == "report.published.v1"
    ]
    return recompute(filings, leaves, origin=ORIGIN)


def test_progress_has_room_in_a_pipe_that_nobody_reads_yet() -> None:
    asked = range(35_000, 100_000_000, 35_000)
    told: list[int] = []
    tell = sparing(told.append)
    for done in asked:
        tell(done)
    assert len(told) < PIPE_HOLDS < len(asked)
    assert told == sorted(set(told))


def test_every_filing_is_made_again(past: History) -> None:
    joint_programme(past)
    file(past)
    past.headcount("talk", 9, "unlisted")
    file(past)
    assert recomputed(past).reports == 2


def test_an_earlier_filing_that_does_not_follow_from_the_facts_is_found(past: History) -> None:
    joint_programme(past)
    wrong = file(past, sha256="ab" * 32)
    past.headcount("talk", 9, "unlisted")
    file(past)
    with pytest.raises(NotRecomputed) as found:
        recomputed(past)
    assert found.value.position == wrong
