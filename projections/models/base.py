"""What every read model is made of: tables, the shape of their rows, how rows come of a state.

Rows are bitemporal and half-open. `valid_from, valid_to` are days in the world, `known_from,
known_to` positions: a row holds for `known_at` P when known_from <= P < known_to.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from operator import itemgetter
from typing import Any, Final, NamedTuple, TypeVar

from ledger.domain.streams import Kind

FOREVER: Final = date.max
"""An open `valid_to`; PostgreSQL's infinity."""
ALWAYS: Final = date.min
"""A `valid_from` without a beginning; PostgreSQL's -infinity."""
OPEN: Final = 2**63 - 1
"""An open `known_to`."""

Row = tuple[Any, ...]


class Table:
    """One table: its columns are those of the NamedTuple `row`, then known_from and known_to.

    `key` are the columns of the stream's key, `within` those that tell apart its rows at one
    position; together with known_from they are the primary key.
    `ddl` makes the bare table, `keys` what finds a row, `extras` (indexes, exclusion constraints)
    what a rebuild adds once the rows are in. None of them names a schema: the search path does.
    """

    def __init__(
        self,
        row: type[Row],
        *,
        name: str,
        key: tuple[str, ...],
        within: tuple[str, ...] = (),
        ddl: str,
        extras: str = "",
    ) -> None:
        self.name = name
        self.key = (*key, *within)
        self.ddl = ddl
        self.keys = (
            f"ALTER TABLE {name} ADD CONSTRAINT {name}_pkey PRIMARY KEY"
            f" ({', '.join((*self.key, 'known_from'))});"
        )
        self.extras = extras
        self.fields: tuple[str, ...] = row._fields  # type: ignore[attr-defined]  # a NamedTuple class
        self.columns = (*self.fields, "known_from", "known_to")
        self.key_of = _getter(self.fields, self.key)
        """The key of one row, without known_from."""
        self.place_of = _getter(self.fields, within)
        """What tells a row apart from the other rows of its stream."""


def _getter(fields: tuple[str, ...], wanted: tuple[str, ...]) -> Callable[[Row], Row]:
    indices = [fields.index(column) for column in wanted]
    if not indices:
        return lambda _: ()
    if len(indices) == 1:
        (index,) = indices
        return lambda row: (row[index],)
    return itemgetter(*indices)


V = TypeVar("V")


def spans(turns: Sequence[tuple[date, V]], end: date | None) -> Iterator[tuple[V, date, date]]:
    """What holds over which days [from, to): each value until the next one's day, and until the
    end. Of several values of one day the last one holds. What ends by its first day has one span of
    no day, [end, end), as the end must be found in some row.
    """
    last = end or FOREVER
    following = [day for day, _ in turns[1:]]
    found = False
    for (day, value), after in zip(turns, [*following, FOREVER], strict=True):
        if day < (until := min(after, last)):
            found = True
            yield value, day, until
    if turns and not found:
        yield turns[-1][1], last, last


class Projected(NamedTuple):
    """One row that a state amounts to, and the table it stands in."""

    table: Table
    row: Row


class Model(NamedTuple):
    """A read model: rows are a pure function of the key and the state of one stream.

    `edition` goes up when `rows` means something else: the live tables then need a rebuild.
    """

    kind: Kind
    tables: tuple[Table, ...]
    rows: Callable[[tuple[Any, ...], Any], Iterable[Projected]]
    edition: int = 1
