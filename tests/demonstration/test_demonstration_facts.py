"""The demonstration's facts: lawful, canonical, and the same bytes each time."""

import hashlib
import tracemalloc
from collections import Counter
from datetime import date

import orjson
import pytest
from stdnum import lei
from stdnum.eu import vat

from api.demonstration import (
    CLUSTERS,
    PROGRAMME_END,
    SOURCES,
    Posted,
    Programme,
    programme,
)
from ledger.domain.facts import FACTS
from ledger.store.codec import decode_fact
from tests.demonstration.naive_rules import Rulebook, canonical_json

LATER = date(2026, 11, 22)
NEVER_POSTED = {
    "period.closed.v1",
    "report.published.v1",
    "log.key_changed.v1",
    "person.sealed.v1",
    "person.erased.v1",
}
"""Facts of the log, the vault and of filing: no cluster's app posts them."""
GOLDEN = "7380a05fa64579ff983ef65e967cc60c69044dd5faaf979800cb2dc706c35a32"
"""SHA-256 over every fact of scale 0.05, seed 1: if it changes, so did the demonstration."""


@pytest.fixture(scope="module")
def made() -> Programme:
    return programme(0.05, today=LATER)


@pytest.fixture(scope="module")
def facts(made: Programme) -> list[Posted]:
    return list(made.facts())


def digest(made: Programme) -> str:
    sha256 = hashlib.sha256()
    for fact in made.facts():
        line = (fact.id, fact.source, fact.type, fact.causation, fact.correlation, fact.group)
        sha256.update(repr(line).encode() + fact.data)
    return sha256.hexdigest()


def test_one_seed_gives_the_same_bytes_each_time_and_on_every_later_day() -> None:
    assert digest(programme(0.05, today=LATER)) == GOLDEN
    assert digest(programme(0.05, today=date(2031, 1, 1))) == GOLDEN


def test_another_seed_gives_another_history_of_the_same_size() -> None:
    one, other = programme(0.01, seed=1, today=LATER), programme(0.01, seed=2, today=LATER)
    assert digest(one) != digest(other)
    assert one.expected().companies == other.expected().companies


def test_every_fact_is_canonical_json(facts: list[Posted]) -> None:
    for fact in facts:
        data = orjson.loads(fact.data)
        assert (
            orjson.dumps(data, option=orjson.OPT_SORT_KEYS)
            == fact.data
            == canonical_json(fact.data)
        )
        assert None not in data.values()


def test_the_ledger_decodes_every_fact_to_the_same_bytes(facts: list[Posted]) -> None:
    for fact in facts:
        assert decode_fact(fact.type, fact.data)[1] == fact.data


def test_every_type_a_cluster_programme_posts_appears(facts: list[Posted]) -> None:
    assert {fact.type for fact in facts} == FACTS.keys() - NEVER_POSTED


@pytest.mark.parametrize(("scale", "seed"), [(0.05, 1), (0.01, 2), (0.03, 3)])
def test_every_fact_obeys_the_rules_at_the_moment_it_is_posted(scale: float, seed: int) -> None:
    rulebook = Rulebook(LATER)
    for command in programme(scale, seed=seed, today=LATER).commands():
        rulebook.take(command)
    assert rulebook.broken == []


def test_the_rules_would_find_a_fact_that_comes_too_early(facts: list[Posted]) -> None:
    """The control: the same facts in reverse order break rules."""
    rulebook = Rulebook(LATER)
    for fact in [one for one in reversed(facts) if "voided" not in one.type][:500]:
        rulebook.take((fact,))
    assert rulebook.broken


def test_batches_hold_every_fact_once_and_never_split_a_command(
    made: Programme, facts: list[Posted]
) -> None:
    batches = list(made.batches(97))
    assert [fact for batch in batches for fact in batch] == facts
    assert {len(batch) for batch in batches[:-1]} <= {96, 97}
    groups = [{fact.group for fact in batch} - {None} for batch in batches]
    assert sum(len(group) for group in groups) == len(set().union(*groups))


def test_a_correction_is_one_command_whose_replacement_names_its_void(made: Programme) -> None:
    corrections = [command for command in made.commands() if len(command) > 1]
    assert corrections
    for void, replacement in corrections:
        assert void.type in {"fact.voided.v1", "attendance.voided.v1"}
        assert replacement.causation == void.id


def test_the_expected_counts_are_those_of_the_facts(made: Programme, facts: list[Posted]) -> None:
    expected = made.expected()
    assert expected.facts == len(facts)
    assert expected.facts_by_type == Counter(fact.type for fact in facts)
    assert abs(made.facts_estimate - len(facts)) < len(facts) // 10


def test_seventeen_clusters_have_names_in_two_languages() -> None:
    assert len({code for code, _, _ in CLUSTERS}) == len(CLUSTERS) == 17
    assert all(german and english for _, german, english in CLUSTERS)
    assert SOURCES[0] == "https://aerospace.example/app"


def test_identifiers_have_valid_check_digits(facts: list[Posted]) -> None:
    given = [
        identifier
        for fact in facts
        if fact.type.startswith("organisation.")
        for identifier in orjson.loads(fact.data).get("identifiers", [])
    ]
    assert {identifier[:4] for identifier in given} == {"vat:", "lei:"}
    assert len(set(given)) == len(given)
    for identifier in given:
        (vat if identifier.startswith("vat:") else lei).validate(identifier[4:])


def test_no_day_lies_after_the_programmes_end(facts: list[Posted]) -> None:
    for fact in facts:
        data = orjson.loads(fact.data)
        for key in ("effective_on", "held_on", "last_day"):
            assert data.get(key, "") <= PROGRAMME_END.isoformat()


def test_facts_are_made_as_they_are_read() -> None:
    """The plan is in memory, the facts are not: reading takes a fraction of what they would."""
    tracemalloc.start()
    try:
        for _ in programme(0.1, today=LATER).chunks():
            pass
        reading_bytes = tracemalloc.get_traced_memory()[1]
        held = list(programme(0.1, today=LATER).facts())
        holding_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert held
    assert reading_bytes < holding_bytes / 3


@pytest.mark.parametrize("scale", [0, -1, float("nan")])
def test_a_scale_that_is_not_positive_is_refused(scale: float) -> None:
    with pytest.raises(ValueError, match="scale"):
        programme(scale, today=LATER)


def test_a_day_that_leaves_no_time_is_refused() -> None:
    with pytest.raises(ValueError, match="2012"):
        programme(1.0, today=date(2011, 12, 31))
