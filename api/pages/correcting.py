"""Undoing and correcting: a void, with a replacement or without, shown before it is recorded.

Nothing is edited. A correction is one batch: the void of the fact, then the replacement that names
the void as its cause. The preview folds the fact's own stream with both in it, and shows field by
field what reads differently then; the rules that look further decide when it is recorded.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Final, Literal, get_args, get_origin
from uuid import uuid4

import orjson
from msgspec import Struct

from api.intake.words import bare, fields_of
from api.pages.sheet import Ask, PageQuery, Sent, Sheet, form, page
from api.pages.trail import fact_at, may_correct, said
from api.problems import Finding, Problem
from api.routes.facts import recorded_together
from api.routes.trail_shapes import FactDetail
from ledger.domain.commands import Authority, Incoming
from ledger.domain.facts import FACTS
from ledger.domain.history import Entry
from ledger.domain.streams import STREAMS
from ledger.service import incoming
from ledger.store.codec import InvalidFact
from projections.figures.catalogue import Text
from projections.views.history import HistoryItem, history

_VOID: Final = "fact.voided.v1"
_TITLE: Final = Text("Aufheben oder berichtigen", "Void or correct")
_KEYS: Final = frozenset(
    {"cluster", "organisation_id", "activity_id", "person_ref", "project_id", "scheme", "report"}
)
"""What a fact is about: another subject is another fact, not a correction."""

Input = Literal["text", "date", "number", "choice", "list", "switch"]


class Field(Struct, frozen=True):
    """One field of the form; `fixed` ones are shown and not asked."""

    name: str
    value: str
    input: Input
    choices: tuple[str, ...] = ()
    fixed: bool = False
    required: bool = True


class Correction(Struct, frozen=True):
    """The form as it stands: the fact, what is to become of it, and what that would change.

    `changes` None: not looked at yet. `problem`: why it cannot be so.
    """

    fact: FactDetail
    fields: tuple[Field, ...]
    id: str
    replace: bool = False
    reason: str = ""
    changes: list[HistoryItem] | None = None
    problem: str | None = None


async def ask_for_correction(ask: Ask[PageQuery]) -> Sheet:
    """The form, filled with what the fact says."""
    found = await _correctable(ask)
    return _sheet(Correction(found, _fields(found, said(found.fact)), str(uuid4())))


async def correct(ask: Ask[PageQuery], given: Mapping[str, str]) -> Sheet | Sent:
    """Show what it would change, or record it."""
    found = await _correctable(ask)
    replaces = given.get("what") == "correct"
    values = _data(found, given) if replaces else dict(said(found.fact))
    draft = Correction(
        found,
        _fields(found, values),
        given.get("id", "")[:100] or str(uuid4()),
        replaces,
        given.get("reason", "").strip(),
    )
    try:
        facts = _facts(ask.authority, draft, values)
        if given.get("action") == "record":
            receipts = await recorded_together(ask.state, ask.authority, facts)
            await ask.state.caught_up(receipts[-1].position, 5.0)
            return Sent(f"/trail/{receipts[-1].position}")
        changes = await _preview(ask, found, facts)
    except Problem as problem:
        return _sheet(_with(draft, problem=_told(problem)), status=problem.status)
    return _sheet(_with(draft, changes=changes))


def _with(draft: Correction, **changed: Any) -> Correction:
    values = {name: getattr(draft, name) for name in draft.__struct_fields__}
    return Correction(**(values | changed))


def _sheet(draft: Correction, status: int = 200) -> Sheet:
    return Sheet(title=_TITLE, template="correct.html", data=draft, status=status)


def _told(problem: Problem) -> str:
    return " ".join([problem.detail, *(e.fix for e in problem.errors if e.fix)])


async def _correctable(ask: Ask[PageQuery]) -> FactDetail:
    found = await fact_at(ask)
    if not may_correct(ask, found):
        raise Problem(
            "scope_missing",
            "This fact is voided already, is of a kind that stays, or is not yours to void.",
        )
    return found


def _fields(found: FactDetail, values: Mapping[str, Any]) -> tuple[Field, ...]:
    shape = FACTS.get(found.fact.type)
    if shape is None:
        return ()
    first_optional = len(shape.__struct_fields__) - len(shape.__struct_defaults__)
    optional = shape.__struct_fields__[first_optional:]
    return tuple(
        _field(name, kind, values.get(name), required=name not in optional)
        for name, kind in fields_of(shape).items()
    )


def _field(name: str, kind: Any, value: Any, *, required: bool) -> Field:
    plain = bare(kind)
    if isinstance(value, list):
        text = ", ".join(map(str, value))
    else:
        text = "" if value is None else str(value).lower() if value in {True, False} else str(value)
    if name in _KEYS:
        return Field(name, text, "text", fixed=True)
    if get_origin(plain) is Literal:
        return Field(name, text, "choice", tuple(map(str, get_args(plain))), required=required)
    inputs: dict[Any, Input] = {date: "date", int: "number", bool: "switch"}
    how: Input = "list" if get_origin(plain) in {list, tuple} else inputs.get(plain, "text")
    return Field(name, text, how, required=required)


def _data(found: FactDetail, given: Mapping[str, str]) -> dict[str, Any]:
    """The replacement's data: the fact's subject, and what the form says else."""
    data = {name: value for name, value in said(found.fact).items() if name in _KEYS}
    for one in _fields(found, said(found.fact)):
        text = given.get(f"field-{one.name}", "").strip()
        if one.fixed or not text:
            continue
        if one.input == "list":
            data[one.name] = [part.strip() for part in text.split(",") if part.strip()]
        elif one.input == "number":
            data[one.name] = int(text) if text.lstrip("-").isdecimal() else text
        elif one.input == "switch":
            data[one.name] = text == "true"
        else:
            data[one.name] = text
    return data


def _facts(
    authority: Authority, draft: Correction, values: Mapping[str, Any]
) -> tuple[Incoming, ...]:
    """The void, and the replacement. Raises Problem."""
    target = draft.fact.fact
    if not draft.reason:
        finding = Finding("reason", "missing", fix="Say why: a code, never about a person.")
        raise Problem("invalid_fact", "A void needs its reason.", errors=(finding,))
    source = target.source if authority.may_use(target.source) else _own(authority)
    void = {"target": target.id, "reason": draft.reason}
    if source != target.source:
        void["target_source"] = target.source
    try:
        facts = [incoming(f"{draft.id}/void", source, _VOID, void)]
        if draft.replace:
            facts.append(
                incoming(
                    f"{draft.id}/replacement",
                    source,
                    target.type,
                    orjson.dumps(values),
                    causation=f"{draft.id}/void",
                )
            )
    except InvalidFact as invalid:
        field = invalid.pointer.strip("/")
        raise Problem(invalid.code, f"{field}: {invalid.detail}" if field else invalid.detail)  # noqa: B904 - the cause is said
    return tuple(facts)


def _own(authority: Authority) -> str:
    if not authority.sources:
        raise Problem("source_not_covered", "Your key has no source to record under.")
    return min(authority.sources)


async def _preview(
    ask: Ask[PageQuery], found: FactDetail, facts: tuple[Incoming, ...]
) -> list[HistoryItem]:
    """What each of the facts would change in the fact's own stream."""
    stream = found.fact.stream
    entries = ask.state.ledger.book.streams([stream]).get(stream, [])
    last = entries[-1]
    drafted = [
        Entry(
            last.position + n,
            last.version + n,
            stream,
            fact.source,
            fact.id,
            ask.authority.actor,
            last.recorded_at,
            fact.fact,
            fact.causation,
        )
        for n, fact in enumerate(facts, start=1)
    ]
    kind = STREAMS[FACTS[found.fact.type]][0]
    return history(kind, [*entries, *drafted])[-len(facts) :]


ROUTES: Final = (
    page(
        "/trail/{position:[^/.]+}/correct",
        ask_for_correction,
        "Void or correct a fact",
        scope="trail:read",
    ),
    form(
        "/trail/{position:[^/.]+}/correct",
        correct,
        "Void or correct a fact: see what it changes, then record it",
        scope="trail:read",
    ),
)
