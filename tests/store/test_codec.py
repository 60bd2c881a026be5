"""The stored bytes: canonical, read for ever, and refused where they could not be either."""

from __future__ import annotations

import json
from datetime import date
from hashlib import sha256
from typing import Any, get_args
from unicodedata import normalize
from uuid import UUID, uuid4

import msgspec
import pytest
import rfc8785
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import inspect

from ledger.domain import facts as f
from ledger.domain.history import Entry
from ledger.store import codec
from tests.golden.samples import FOLDER, SAMPLES, stored

FEW = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
TEXT = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=40)


def _texts(info: inspect.StrType) -> st.SearchStrategy[str]:
    if info.pattern is not None:
        return st.from_regex(info.pattern).filter(
            lambda t: len(t) <= (info.max_length or 500) and "\x00" not in t
        )
    return TEXT.filter(lambda text: len(text) >= (info.min_length or 0))


def _values(info: inspect.Type) -> st.SearchStrategy[Any]:  # noqa: C901, PLR0911  # a table
    """Values of a msgspec type, within its bounds."""
    match info:
        case inspect.Metadata():
            return _values(info.type)
        case inspect.UnionType():
            return st.one_of([_values(one) for one in info.types])
        case inspect.NoneType():
            return st.none()
        case inspect.BoolType():
            return st.booleans()
        case inspect.StrType():
            return _texts(info)
        case inspect.IntType():
            return st.integers(info.ge, (info.lt or 2**53) - 1)
        case inspect.UUIDType():
            return st.uuids()
        case inspect.DateType():
            return st.dates(date(1900, 1, 1), date(2199, 12, 31))
        case inspect.LiteralType():
            return st.sampled_from(info.values)
        case inspect.VarTupleType():
            sizes = {"min_size": info.min_length or 0, "max_size": 3}
            return st.lists(_values(info.item_type), **sizes).map(tuple)
        case inspect.DictType():
            return st.dictionaries(_values(info.key_type), _values(info.value_type), max_size=3)
        case inspect.StructType():
            fields = {field.name: _values(field.type) for field in info.fields}
            return st.builds(info.cls, **fields)
    raise TypeError(info)


FACTS = st.sampled_from(sorted(f.FACTS)).flatmap(
    lambda topic: _values(inspect.type_info(f.FACTS[topic]))
)


def _entry(fact: f.Fact, **more: Any) -> Entry:
    envelope: dict[str, Any] = {
        "position": 7,
        "version": 2,
        "stream": uuid4(),
        "source": "urn:test",
        "id": "1",
        "actor": "key:1",
        "recorded_at": "2026-11-22T10:00:00.000001Z",
    }
    return Entry(**(envelope | more), fact=fact)


@FEW
@given(FACTS)
def test_a_facts_bytes_are_what_rfc8785_makes_of_them(fact: f.Fact) -> None:
    _, canonical = codec.decode_fact(fact.topic, msgspec.json.encode(fact))
    assert canonical == rfc8785.dumps(json.loads(canonical))


@FEW
@given(FACTS, TEXT, TEXT, st.none() | TEXT, st.integers(1, 2**53 - 1))
def test_a_leafs_bytes_are_what_rfc8785_makes_of_them(
    fact: f.Fact, id: str, source: str, cause: str | None, position: int
) -> None:
    entry = _entry(
        fact, id=id, source=source, causation=cause, correlation=cause, position=position
    )
    leaf = codec.leaf(entry, codec.canonical(fact))
    assert leaf == rfc8785.dumps(json.loads(leaf))


@FEW
@given(FACTS, TEXT, st.none() | TEXT)
def test_a_leaf_reads_as_the_entry_it_was_made_of(fact: f.Fact, id: str, cause: str | None) -> None:
    entry = _entry(fact, id=id, causation=cause)
    assert codec.decode_leaf(codec.leaf(entry, codec.canonical(fact))) == entry


@FEW
@given(TEXT.filter(bool))
def test_text_is_kept_in_composed_form(text: str) -> None:
    name = normalize("NFC", text)
    data = {"organisation_id": str(uuid4()), "name": text, "effective_on": "2020-01-01"}
    fact, canonical = codec.decode_fact("organisation.renamed.v1", json.dumps(data).encode())
    assert isinstance(fact, f.OrganisationRenamed)
    assert fact.name == name
    assert json.loads(canonical)["name"] == name


def test_an_escaped_letter_does_not_compose_with_what_follows_it() -> None:
    data = {"cluster": "rail", "name": "a\n\u0301b", "effective_on": "2020-01-01"}
    fact, _ = codec.decode_fact("cluster.renamed.v1", json.dumps(data).encode())
    assert isinstance(fact, f.ClusterRenamed)
    assert fact.name == "a\n\u0301b"


def test_text_without_the_null_character_only() -> None:
    data = b'{"cluster":"rail","name":"%b","effective_on":"2020-01-01"}'
    with pytest.raises(codec.InvalidFact, match=r"U\+0000"):
        codec.decode_fact("cluster.renamed.v1", data % rb"a\u0000b")
    fact, _ = codec.decode_fact("cluster.renamed.v1", data % rb"a\\u0000b")
    assert isinstance(fact, f.ClusterRenamed)
    assert fact.name == r"a\u0000b"


def test_every_integer_of_every_fact_has_a_bound_below_2_to_the_53() -> None:
    def integers(info: inspect.Type) -> list[inspect.IntType]:
        match info:
            case inspect.IntType():
                return [info]
            case inspect.Metadata():
                return integers(info.type)
            case inspect.UnionType():
                return [i for one in info.types for i in integers(one)]
            case inspect.VarTupleType():
                return integers(info.item_type)
            case inspect.StructType():
                return [i for field in info.fields for i in integers(field.type)]
        return []

    found = [i for cls in f.FACTS.values() for i in integers(inspect.type_info(cls))]
    assert len(found) >= 9
    assert all(i.ge == 0 and i.lt is not None and i.lt <= 2**53 for i in found)


@pytest.mark.parametrize(
    "wrong", ["9007199254740992", "18446744073709551616", "1.0", "1e400", "-1"]
)
def test_an_amount_is_an_integer_that_json_keeps(wrong: str) -> None:
    template = '{"project_id":"%s","volume_cents":%s,"grant_cents":0,"effective_on":"2020-01-01"}'
    with pytest.raises(codec.InvalidFact):
        codec.decode_fact("project.approved.v1", (template % (uuid4(), wrong)).encode())
    codec.decode_fact("project.approved.v1", (template % (uuid4(), 2**53 - 1)).encode())


@pytest.mark.parametrize(
    ("data", "pointer"),
    [
        ({"cluster": "Rail"}, "/data/cluster"),
        ({"cluster": "rail\n"}, "/data/cluster"),
        ({"name": "x" * 501}, "/data/name"),
        ({"name": None}, "/data/name"),
        ({"effective_on": "2020-02-30"}, "/data/effective_on"),
        ({"effective_on": "10000-01-01"}, "/data/effective_on"),
        ({"effective_on": "infinity"}, "/data/effective_on"),
        ({"note_ref": "none"}, "/data/note_ref"),
        ({"surprise": 1}, "/data"),
    ],
)
def test_a_malformed_field_is_named(data: dict[str, object], pointer: str) -> None:
    good = {"cluster": "rail", "name": "Rail", "effective_on": "2020-01-01"}
    with pytest.raises(codec.InvalidFact) as caught:
        codec.decode_fact("cluster.renamed.v1", json.dumps(good | data).encode())
    assert (caught.value.code, caught.value.pointer) == ("invalid_fact", pointer)


@pytest.mark.parametrize("data", [b"{", b"\xff", b'{"a":"\\ud800"}', b"[" * 2000, b"NaN", b""])
def test_what_is_no_json_is_refused(data: bytes) -> None:
    with pytest.raises(codec.InvalidFact):
        codec.decode_fact("cluster.renamed.v1", data)


def test_an_unknown_type_is_refused() -> None:
    with pytest.raises(codec.InvalidFact) as caught:
        codec.decode_fact("cluster.exploded.v1", b"{}")
    assert caught.value.code == "unknown_type"


def test_a_parameter_of_a_report_has_a_plain_name() -> None:
    data = SAMPLES["report.published.v1"] | {"parameters": {"Größe": "x"}}
    with pytest.raises(codec.InvalidFact):
        codec.decode_fact("report.published.v1", json.dumps(data).encode())


def test_null_and_left_out_have_the_same_bytes() -> None:
    there = {"activity_id": str(uuid4()), "person_ref": str(uuid4())}
    bare = codec.decode_fact("attendance.recorded.v1", json.dumps(there).encode())
    null = codec.decode_fact(
        "attendance.recorded.v1", json.dumps(there | {"organisation_id": None}).encode()
    )
    assert bare == null
    assert b"null" not in null[1]


# Stored facts are read for ever


def _golden(topic: str) -> tuple[bytes, str]:
    content = json.loads((FOLDER / f"{topic}.json").read_text("utf-8"))
    return content["leaf"].encode(), content["sha256"]


def test_every_topic_has_its_golden_file() -> None:
    assert {path.name for path in FOLDER.glob("*.json")} >= {f"{topic}.json" for topic in f.FACTS}
    assert set(SAMPLES) == set(f.FACTS)


@pytest.mark.parametrize("topic", sorted(path.stem for path in FOLDER.glob("*.json")))
def test_a_stored_fact_is_still_read(topic: str) -> None:
    leaf, digest = _golden(topic)
    assert sha256(leaf).hexdigest() == digest
    entry = codec.decode_leaf(leaf)
    assert (entry.position, entry.version, entry.id) == (42, 3, "list-7/4")
    if topic in SAMPLES:
        assert entry.fact.topic == topic
        assert json.loads(leaf)["data"] == SAMPLES[topic]
        assert codec.leaf(entry, codec.canonical(entry.fact)) == leaf == stored(topic)


def test_topics_are_closed_lower_case_and_versioned() -> None:
    from re import fullmatch

    assert all(fullmatch(r"[a-z_]+\.[a-z_]+\.v[0-9]+", topic) for topic in f.FACTS)
    assert all(cls.topic == topic for topic, cls in f.FACTS.items())
    with pytest.raises(ValueError, match="is taken"):
        f.fact("cluster.closed.v1")(f.ClusterClosed)


def test_an_unknown_topic_in_the_book_raises() -> None:
    leaf, _ = _golden("cluster.closed.v1")
    with pytest.raises(codec.UnknownTopic, match=r"cluster\.exploded\.v1"):
        codec.decode_leaf(leaf.replace(b"cluster.closed.v1", b"cluster.exploded.v1"))


def test_an_old_fact_is_read_as_its_newest_version() -> None:
    leaf, _ = _golden("cluster.renamed.v1")
    old = leaf.replace(b"cluster.renamed.v1", b"cluster.titled.v1").replace(b'"name"', b'"titel"')

    def first(data: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        return "cluster.titled.v2", {"title": data.pop("titel"), **data}

    def second(data: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        return "cluster.renamed.v1", {"name": data.pop("title"), **data}

    upcasts = {"cluster.titled.v1": first, "cluster.titled.v2": second}
    entry = codec.decode_leaf(old, upcasts)
    assert entry.fact == f.ClusterRenamed(
        cluster="bahn", name="Bahn", effective_on=date(2024, 12, 31)
    )
    with pytest.raises(codec.UnknownTopic):
        codec.decode_leaf(old)


def test_an_upcast_may_replace_a_topic_that_is_still_registered() -> None:
    leaf, _ = _golden("cluster.closed.v1")

    def renamed(data: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        return "cluster.renamed.v1", {"name": "closed", **data}

    entry = codec.decode_leaf(leaf, {"cluster.closed.v1": renamed})
    assert isinstance(entry.fact, f.ClusterRenamed)


def test_the_idempotency_key_tells_source_and_id_apart() -> None:
    assert codec.event_key("a", "b") != codec.event_key("b", "a")
    digest = sha256(b"urn:app\n1").digest()
    assert codec.event_key("urn:app", "1") == UUID(bytes=digest[:16])


def test_the_vocabulary_of_the_programme_is_what_facts_take() -> None:
    from ledger.domain.vocabulary import EndCause, SizeClass

    assert set(get_args(SizeClass)) == {"micro", "small", "medium", "large", "sme"}
    assert "merged" in get_args(EndCause)
