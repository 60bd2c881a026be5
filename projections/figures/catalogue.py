"""The catalogue: every figure as its files define it, loaded and checked once.

A figure is `definitions/<id>.toml` (what it means, in German and English) and
`definitions/<id>.v<n>.sql` (how it is counted). The SQL names the shared fragments it needs in its
first line (`-- Needs: held, bucket`); a fragment is one common table expression,
`definitions/_shared/<name>.sql`, and names its own needs. A fragment whose meaning changed has a
further edition, `<name>.v<n>.sql`, and a definition says which editions it is made of (`fragments`;
left out, the first). A version without an SQL file of its own is counted by the nearest older one.
What is run is the text put together from
exactly these, so `sha256` covers all that a value depends on and nothing else: a new fragment
changes no definition, a changed one changes those that use it. `<id>.facts.sql` lists the streams
behind the figure, of all its versions, with the class they count under; it changes no value and is
not part of the digest.

The SQL takes named parameters: %(known_at)s; %(bucket)s, %(first_day)s, %(last_day)s (arrays: the
stretches of days asked for, numbered, both days inclusive); %(view)s (`programme`, `participating`
or `lead`); %(cluster)s (a code, or '' for all); %(dimension)s (one that splits a stretch, or '');
%(of)s (what a share is of, or ''). It answers rows `bucket, key` and the measure's numbers; key is
'', a cluster's code, or a class, `unknown` where that is not known. It may leave out what is 0.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from datetime import date
from functools import cache
from hashlib import sha256
from importlib.resources import files
from types import MappingProxyType
from typing import Final, Literal

import msgspec

from projections.figures.refusals import UnknownFigure, UnknownVersion

_FOLDER: Final = files("projections.figures") / "definitions"
ONCE: Final = "-- Materialized"
"""What a fragment says that is to be found once, and kept while the statement runs."""
_NEEDS: Final = re.compile(r"-- Needs: ([a-z_, ]+)\n")


_PAGE: Final = """SELECT kind, first_key, second_key
FROM behind
WHERE (%(key)s = '' OR code = %(key)s) AND (kind, first_key, second_key COLLATE "C")
    > (%(kind)s, CAST(%(first_key)s AS uuid), %(second_key)s)
GROUP BY kind, first_key, second_key
ORDER BY kind, first_key, second_key COLLATE "C"
LIMIT %(streams)s
"""


Measure = Literal["count", "share", "money"]

NUMBERS: Final[Mapping[Measure, tuple[str, ...]]] = MappingProxyType(
    {
        "count": ("value",),
        "share": ("numerator", "denominator", "unknown"),
        "money": ("approved", "started"),
    }
)
"""The numbers of each measure, in the order of the SQL's columns. Money is in euro cents."""


class Text(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The same words in German and English."""

    de: str
    en: str


class Definition(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One figure, one version. `since` is the day it was first published, `replaces` an older
    id@version.

    `when`: counted over a period, or on a day, which is the period's last. `of` are the things a
    share may be of, the first unless another is asked for. `beside` are figures without which this
    one should not be shown. `fragments` are editions of fragments by name, the first if left out.
    `additive` are the dimensions by which its numbers add up to the whole ones (by cluster: in the
    lead view). `facts` are the types that the drill-down shows. `text` (its own SQL), `needed` (the
    fragments it needs, by name), `sql` (both in one) and `sha256` are put in when the catalogue is
    loaded.
    """

    id: str
    version: int
    unit: Text
    title: Text
    meaning: Text
    counting_rule: Text
    parameters: tuple[str, ...]
    dimensions: tuple[str, ...]
    additive: tuple[str, ...]
    facts: tuple[str, ...]
    since: date
    replaces: str | None = None
    measure: Measure = "count"
    when: Literal["period", "day"] = "period"
    of: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    fragments: dict[str, int] = {}
    text: str = ""
    needed: dict[str, str] = {}
    sql: str = ""
    facts_sql: str = ""
    sha256: str = ""

    @property
    def name(self) -> str:
        """`id@version`, as it is cited."""
        return f"{self.id}@{self.version}"


@cache
def _read(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


def needs(text: str) -> list[str]:
    """The fragments a text names, in its order."""
    first = _NEEDS.match(text)
    return [name.strip() for name in first[1].split(",")] if first else []


def gathered(text: str, fragments: Mapping[str, int] = MappingProxyType({})) -> dict[str, str]:
    """The fragments a text needs, by name, each before those that need it; `fragments` tells their
    editions by name, the first if left out."""
    found: dict[str, str] = {}
    for name in needs(text):
        if name not in found:
            edition = fragments.get(name, 1)
            fragment = _read(f"_shared/{name}{f'.v{edition}' if edition > 1 else ''}.sql")
            found |= gathered(fragment, fragments) | {name: fragment}
    return found


def composed(
    text: str,
    *,
    fragments: Mapping[str, int] = MappingProxyType({}),
    then: str = "",
    name: str = "",
) -> str:
    """One statement: the fragments a text needs, each before those that need it, then the text.

    NOT MATERIALIZED lets the planner see the tables' statistics through the fragments; one that is
    asked for more than once and costs something says `-- Materialized` in its own text.

    `fragments` tells their editions by name, the first if left out. With `then`, the text is the
    last of the common table expressions, called `name`, and `then` is what is asked.
    """
    found = gathered(text, fragments) | gathered(then, fragments)
    if then:
        found[name] = text
    parts = ",\n".join(
        f"{name} AS {'' if ONCE in fragment else 'NOT '}MATERIALIZED (\n{fragment})"
        for name, fragment in found.items()
    )
    return f"WITH RECURSIVE\n{parts}\n{then or text}"


def _counted_by(definition: Definition) -> str:
    """The SQL of a version, or of the nearest older one that has a file."""
    names = (f"{definition.id}.v{n}.sql" for n in range(definition.version, 0, -1))
    return _read(next(name for name in names if (_FOLDER / name).is_file()))


def _load(name: str) -> Definition:
    """One definition with its SQL and digest; ValueError when its files contradict each other."""
    toml = _read(name)
    table = tomllib.loads(toml)
    definition = msgspec.convert(table, Definition)
    stem = f"{definition.id}.v{definition.version}"
    if name not in (f"{definition.id}.toml", f"{stem}.toml"):
        raise ValueError(f"{name} defines {definition.name}")
    editions = definition.fragments
    text = _counted_by(definition)
    sql = composed(text, fragments=editions)
    facts = _read(f"{definition.id}.facts.sql")
    return msgspec.structs.replace(
        definition,
        text=text,
        needed=gathered(text, editions),
        sql=sql,
        facts_sql=composed(facts, fragments=editions, then=_PAGE, name="behind"),
        sha256=sha256(toml.encode() + b"\n" + sql.encode()).hexdigest(),
    )


@cache
def _all() -> Mapping[str, Definition]:
    found: Iterator[str] = (entry.name for entry in _FOLDER.iterdir())
    loaded = [_load(name) for name in sorted(found) if name.endswith(".toml")]
    return MappingProxyType({definition.name: definition for definition in loaded})


def toml_of(definition: Definition) -> str:
    """The text that says what a figure means: with its SQL it gives the definition's digest."""
    older = f"{definition.id}.v{definition.version}.toml"
    return _read(older if (_FOLDER / older).is_file() else f"{definition.id}.toml")


EVERY: Final[Mapping[str, Definition]] = _all()
"""Every version of every figure by id@version: `<id>.toml` is the one in force, `<id>.v<n>.toml`
an older one."""


def _in_force(every: Mapping[str, Definition]) -> Mapping[str, Definition]:
    newest: dict[str, Definition] = {}
    for definition in every.values():
        if definition.id not in newest or newest[definition.id].version < definition.version:
            newest[definition.id] = definition
    return MappingProxyType(dict(sorted(newest.items())))


CATALOGUE: Final[Mapping[str, Definition]] = _in_force(EVERY)
"""The version in force of every figure, by id."""

HEADLINE: Final = ("companies_involved", "activities", "participations", "projects_running")
"""The four figures the programme is known by, cumulative from its start."""


def definition_of(figure: str) -> Definition:
    """By `id` (the version in force) or `id@version`. Raises UnknownFigure, UnknownVersion."""
    figure_id, _, version = figure.partition("@")
    if figure_id not in CATALOGUE:
        raise UnknownFigure(figure=figure_id, allowed=CATALOGUE)
    if not version:
        return CATALOGUE[figure_id]
    if figure not in EVERY:
        versions = sorted(str(d.version) for d in EVERY.values() if d.id == figure_id)
        raise UnknownVersion(figure=figure_id, version=version, allowed=versions)
    return EVERY[figure]
