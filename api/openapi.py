"""OpenAPI 3.1 from the route table: `python -m api.openapi > tests/golden/openapi.json`."""

import ast
import inspect
import re
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from types import UnionType
from typing import Any, Final, Union, get_args, get_origin

import msgspec
import orjson
from msgspec import Struct

from api.auth import SCOPES
from api.contract import ANY, PUBLIC, Answer, Route
from api.intake.cloudevents import Event
from api.problems import MEDIA_TYPE, all_codes
from api.routes.facts import Item
from ledger.domain.facts import FACTS

PATH: Final = "/openapi.json"
_TEMPLATE: Final = "#/components/schemas/{name}"
_PLACEHOLDER: Final = re.compile(r"\{(\w+)(?::[^{}]*(?:\{[^{}]*\}[^{}]*)*)?\}")

DESCRIPTION: Final = """\
An event-sourced, verifiable ledger of a cluster programme.

Facts are posted as CloudEvents 1.0 and kept for ever; everything else is computed from them.
Every error is a problem (RFC 9457) with a stable `code`; all codes are listed at `/docs/problems`.
Dates are ISO days of Europe/Berlin, both ends of a period inclusive; instants are UTC, RFC 3339.
"""

TAGS: Final[Mapping[str, str]] = {
    "facts": "Write facts, and read them back in their order: the trail.",
    "views": "Organisations, clusters, memberships, activities, projects: as of a day, known at.",
    "figures": "Counted figures, each with its definition and the facts behind it.",
    "reports": "Filed reports, which never change.",
    "proofs": "Checkpoints, tiles and proofs of the verifiable log.",
    "people": "Sealed personal data.",
    "imports": "Files to facts.",
    "operations": "Is it alive, is it ready, what does it offer.",
    "pages": "Pages for people.",
}


class ProblemError(Struct, frozen=True, omit_defaults=True):
    """One thing that is wrong: a JSON pointer or a parameter, the value, the rule, the fix."""

    pointer: str
    detail: str
    value: Any = None
    rule: str | None = None
    fix: str | None = None


class ProblemDetails(Struct, frozen=True, omit_defaults=True):
    """RFC 9457. `code` is stable; more members may come with a code."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    errors: tuple[ProblemError, ...] = ()


def document(routes: Iterable[Route]) -> dict[str, Any]:
    """The OpenAPI 3.1 document of a route table."""
    table = [route for route in routes if route.in_document]
    types = _types(table)
    schemas, components = msgspec.json.schema_components(
        types, schema_hook=_anything, ref_template=_TEMPLATE
    )
    known = {id(kind): schema for kind, schema in zip(types, schemas, strict=True)}
    _name_facts(components)
    writer = _Writer(known)
    paths: dict[str, dict[str, Any]] = {}
    for route in table:
        operation = writer.operation(route)
        paths.setdefault(_PLACEHOLDER.sub(r"{\1}", route.path), {})[route.method.lower()] = (
            operation
        )
    used = {route.tag for route in table}
    statuses = sorted(frozenset().union(*map(problems_of, table)))
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Clusterledger",
            "version": "1.0.0",
            "summary": "Membership and activity ledger of a cluster programme",
            "description": DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [
            {"name": tag, "description": TAGS.get(tag, tag.capitalize())} for tag in sorted(used)
        ],
        "paths": paths,
        "components": {
            "schemas": {name: _tidied(schema) for name, schema in sorted(components.items())},
            "responses": {f"Problem{status}": writer.problem(status) for status in statuses},
            "securitySchemes": {"bearer": _bearer()},
        },
    }


def rendered(routes: Iterable[Route]) -> bytes:
    """The document as JSON, indented, with a final newline."""
    return orjson.dumps(document(routes), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _anything(kind: type) -> dict[str, Any]:
    """A type that JSON Schema cannot say."""
    if kind is object:
        return {}
    raise TypeError(kind)


def _bearer() -> dict[str, str]:
    scopes = ", ".join(f"`{scope}`" for scope in SCOPES)
    return {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "clk_…",
        "description": f"An API key with its scopes, clusters and sources. Scopes: {scopes}.",
    }


def _alternatives(kind: Any) -> Sequence[Any]:
    """The members of a union: msgspec describes a union of structs only one by one."""
    return get_args(kind) if get_origin(kind) in {Union, UnionType} else (kind,)


def _types(routes: Iterable[Route]) -> list[Any]:
    """Every type that the document describes, each once."""
    found: list[Any] = [ProblemDetails, Event, Item, *FACTS.values()]
    for route in routes:
        bodies = [a.body for a in route.answers.values() if a.body is not None]
        for kind in (*bodies, *route.request_bodies.values()):
            found.extend(_alternatives(kind))
        found.extend(route.path_parameters.values())
        found.extend(kind for _, _, kind in route.request_headers)
        if route.query is not None:
            for field in msgspec.structs.fields(route.query):
                found.extend(_alternatives(field.type))
    unique: list[Any] = []
    for kind in found:
        if not any(kind is other for other in unique):
            unique.append(kind)
    return unique


def _name_facts(components: dict[str, Any]) -> None:
    """Each fact's schema names its type, and an event's data are one of them."""
    for topic, cls in FACTS.items():
        components[cls.__name__]["title"] = topic
    event = components["Event"]["properties"]
    event["type"] = {"enum": list(FACTS), "description": "The fact's type: it tells what data are."}
    event["data"] = {
        # Not oneOf: facts of different types may have the same fields.
        "anyOf": [{"$ref": _TEMPLATE.format(name=cls.__name__)} for cls in FACTS.values()],
        "description": "The fact. Its schema is the one whose title is the event's `type`.",
    }


def _tidied(schema: Any) -> Any:
    """Docstrings without their indentation; what may be left out without `null` as its default."""
    if isinstance(schema, list):
        return [_tidied(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    tidy = {key: _tidied(value) for key, value in schema.items()}
    if isinstance(tidy.get("description"), str):
        tidy["description"] = inspect.cleandoc(tidy["description"])
    if tidy.get("default", ...) is None:
        del tidy["default"]
    return tidy


class _Writer:
    """Describes routes with the schemas at hand."""

    def __init__(self, schemas: Mapping[int, dict[str, Any]]) -> None:
        self._schemas = schemas

    def schema(self, kind: Any) -> dict[str, Any]:
        """A type's schema, a reference where it is a struct."""
        schemas: list[dict[str, Any]] = [_tidied(self._schemas[id(k)]) for k in _alternatives(kind)]
        return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}

    def operation(self, route: Route) -> dict[str, Any]:
        """One route as an OpenAPI operation."""
        described: dict[str, Any] = {
            "operationId": _operation_id(route),
            "tags": [route.tag],
            "summary": route.summary,
            "description": _description(route),
            "security": [{}, {"bearer": []}] if route.scope == PUBLIC else [{"bearer": []}],
            "parameters": self._parameters(route),
        }
        if route.request_bodies:
            content = {
                media: {"schema": self.schema(kind)} for media, kind in route.request_bodies.items()
            }
            described["requestBody"] = {"required": True, "content": content}
        described["responses"] = {
            str(status): self._answer(answer) for status, answer in sorted(route.answers.items())
        } | {
            str(status): {"$ref": f"#/components/responses/Problem{status}"}
            for status in sorted(problems_of(route))
        }
        return described

    def _parameters(self, route: Route) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for name in _PLACEHOLDER.findall(route.path):
            kind = route.path_parameters.get(name)
            schema = {"type": "string", "minLength": 1} if kind is None else self.schema(kind)
            found.append({"name": name, "in": "path", "required": True, "schema": schema})
        if route.query is not None:
            found.extend(self._query(route.query))
        for name, description, kind in route.request_headers:
            entry = {"name": name, "in": "header", "description": description}
            found.append({**entry, "required": False, "schema": self.schema(kind)})
        return [_described(parameter) for parameter in found]

    def _query(self, shape: type[Struct]) -> Iterable[dict[str, Any]]:
        documented = docs_of(shape)
        for field in msgspec.structs.fields(shape):
            schema = _without_null(self.schema(field.type))
            if field.default is not msgspec.NODEFAULT and field.default is not None:
                schema = schema | {"default": field.default}
            parameter = {"name": field.encode_name, "in": "query", "required": field.required}
            if field.name in documented:
                parameter["description"] = documented[field.name]
            yield parameter | {"schema": schema}

    def _answer(self, answer: Answer) -> dict[str, Any]:
        described: dict[str, Any] = {"description": answer.description}
        if not answer.media_types:
            return described
        described["content"] = {
            media: {"schema": self.schema(answer.body)}
            if answer.body is not None and media.endswith("json")
            else {}
            for media in answer.media_types
        }
        return described

    def problem(self, status: int) -> dict[str, Any]:
        """What every problem with a status looks like."""
        codes = [code for code, (of, _) in all_codes().items() if of == status]
        listed = ", ".join(f"`{code}`" for code in codes)
        described: dict[str, Any] = {
            "description": f"Codes: {listed}." if listed else "A problem.",
            "content": {MEDIA_TYPE: {"schema": self.schema(ProblemDetails)}},
        }
        if status in {429, 503}:
            schema = {"schema": {"type": "integer"}, "description": "Seconds."}
            described["headers"] = {"Retry-After": schema}
        return described


def problems_of(route: Route) -> frozenset[int]:
    """Statuses of the problems a route may answer: what it names, and what comes from its kind."""
    found = {400, 401, 429, *route.problems}
    if route.scope not in {PUBLIC, ANY}:
        found.add(403)
    if _PLACEHOLDER.search(route.path):
        found.add(404)
    if route.query is not None or route.scope != PUBLIC:
        found.add(503)
    if route.request_bodies:
        found |= {408, 413, 415, 422}
    return frozenset(found - set(route.answers))


def docs_of(cls: type) -> dict[str, str]:
    """The docstrings of a class's fields: the string literal below each. Read from the source."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(cls)))
    except (OSError, SyntaxError):
        return {}
    found: dict[str, str] = {}
    name: str | None = None
    for node in tree.body[0].body:  # type: ignore[attr-defined]  # a class has a body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            name = node.target.id
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and name:
            found[name] = inspect.cleandoc(str(node.value.value))
            name = None
        else:
            name = None
    return found


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A query parameter is there or not; it is never null."""
    options = [s for s in schema.get("anyOf", ()) if s != {"type": "null"}]
    rest: dict[str, Any] = {key: value for key, value in schema.items() if key != "anyOf"}
    if len(options) == 1:
        rest.update(options[0])
        return rest
    return rest | ({"anyOf": options} if options else {})


def _described(parameter: dict[str, Any]) -> dict[str, Any]:
    """Lift a type's description to the parameter, where readers look for it."""
    schema = dict(parameter["schema"])
    text = schema.pop("description", None)
    return (
        parameter
        | {"schema": schema}
        | ({"description": text} if text else {})
        | ({"description": parameter["description"]} if "description" in parameter else {})
    )


def _description(route: Route) -> str:
    text = inspect.cleandoc(route.handler.__doc__ or route.summary)
    if route.scope not in {PUBLIC, ANY}:
        text += f"\n\nNeeds the scope `{route.scope}`."
    return text


def _operation_id(route: Route) -> str:
    return (
        "_".join(
            [route.method.lower(), *re.findall(r"[a-z0-9]+", _PLACEHOLDER.sub(r"\1", route.path))]
        )
        or "home"
    )


if __name__ == "__main__":
    from api.app import ROUTES

    sys.stdout.buffer.write(rendered(ROUTES))
