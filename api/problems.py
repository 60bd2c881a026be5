"""Refusals to RFC 9457 problems: one table from code to status, one shape for every error."""

from collections.abc import Mapping
from typing import Any, Final

import orjson
from aiohttp import web
from msgspec import Struct

from api.advice import ADVICE
from ledger.domain.facts import Fact
from ledger.domain.refusals import REFUSALS, Refusal
from ledger.store.outcomes import DiskFull
from ledger.store.tree import TreeDamaged

MEDIA_TYPE: Final = "application/problem+json"
TYPE_PREFIX: Final = "/docs/problems#"

STATUS_OF_REFUSAL: Final[dict[str, int]] = {
    "scope_missing": 403,
    "cluster_not_covered": 403,
    "source_not_covered": 403,
    "idempotency_conflict": 409,
    "capacity_reached": 409,
    "void_conflict": 409,
    "already_voided": 409,
    "already_registered": 409,
    "other_organisation": 409,
    "version_mismatch": 412,
    "fact_too_large": 413,
    "stream_too_large": 413,
}
"""Refusals that are not 422: a broken rule of the domain is 422."""

CODES: Final[dict[str, tuple[int, str]]] = {
    "malformed_json": (400, "The body is not valid JSON"),
    "invalid_parameter": (400, "A parameter is not valid"),
    "invalid_cursor": (400, "The cursor is not one of ours"),
    "invalid_header": (400, "A header is not valid"),
    "malformed_request": (400, "The request is not valid HTTP"),
    "unauthenticated": (401, "A key is needed"),
    "scope_missing": (403, "The key lacks a scope"),
    "cross_origin": (403, "Not from this page"),
    "not_found": (404, "There is no such thing"),
    "method_not_allowed": (405, "This method is not offered here"),
    "not_acceptable": (406, "Not offered in that form"),
    "body_too_slow": (408, "The body came too slowly"),
    "body_too_large": (413, "The body is too large"),
    "batch_too_large": (413, "The batch has too many facts"),
    "unsupported_media_type": (415, "The body's media type is not taken"),
    "invalid_body": (422, "The body is not what is asked for"),
    "invalid_event": (422, "Not a CloudEvent that the ledger takes"),
    "invalid_fact": (422, "Not a fact of its type"),
    "unknown_type": (422, "There is no such fact type"),
    "known_at_in_future": (422, "known_at lies beyond the ledger's head"),
    "unknown_figure": (404, "There is no such figure"),
    "unknown_dimension": (422, "The figure lacks this dimension"),
    "unknown_version": (404, "The figure has no such version"),
    "unknown_row": (422, "There is no such row"),
    "unknown_view": (422, "There is no such view"),
    "unknown_of": (422, "The figure is no share of that"),
    "too_many_years": (422, "The table would have too many years"),
    "too_many_quarters": (422, "The table would have too many quarters"),
    "period_reversed": (422, "The period ends before it starts"),
    "period_outside_ledger": (
        422,
        "The period ends before anything counted happened, or after the current year",
    ),
    "unknown_report": (404, "There is no such report"),
    "unknown_report_version": (404, "The report has no such version"),
    "unknown_report_parameter": (422, "The report takes no such parameter"),
    "import_open": (409, "An attendance list of the period has not come in full"),
    "reports_not_comparable": (422, "The two cannot be compared"),
    "report_mismatch": (500, "The report made again is not the one that was filed"),
    "public_profile": (403, "The public sees whole years at the head only"),
    "rate_limited": (429, "Too many requests"),
    "internal": (500, "Something went wrong here"),
    "busy": (503, "The queue is full"),
    "outcome_unknown": (503, "The database did not answer"),
    "disk_full": (503, "The database's disk is full"),
    "read_models_behind": (503, "The read models have not come that far yet"),
    "unavailable": (503, "The database cannot be reached"),
    "not_as_signed": (503, "The database is no longer what was signed"),
}
"""Codes that are no refusal of the domain: status and title."""


class Finding(Struct, frozen=True, omit_defaults=True):
    """One thing that is wrong: where (JSON pointer or parameter), the value, the rule, the fix."""

    pointer: str
    detail: str
    value: Any = None
    rule: str | None = None
    fix: str | None = None


class Problem(Exception):
    """An answer that is an error. `more` are extension members of the problem object.

    `case` are the fields of a refusal's sentence, for those who say it in other words.
    """

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        errors: tuple[Finding, ...] = (),
        headers: dict[str, str] | None = None,
        case: Mapping[str, object] | None = None,
        **more: Any,
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.errors = errors
        self.headers = headers or {}
        self.case = case or {}
        self.more = more

    @property
    def status(self) -> int:
        """The HTTP status of the code."""
        return status_of(self.code)

    def body(self) -> dict[str, Any]:
        """The problem object."""
        problem: dict[str, Any] = {
            "type": TYPE_PREFIX + self.code,
            "title": title_of(self.code),
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
        }
        if self.errors:
            problem["errors"] = [
                {k: v for k, v in _members(error) if v is not None} for error in self.errors
            ]
        return problem | self.more

    def response(self) -> web.Response:
        """The answer."""
        return web.Response(
            status=self.status,
            body=orjson.dumps(self.body(), default=str),
            headers={"Content-Type": MEDIA_TYPE, "Cache-Control": "no-store", **self.headers},
        )


def _members(finding: Finding) -> list[tuple[str, Any]]:
    return [(name, getattr(finding, name)) for name in finding.__struct_fields__]


def status_of(code: str) -> int:
    """The HTTP status of a code, a refusal's or our own."""
    if code in CODES:
        return CODES[code][0]
    return STATUS_OF_REFUSAL.get(code, 422)


def title_of(code: str) -> str:
    """The short, stable sentence of a code."""
    if code in CODES:
        return CODES[code][1]
    return code.replace("_", " ").capitalize()


def code_of_failure(error: Exception) -> str:
    """What kept a writer from recording, or even refusing, as a code."""
    if isinstance(error, TreeDamaged):
        return "unavailable"
    return "disk_full" if isinstance(error, DiskFull) else "outcome_unknown"


def of_refusal(refusal: Refusal, fact: Fact | None = None, prefix: str = "") -> Problem:
    """A refusal as a problem; `prefix` is the JSON pointer to the event."""
    field = next((f for f in refusal.fields if f in getattr(fact, "__struct_fields__", ())), None)
    rule, fix = ADVICE[refusal.code]
    pointer = prefix + (f"/data/{field}" if field else "")
    value = None if field is None else getattr(fact, field)
    more: dict[str, Any] = (
        {"in_the_way": refusal.case["in_the_way"]} if "in_the_way" in refusal.case else {}
    )
    finding = Finding(pointer, str(refusal), value, rule, fix)
    return Problem(refusal.code, str(refusal), errors=(finding,), case=refusal.case, **more)


def sentence_of(code: str) -> str:
    """What a refusal says, its placeholders in braces; empty for our own codes."""
    refusal = REFUSALS.get(code)
    return " ".join((refusal.__doc__ or "").split()) if refusal else ""


def all_codes() -> dict[str, tuple[int, str]]:
    """Every code that can be answered, with status and title: for the documentation."""
    refusals = {code: (status_of(code), title_of(code)) for code in REFUSALS}
    return dict(sorted((refusals | CODES).items()))
