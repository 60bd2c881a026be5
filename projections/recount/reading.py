"""`facts.ndjson` into DuckDB: a table of every fact, and the tables that figures are counted on."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import duckdb

from projections.recount.database import Database
from projections.recount.leaves import Leaves, shares_of
from projections.recount.lines import Unreadable, stretches
from projections.recount.reducing import reduce
from projections.recount.tables import TABLES, columns


def load(
    db: Database,
    pieces: Iterable[bytes],
    scratch: Path,
    *,
    origin: str,
    told: Callable[[int], object],
) -> int:
    """Fill the tables `models.*` and `leaf` from the bytes of `facts.ndjson` in pieces; the last
    position.

    `scratch` is a folder for what stands between. `told` is told now and then how far it is, in
    facts; one that was read is half done. Raises OSError where they cannot be read or there is no
    room for them, Unreadable.
    """
    try:
        db.rows("CREATE SCHEMA models")
        for table in TABLES:
            shape = ", ".join(f"{name} {type}" for name, type in columns(table).items())
            db.rows(f"CREATE TABLE models.{table} ({shape})")
        leaves, last = Leaves(db), 0
        for stretch in stretches(pieces, scratch):
            leaves.take(stretch)
            if db.is_scarce and shares_of(stretch.last) > shares_of(last):
                db.put_in_order()
            last = stretch.last
            told(last // 2)
        leaves.demand_all(origin)
        reduce(db, leaves.reducible(), scratch, lambda done: told(leaves.plain + done))
    except duckdb.OutOfMemoryException as error:  # no fault of the facts
        sentence, *_ = str(error).splitlines()
        raise OSError(f"there is no memory or disk left to recount in: {sentence}") from error
    except (duckdb.Error, LookupError, TypeError, ValueError, RecursionError) as error:
        sentence, *_ = str(error).splitlines() or [""]
        raise Unreadable(f"{type(error).__name__}: {sentence}") from error
    return last
