"""What every view is made of: a query at a cut, its filters, its order, and keyset pages of it."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any, Final, Generic, NamedTuple, TypeVar

from msgspec import Struct
from psycopg import Connection
from psycopg.rows import class_row

T = TypeVar("T", bound=Struct)


class Cut(NamedTuple):
    """The two times of a question: a day in the world, a position in the ledger."""

    as_of: date
    known_at: int


def known(table: str) -> str:
    """A condition: the row was known at the cut's position."""
    return f"{table}.known_from <= %(known_at)s AND %(known_at)s < {table}.known_to"


def part_of(column: str) -> str:
    """A condition: the column contains the filter `q`, however both are written.

    Müller, Mueller and MULLER agree (migration 0004); a trigram index over the same answers it.
    """
    escaped = "replace(replace(replace(ledger.folded(%(q)s), '!', '!!'), '%%', '!%%'), '_', '!_')"
    return f"ledger.folded({column}) LIKE '%%' || {escaped} || '%%' ESCAPE '!'"


# Who ends the spells and parts of `own` from outside. Joined as a whole, because a list looks at
# thousands of rows; a key that is given reaches into the grouping, so one item stays a look-up.
CLOSED: Final = f"""LEFT JOIN (
        SELECT c.cluster, max(c.valid_to) AS day FROM models.cluster c
        WHERE {known("c")} GROUP BY c.cluster
    ) AS closed ON closed.cluster = own.cluster"""  # noqa: S608 - constants
"""`closed.day`: from which day on the cluster is no more; infinity while it is open."""
DISSOLVED: Final = f"""LEFT JOIN (
        SELECT o.organisation_id, min(o.dissolved_on) AS day FROM models.organisation o
        WHERE {known("o")} AND o.dissolved_on IS NOT NULL GROUP BY o.organisation_id
    ) AS dissolved ON dissolved.organisation_id = own.organisation_id"""  # noqa: S608 - constants
"""`dissolved.day`: from which day on the organisation is no more; NULL while it is there."""
OVER: Final = f"""LEFT JOIN (
        SELECT p.project_id, max(p.last_day) + 1 AS day FROM models.project p
        WHERE {known("p")} GROUP BY p.project_id
    ) AS over ON over.project_id = own.project_id"""  # noqa: S608 - constants
"""`over.day`: from which day on the project is over; NULL while no end is known."""
ABANDONED: Final = f"""LEFT JOIN (
        SELECT p.project_id, max(c.valid_to) AS day
        FROM models.project p
        CROSS JOIN LATERAL unnest(p.clusters) AS taking_part (cluster)
        JOIN models.cluster c ON c.cluster = taking_part.cluster AND {known("c")}
        WHERE {known("p")} GROUP BY p.project_id
    ) AS abandoned ON abandoned.project_id = own.project_id"""  # noqa: S608 - constants
"""`abandoned.day`: from which day on the last of the project's clusters is no more."""


class View(Struct, Generic[T], frozen=True):
    """One view.

    `core` is a SELECT at the cut (`%(as_of)s`, `%(known_at)s`) whose columns the conditions and the
    order name. `conditions` are the filters by name, `implied` those that hold in a list where the
    filter of that name is left out. `covered` limits it to `%(clusters)s`; None: shared by all.
    `shown` is what a page becomes, further WITH queries included; left out: the item's fields.
    `descending` turns the order round.
    """

    name: str
    item: type[T]
    core: str
    order: Mapping[str, type]
    conditions: Mapping[str, str]
    place: Callable[[T], Sequence[Any]]
    implied: Mapping[str, str] = {}
    covered: str | None = None
    shown: str | None = None
    descending: bool = False

    def query(self, conditions: Sequence[str]) -> str:
        """The whole statement, with `%(limit)s`."""
        way = " DESC" if self.descending else ""
        columns = ", ".join(column + way for column in self.order)
        shown = self.shown or _plain(self.item)
        return (
            f"WITH RECURSIVE page AS MATERIALIZED (SELECT * FROM ({self.core}) AS core"  # noqa: S608 - constants
            f" WHERE {' AND '.join(conditions) or 'true'} ORDER BY {columns} LIMIT %(limit)s)"
            f" {shown} ORDER BY {', '.join(f'page.{column}{way}' for column in self.order)}"
        )


def _plain(item: type[Struct]) -> str:
    return f"SELECT {', '.join(f'page.{field}' for field in item.__struct_fields__)} FROM page"  # noqa: S608 - field names


class Listed(NamedTuple, Generic[T]):
    """A page of items; `after` is where the next one goes on, None at the end."""

    items: list[T]
    after: Sequence[Any] | None


def listed(
    conn: Connection[Any],
    view: View[T],
    cut: Cut,
    filters: Mapping[str, Any],
    *,
    clusters: Sequence[str] | None,
    after: Sequence[Any] | None,
    limit: int,
) -> Listed[T]:
    """A page of what the view shows at the cut, in its order, behind `after`."""
    conditions = _conditions(view, filters)
    parameters: dict[str, Any] = {**cut._asdict(), **filters, "limit": limit + 1}
    if after is not None:
        markers = [f"%(after_{i})s" for i in range(len(after))]
        further = "<" if view.descending else ">"
        conditions.append(f"({', '.join(view.order)}) {further} ({', '.join(markers)})")
        parameters |= {f"after_{i}": value for i, value in enumerate(after)}
    items = _asked(conn, view, conditions, parameters, clusters)
    more = len(items) > limit
    return Listed(items[:limit], view.place(items[limit - 1]) if more else None)


def counted(
    conn: Connection[Any],
    view: View[T],
    cut: Cut,
    filters: Mapping[str, Any],
    *,
    clusters: Sequence[str] | None,
) -> int:
    """How many items the whole list has."""
    conditions = _conditions(view, filters)
    parameters: dict[str, Any] = {**cut._asdict(), **filters}
    _cover(view, conditions, parameters, clusters)
    row = conn.execute(
        f"SELECT count(*) FROM ({view.core}) AS core WHERE {' AND '.join(conditions) or 'true'}",  # noqa: S608 - constants
        parameters,
        prepare=False,
    ).fetchone()
    assert row is not None
    return int(row[0])


def _conditions(view: View[T], filters: Mapping[str, Any]) -> list[str]:
    conditions = [view.conditions[name] for name in filters]
    return conditions + [rule for name, rule in view.implied.items() if name not in filters]


def _cover(
    view: View[T],
    conditions: list[str],
    parameters: dict[str, Any],
    clusters: Sequence[str] | None,
) -> None:
    """Limit a question to what is covered."""
    if clusters is not None and view.covered is not None:
        conditions.append(view.covered)
        parameters["clusters"] = list(clusters)


def one(
    conn: Connection[Any],
    view: View[T],
    cut: Cut,
    key: Mapping[str, Any],
    *,
    clusters: Sequence[str] | None,
) -> T | None:
    """The item with this key at the cut; of several, the last one."""
    conditions = [f"{column} = %({column})s" for column in key]
    parameters = {**cut._asdict(), **key, "limit": 100}
    items = _asked(conn, view, conditions, parameters, clusters)
    return items[-1] if items else None


def _asked(
    conn: Connection[Any],
    view: View[T],
    conditions: list[str],
    parameters: dict[str, Any],
    clusters: Sequence[str] | None,
) -> list[T]:
    _cover(view, conditions, parameters, clusters)
    with conn.cursor(row_factory=class_row(view.item)) as curs:
        # Never prepared: a plan for any value would forget how few rows this one has.
        return curs.execute(view.query(conditions), parameters, prepare=False).fetchall()
