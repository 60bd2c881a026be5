"""Undoing and correcting: a void, with a replacement or without, shown before it is recorded.

Nothing is edited. A correction is one batch: the void of the fact, then the replacement that names
the void as its cause. The preview folds the fact's own stream with both in it, and shows field by
field what reads differently then; the rules that look further decide when it is recorded. Recorded
is only what was shown: the form carries a digest of its preview, and where the preview would read
differently by now, it is shown again.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from hashlib import sha256
from typing import Any, Final, Literal, get_args, get_origin
from uuid import uuid4

import msgspec
import orjson
from msgspec import Struct
from msgspec.structs import replace

from api.intake.words import bare, fields_of, finding
from api.pages.naming import Said
from api.pages.naming import said as called
from api.pages.sheet import Ask, PageQuery, Sent, Sheet, form, page
from api.pages.trail import fact_at, may_correct, said
from api.problems import Problem
from api.routes.facts import recorded_together
from api.routes.trail_shapes import FactDetail
from api.web.problem_words import german, told
from api.web.words import FIELDS
from ledger.domain.commands import Authority, Incoming
from ledger.domain.facts import FACTS
from ledger.domain.history import Entry
from ledger.domain.streams import STREAMS
from ledger.service import incoming
from ledger.store.codec import InvalidFact
from projections.figures.catalogue import CATALOGUE, Definition, Text
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


_FORMS: Final[Mapping[Input, Text]] = {
    "text": Text("Dieser Text hat hier nicht die richtige Form.", "This text has the wrong form."),
    "date": Text("Ein Tag wird 2026-11-22 geschrieben.", "A day is written 2026-11-22."),
    "number": Text("Hier steht eine ganze Zahl.", "This is a whole number."),
    "choice": Text("Wählen Sie eine der Möglichkeiten.", "Choose one of these."),
    "list": Text(
        "Mit Kommas getrennt, je in richtiger Form.", "Separated by commas, in their form."
    ),
    "switch": Text("Ja oder nein.", "Yes or no."),
}
_NO_REASON: Final = Text(
    "Ein Grund fehlt: ein Kürzel oder kurzer Text, nie über eine Person.",
    "A reason is missing: a code or a short text, never about a person.",
)


class Mistake(Struct, frozen=True):
    """Why it cannot be so: the problem's code, what it says, and the form's field it is about."""

    code: str
    sentence: Text
    field: str | None = None


class Correction(Struct, frozen=True):
    """The form as it stands: the fact, what is to become of it, and what that would change.

    `changes` None: not looked at yet. `seen` is their digest, with all that would be recorded;
    `is_stale`: it is not the one that the form was sent with. `mistake`: why it cannot be so.
    """

    fact: FactDetail
    fields: tuple[Field, ...]
    id: str
    replace: bool = False
    reason: str = ""
    changes: list[HistoryItem] | None = None
    seen: str = ""
    is_stale: bool = False
    mistake: Mistake | None = None


async def ask_for_correction(ask: Ask[PageQuery]) -> Sheet:
    """The form, filled with what the fact says."""
    found = await _correctable(ask)
    return await _sheet(ask, Correction(found, _fields(found, said(found.fact)), str(uuid4())))


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
        changes = await _preview(ask, found, facts)
        seen = _digest(facts, changes)
        if given.get("action") == "record":
            if given.get("seen") == seen:
                receipts = await recorded_together(ask.state, ask.authority, facts)
                await ask.state.caught_up(receipts[-1].position, 5.0)
                return Sent(f"/trail/{receipts[-1].position}")
            stale = replace(draft, changes=changes, seen=seen, is_stale=True)
            return await _sheet(ask, stale, status=409)
    except _Wrong as wrong:
        return await _sheet(ask, replace(draft, mistake=wrong.mistake), status=422)
    except Problem as problem:
        mistake = Mistake(problem.code, told(problem), _about(problem, draft))
        return await _sheet(ask, replace(draft, mistake=mistake), status=problem.status)
    return await _sheet(ask, replace(draft, changes=changes, seen=seen))


class _Wrong(Exception):
    """A field of the form that cannot be read."""

    def __init__(self, mistake: Mistake) -> None:
        super().__init__(mistake.code)
        self.mistake = mistake


async def _sheet(ask: Ask[PageQuery], draft: Correction, status: int = 200) -> Sheet:
    fact = draft.fact.fact
    names = await ask.state.read(called, ask.cut, fact.type, said(fact))
    return Sheet(
        title=_TITLE,
        template="correct.html",
        data=draft,
        rows=draft.fields,
        content={"names": _by_field(names), "figures": _figures(fact.type)},
        status=status,
    )


def _by_field(names: list[Said]) -> dict[str, Said]:
    return {one.field: one for one in names}


def _figures(topic: str) -> list[Definition]:
    """The figures that facts of this kind stand behind."""
    kind = topic.partition(".")[0] + "."
    return [d for d in CATALOGUE.values() if any(one.startswith(kind) for one in d.facts)]


def _digest(facts: tuple[Incoming, ...], changes: list[HistoryItem]) -> str:
    """SHA-256 of what would be recorded and of what it would change, in hexadecimal."""
    would_be = [(fact.id, fact.source, fact.topic, fact.data) for fact in facts]
    return sha256(msgspec.json.encode((would_be, changes))).hexdigest()


def _about(problem: Problem, draft: Correction) -> str | None:
    """The form's field that a rule names, if it is one that can be changed."""
    named = {finding.pointer.rpartition("/data/")[2] for finding in problem.errors}
    asked = (one.name for one in draft.fields if not one.fixed and one.name in named)
    return next((f"field-{name}" for name in asked), None)


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
        raise _Wrong(Mistake("invalid_fact", _NO_REASON, "reason"))
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
        raise _Wrong(_mistaken(invalid, draft, values)) from invalid
    return tuple(facts)


def _mistaken(invalid: InvalidFact, draft: Correction, values: Mapping[str, Any]) -> Mistake:
    """What the fact's type refuses, at the field it is about; anything else is the reason's."""
    target = draft.fact.fact
    pointer = invalid.pointer.removeprefix("/data")
    if pointer == "/reason" or not draft.replace:
        return Mistake(invalid.code, _FORMS["text"], "reason")
    where = finding("", pointer, invalid.detail, FACTS[target.type], values).pointer
    name = where.strip("/").partition("/")[0]
    inputs = {one.name: one.input for one in draft.fields if not one.fixed}
    if name not in inputs:
        return Mistake(invalid.code, Text(german(invalid.code, {}), invalid.detail))
    words, form = FIELDS[name], _FORMS[inputs[name]]
    return Mistake(
        invalid.code, Text(f"{words.de}: {form.de}", f"{words.en}: {form.en}"), f"field-{name}"
    )


def _own(authority: Authority) -> str:
    if not authority.sources:
        raise Problem("source_not_covered", "Your key has no source to record under.")
    return min(authority.sources)


async def _preview(
    ask: Ask[PageQuery], found: FactDetail, facts: tuple[Incoming, ...]
) -> list[HistoryItem]:
    """What each of the facts would change in the fact's own stream."""
    stream = found.fact.stream
    entries = (await ask.state.book(ask.state.ledger.book.streams, [stream])).get(stream, [])
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
