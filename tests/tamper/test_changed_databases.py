"""Whatever a database's owner changes, with every trigger off, is found on the spot and located.

The checkpoint was signed before the change; it lies outside the database.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path

import psycopg
import pytest

from ledger.transparency.checkpoint import Checkpoint
from ledger.transparency.note import signed
from projections import schema
from tests.projections.book_writer import ORIGIN, BookWriter, tamper
from tests.projections.histories import History
from tests.tamper.kit import assert_says
from tests.tamper.stored import KEY, copied, fill, note, problems, project, verify


@pytest.fixture(scope="module")
def original(
    server: psycopg.Connection, server_url: str, template: str
) -> Iterator[tuple[str, bytes]]:
    """The name of the database that is copied, and its checkpoint."""
    with copied(server, server_url, template) as url:
        fill(url)
        yield psycopg.conninfo.conninfo_to_dict(url)["dbname"], note(url)  # type: ignore[misc]


@pytest.fixture
def url(server: psycopg.Connection, server_url: str, original: tuple[str, bytes]) -> Iterator[str]:
    with copied(server, server_url, original[0]) as made:
        yield made


FACT = "ledger.facts WHERE notification_id"
SWAP = (
    "UPDATE ledger.facts AS a SET {0} = b.{0} FROM ledger.facts AS b WHERE"
    " (a.notification_id, b.notification_id) IN ((100, 101), (101, 100))"
)
EDIT = (
    "UPDATE ledger.facts SET state = convert_to(replace(convert_from(state, 'UTF8'),"
    " '\"v\":1', '\"v\":2'), 'UTF8') WHERE notification_id = 100"
)
REHASH = "UPDATE ledger.facts SET leaf_hash = sha256('\\x00'::bytea || state)"
INSERT = (
    "INSERT INTO ledger.facts SELECT {0}, gen_random_uuid(), 1, topic, state, leaf_hash,"
    " gen_random_uuid(), recorded_at FROM ledger.facts WHERE notification_id = 100"
)
SHIFT = "UPDATE ledger.facts SET notification_id = notification_id {0} WHERE notification_id {1}"

CHANGES: dict[str, tuple[tuple[str, ...], str]] = {
    "a byte of a leaf": ((EDIT,), "3: position 100: tile/0/000 .*fact 100: leaf_hash"),
    "a leaf with its hash": ((EDIT, REHASH), "3: position 100: tile/0/000 .*ledger.tile"),
    "a leaf with its hash and tiles": (
        (EDIT, REHASH, "DELETE FROM ledger.tile"),
        "3: The facts lead to the root .*5: position 100: .*8: .*level 0, index 0 is missing",
    ),
    "a leaf's hash": (
        ("UPDATE ledger.facts SET leaf_hash = sha256('x') WHERE notification_id = 100",),
        "8: fact 100: leaf_hash",
    ),
    "a stream": (
        ("UPDATE ledger.facts SET originator_id = gen_random_uuid() WHERE notification_id = 100",),
        "8: .*fact 100: stream is",
    ),
    "a version": (
        ("UPDATE ledger.facts SET originator_version = 99 WHERE notification_id = 100",),
        "8: .*fact 100: version is",
    ),
    "a type": (
        ("UPDATE ledger.facts SET topic = 'fact.voided.v1' WHERE notification_id = 100",),
        "8: .*fact 100: topic is",
    ),
    "an idempotency key": (
        ("UPDATE ledger.facts SET event_key = gen_random_uuid() WHERE notification_id = 100",),
        "8: .*fact 100: event_key is",
    ),
    "a time": (
        ("UPDATE ledger.facts SET recorded_at = recorded_at + '1 s' WHERE notification_id = 100",),
        "8: .*fact 100: recorded_at is",
    ),
    "two leaves swapped": ((SWAP.format("state"),), "5: position 100: here stands .* 101"),
    "two leaves swapped with their hashes": (
        (SWAP.format("state"), REHASH),
        "3: position 100: .*5: position 100: here stands",
    ),
    "two rows swapped": (
        (
            SHIFT.format("+ 1000", "= 100"),
            SHIFT.format("- 1", "= 101"),
            SHIFT.format("- 999", "= 1100"),
        ),
        "3: position 100: .*5: position 100: here stands the fact of position 101",
    ),
    "a fact deleted in the middle": (
        (f"DELETE FROM {FACT} = 100",),
        "3: position 100: .*611 facts are here, 612 .*5: position 100: here .*fact 100: is mis",
    ),
    "a fact deleted and the gap closed": (
        (
            f"DELETE FROM {FACT} = 100",
            SHIFT.format("- 1 + 10000", "> 100"),
            SHIFT.format("- 10000", "> 10000"),
        ),
        "3: position 100: .*5: position 100: here stands the fact of position 101",
    ),
    "the first fact deleted": ((f"DELETE FROM {FACT} = 1",), "3: position 1: .*5: position 1: her"),
    "the tail cut": (
        (f"DELETE FROM {FACT} > 590",),
        "3: position 591: 590 facts are here, 612 are",
    ),
    "the tail cut with the head": (
        (f"DELETE FROM {FACT} > 590", "UPDATE ledger.head SET position = 590, tree_size = 590"),
        "3: position 591: 590 facts are here, 612 are signed",
    ),
    "everything deleted": ((f"DELETE FROM {FACT} > 0",), "3: position 1: facts 1 to 612 of "),
    "a fact inserted in the middle": (
        (SHIFT.format("+ 10000", ">= 101"), INSERT.format(101), SHIFT.format("- 9999", "> 10000")),
        "3: position 101: .*5: position 101: here stands the fact of position 100",
    ),
    "a fact appended past the head": ((INSERT.format(613),), "8: ledger.head: says 612, .* 613"),
    "positions in another order": (
        (
            SHIFT.format("+ 10000", "> 0"),
            "UPDATE ledger.facts SET notification_id = 10613 - notification_id",
        ),
        "3: position 1: .*5: position 1: here stands the fact of position 612",
    ),
    "a tile": (
        ("UPDATE ledger.tile SET hashes = set_byte(hashes, 40, 7) WHERE level = 0 AND index = 1",),
        "3: position 258: tile/0/001 .*the tile is wrong.*8: ledger.tile",
    ),
    "a tile's root": (
        ("UPDATE ledger.tile SET root = sha256('x') WHERE level = 0 AND index = 1",),
        "3: position 257: tile/1/000.p/2 .*the tile is wrong.*8: ledger.tile",
    ),
    "a tile deleted": (
        ("DELETE FROM ledger.tile WHERE index = 1",),
        "8: .*level 0, index 1 is mis",
    ),
    "a tile besides": (
        ("INSERT INTO ledger.tile SELECT level, 7, root, hashes FROM ledger.tile WHERE index = 0",),
        "8: ledger.tile: there are 3 tiles",
    ),
    "the head's root": (("UPDATE ledger.head SET root = sha256('x')",), "8: ledger.head: root"),
    "the head's frontier": (
        ("UPDATE ledger.head SET frontier = set_byte(frontier, 3, 7)",),
        "8: ledger.head: root or frontier|8: .*frontier",
    ),
    "the head's size": (
        ("UPDATE ledger.head SET tree_size = 500",),
        "8: ledger.head: the tree has",
    ),
    "the head's position": (("UPDATE ledger.head SET position = 700",), "8: ledger.head: says 700"),
    "the root of a receipt": (
        ("UPDATE ledger.tree_head SET root = sha256('x')",),
        "8: ledger.tree_head: the root at size",
    ),
    "a read model": (
        ("UPDATE models.trail SET actor = 1 WHERE position = 100",),
        "8: models.trail: 1 rows differ",
    ),
    "a row of a read model deleted": (
        ("DELETE FROM models.trail WHERE position = 100",),
        "8: models.trail: 1 rows differ",
    ),
    "a mention": (
        ("DELETE FROM ledger.mention WHERE ctid = (SELECT min(ctid) FROM ledger.mention)",),
        "8: ledger.mention: .* is missing",
    ),
    "the ledger's origin": (
        ("UPDATE ledger.head SET origin = 'other.example/2026'",),
        "8: fact 1: the fact stands in a stream that is not its own",
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_by_the_owner_is_found_and_located(
    url: str, original: tuple[str, bytes], name: str
) -> None:
    statements, where = CHANGES[name]
    tamper(url, *statements)
    found = verify(url, original[1])

    assert not found.valid
    assert_says(problems(found), where)


def test_an_untouched_database_is_valid(url: str, original: tuple[str, bytes]) -> None:
    """The control: each change above is what makes it invalid."""
    found = verify(url, original[1])

    assert found.valid, problems(found)


def test_a_size_that_is_only_claimed_makes_no_work(original: tuple[str, bytes], url: str) -> None:
    claimed = Checkpoint(ORIGIN, 2**62, bytes(32)).text
    found = verify(url, signed(claimed, [KEY]).encode())

    assert_says(problems(found), "3: position 613: 612 facts are here, 4,611,686,018,427,387,904 ")


def test_a_restore_followed_by_other_facts_is_found_by_the_checkpoint_from_before(
    server: psycopg.Connection, server_url: str, template: str, tmp_path: Path
) -> None:
    """The database agrees with itself, read models too, and its new head is signed with the key."""
    with copied(server, server_url, template) as url:
        writer, history = BookWriter(url), History(3)
        schema.ensure(url)
        history.facts(writer, 60)
        backup = str(psycopg.conninfo.conninfo_to_dict(url)["dbname"])
        with copied(server, server_url, backup) as restored:
            others, other_history = deepcopy((writer, history))
            history.facts(writer, 60)
            (held := tmp_path / "held").write_bytes(note(url))
            others.url, others.actor = restored, "key:00000000-0000-4000-8000-000000000002"
            other_history.facts(others, 80)
            project(restored)
            new, old = note(restored), held.read_bytes()

            assert verify(restored, new).valid  # alone it cannot be told from the truth
            assert_says(problems(verify(restored, new, held)), "4: The first .* are not those")
            assert_says(problems(verify(restored, old)), "3: The facts lead to the root")
