"""The tree in the database: always that of the facts, whoever wrote and whatever broke."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from uuid import uuid4

import psycopg
import pytest

from ledger.domain.commands import Incoming, Receipt
from ledger.service import Ledger
from ledger.store import proofs
from ledger.store import tree as growing
from ledger.store.book import create
from ledger.store.database import connect
from ledger.store.migrate import known, migrate
from ledger.store.outcomes import OutcomeUnknown
from ledger.store.tree import TreeDamaged
from ledger.transparency.merkle import verify_consistency, verify_inclusion
from ledger.transparency.tiles import Entries, NoTile, Tile, leaves_of, tiles_of
from tests.domain.kit import ADMIN, Given, fact
from tests.transparency.growing import Grown

ORIGIN = "tree.example/2026"


def clusters(count: int) -> list[Incoming]:
    """That many new clusters."""
    return [
        fact(
            "cluster.registered",
            cluster=f"c-{uuid4().hex[:12]}",
            name="Rail",
            effective_on="2020-01-01",
        )
        for _ in range(count)
    ]


@pytest.fixture
def owner(book_url: str) -> Iterator[psycopg.Connection]:
    with connect(book_url, None, autocommit=True) as conn:
        yield conn


def grown(conn: psycopg.Connection) -> Grown:
    """The tree of the stored leaves, made anew."""
    rows = conn.execute("SELECT state FROM ledger.facts ORDER BY notification_id")
    return Grown([leaf for (leaf,) in rows])


def assert_the_tree_is_that_of_the_facts(conn: psycopg.Connection) -> Grown:
    made = grown(conn)
    assert proofs.head_of(conn) == (made.frontier.size, made.frontier.root())
    tiles = list(tiles_of(made.frontier.size))
    assert proofs.read_tiles(conn, tiles) == {tile: made.tile(tile) for tile in tiles}
    full = conn.execute("SELECT count(*) FROM ledger.tile").fetchone()
    assert full == (len([tile for tile in tiles if tile.width == 256]),)
    return made


@pytest.mark.parametrize("size", [1, 2, 3, 255, 256, 257, 1_000])
def test_the_tree_is_that_of_the_facts(given: Given, owner: psycopg.Connection, size: int) -> None:
    given.record(*clusters(size))
    made = assert_the_tree_is_that_of_the_facts(owner)
    assert made.frontier.size == size


def test_the_tree_grows_over_many_transactions(given: Given, owner: psycopg.Connection) -> None:
    for count in (1, 254, 1, 1, 600, 3):
        given.record(*clusters(count))
        assert_the_tree_is_that_of_the_facts(owner)


def test_a_receipt_names_the_tree_its_transaction_left_behind(
    given: Given, owner: psycopg.Connection
) -> None:
    given.record(*clusters(5))
    facts = clusters(3)
    receipts = given.record(*facts)
    assert {(r.tree_size, r.root) for r in receipts} == {(8, proofs.head_of(owner).root.hex())}


def test_a_later_duplicate_is_answered_with_the_first_tree(given: Given) -> None:
    facts = clusters(3)
    first = given.record(*facts)
    given.record(*clusters(300))
    again = given.record(*facts)
    assert [(r.tree_size, r.root) for r in again] == [(r.tree_size, r.root) for r in first]
    assert all(r.duplicate for r in again)


def test_a_fact_said_again_under_another_id_is_answered_with_the_first_tree(given: Given) -> None:
    who = {"activity_id": given.activity(), "person_ref": str(uuid4())}
    first = given.post("attendance.recorded", **who)
    given.record(*clusters(2))
    again = given.post("attendance.recorded", **who)
    assert again.duplicate
    assert (again.tree_size, again.root) == (first.tree_size, first.root)


def test_a_duplicate_within_one_command_names_the_same_tree(given: Given) -> None:
    [one] = clusters(1)
    first, again = given.record(one, one)
    assert again.duplicate
    assert (again.tree_size, again.root) == (first.tree_size, first.root) == (1, first.leaf_hash)


def test_every_receipt_leads_to_proofs(given: Given, owner: psycopg.Connection) -> None:
    receipts: list[Receipt] = []
    for count in (1, 3, 300, 20):
        receipts += given.record(*clusters(count))
    head = proofs.head_of(owner)
    for receipt in receipts[::7]:
        leaf, root = bytes.fromhex(receipt.leaf_hash), bytes.fromhex(receipt.root)
        path = proofs.Nodes(owner, receipt.tree_size).inclusion(receipt.position)
        verify_inclusion(leaf, receipt.position - 1, receipt.tree_size, path, root)
        growth = proofs.Nodes(owner, head.size).consistency(receipt.tree_size)
        verify_consistency(receipt.tree_size, root, head.size, head.root, growth)
        assert proofs.Nodes(owner, head.size).root_at(receipt.tree_size) == root
        assert proofs.head_with(owner, receipt.position) == (receipt.tree_size, root)


def test_writers_of_several_processes_grow_one_tree(
    book_url: str, owner: psycopg.Connection
) -> None:
    def write(ledger: Ledger, sizes: list[int]) -> None:
        for size in sizes:
            ledger.record(ADMIN, clusters(size))

    with Ledger.open(book_url) as one, Ledger.open(book_url) as two, Ledger.open(book_url) as three:
        threads = [
            threading.Thread(target=write, args=(ledger, sizes))
            for ledger, sizes in (
                (one, [1] * 40),
                (two, [7, 100, 3, 256, 1, 1, 90]),
                (three, [2, 2, 300, 2]),
            )
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert assert_the_tree_is_that_of_the_facts(owner).frontier.size == 40 + 458 + 306


def test_a_failed_transaction_leaves_no_trace_in_the_tree(
    given: Given, owner: psycopg.Connection
) -> None:
    given.record(*clusters(250))
    owner.execute(
        "CREATE FUNCTION ledger.broken() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'broken'; END $$"
    )
    owner.execute(
        "CREATE TRIGGER broken BEFORE INSERT ON ledger.tile"
        " FOR EACH ROW EXECUTE FUNCTION ledger.broken()"
    )
    with pytest.raises(OutcomeUnknown):
        given.record(*clusters(10))
    assert_the_tree_is_that_of_the_facts(owner)
    owner.execute("DROP TRIGGER broken ON ledger.tile")
    given.record(*clusters(10))
    assert assert_the_tree_is_that_of_the_facts(owner).frontier.size == 260


def test_a_book_from_before_the_tree_gets_it_before_anything_is_appended(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrate(empty_database_url)
    create(empty_database_url, ORIGIN)
    with Ledger.open(empty_database_url) as ledger:
        ledger.record(ADMIN, clusters(700))
    with connect(empty_database_url, None, autocommit=True) as owner:
        _undo_the_tree(owner)
        migrate(empty_database_url)
        assert proofs.head_of(owner).size == 0
        monkeypatch.setattr(growing, "CATCH_UP_LEAVES", 300)
        with Ledger.open(empty_database_url) as ledger:
            assert assert_the_tree_is_that_of_the_facts(owner).frontier.size == 700
            [receipt] = ledger.record(ADMIN, clusters(1))
            assert receipt.tree_size == 701
        assert assert_the_tree_is_that_of_the_facts(owner).frontier.size == 701


def _undo_the_tree(owner: psycopg.Connection) -> None:
    """Back before migration 0005, as a database of the release before has it, facts included."""
    (book,) = [m for m in known() if m.version == 2]
    head = book.sql.index("CREATE FUNCTION ledger.refuse_identity_change")
    function = book.sql[head : book.sql.index("CREATE TRIGGER head_moves_forward")]
    owner.execute(function.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION").encode())
    owner.execute("DROP TABLE ledger.tile, ledger.tree_head")
    owner.execute(
        "ALTER TABLE ledger.head DROP COLUMN tree_size, DROP COLUMN root, DROP COLUMN frontier"
    )
    owner.execute("DELETE FROM ledger.migration WHERE name = 'tree'")


def test_an_empty_ledger_has_the_empty_tree(owner: psycopg.Connection) -> None:
    assert_the_tree_is_that_of_the_facts(owner)


def test_a_writer_does_not_go_on_from_hashes_that_were_changed(
    book_url: str, owner: psycopg.Connection
) -> None:
    with Ledger.open(book_url) as ledger:
        ledger.record(ADMIN, clusters(5))
    owner.execute("ALTER TABLE ledger.facts DISABLE TRIGGER USER")
    owner.execute("UPDATE ledger.facts SET leaf_hash = sha256('x') WHERE notification_id = 3")
    with Ledger.open(book_url) as ledger, pytest.raises(TreeDamaged, match="size 5"):
        ledger.record(ADMIN, clusters(1))
    assert proofs.head_of(owner).size == 5


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger.tile SET hashes = hashes",
        "DELETE FROM ledger.tile",
        "TRUNCATE ledger.tile",
        "UPDATE ledger.tree_head SET root = root",
        "DELETE FROM ledger.tree_head",
        "TRUNCATE ledger.tree_head",
        "UPDATE ledger.head SET tree_size = tree_size - 1",
        "UPDATE ledger.head SET tree_size = tree_size + 1",
        "UPDATE ledger.head SET root = sha256('x')",
        "UPDATE ledger.head SET frontier = ''",
    ],
)
def test_even_the_owner_cannot_change_the_tree(
    given: Given, owner: psycopg.Connection, statement: str
) -> None:
    given.record(*clusters(256))
    with pytest.raises(psycopg.errors.RaiseException):
        owner.execute(statement.encode())
    assert_the_tree_is_that_of_the_facts(owner)


def test_a_tile_may_be_asked_for_narrower_than_it_is(
    given: Given, owner: psycopg.Connection
) -> None:
    given.record(*clusters(300))
    made = grown(owner)
    wanted = [Tile(0, 0, 3), Tile(0, 1, 44), Tile(0, 1, 2), Tile(1, 0, 1)]
    assert proofs.read_tiles(owner, wanted) == {tile: made.tile(tile) for tile in wanted}


def test_tiles_and_bundles_beyond_the_tree_are_not_there(
    given: Given, owner: psycopg.Connection
) -> None:
    given.record(*clusters(300))
    for tile in (Tile(0, 1, 45), Tile(0, 1), Tile(0, 2, 1), Tile(1, 0, 2), Tile(7, 0, 1)):
        with pytest.raises(NoTile):
            proofs.read_tiles(owner, [tile])
    with pytest.raises(NoTile):
        proofs.read_entries(owner, Entries(1, 45))


def test_an_entry_bundle_holds_the_stored_leaves(given: Given, owner: psycopg.Connection) -> None:
    given.record(*clusters(300))
    stored = given.ledger.book.leaves(0, 1_000)
    assert leaves_of(proofs.read_entries(owner, Entries(0)), Entries(0)) == stored[:256]
    assert leaves_of(proofs.read_entries(owner, Entries(1, 44)), Entries(1, 44)) == stored[256:]
