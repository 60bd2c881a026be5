"""The texts of definitions in an audit bundle: beside a report, those that it rests on. Pure."""

import re
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Final

import msgspec

from ledger.transparency.bag import InvalidBag

_HEADED: Final = re.compile(r"^(?:--|#) (\S+), sha256 ([0-9a-f]{64})\n", re.MULTILINE)


def definition_texts(comment: str, texts: Iterable[tuple[str, str, str]]) -> bytes:
    """Texts under each other from (name, SHA-256, text), each under a line with its name."""
    return "".join(f"{comment} {name}, sha256 {d}\n{text}\n" for name, d, text in texts).encode()


class _Used(msgspec.Struct):
    definition: str
    sha256: str


class _Report(msgspec.Struct):
    definitions: list[_Used]


def demand_definitions(folder: str, report: bytes, toml: bytes, sql: bytes) -> None:
    """Raises InvalidBag unless the texts are those whose digests a report names.

    A definition's digest is SHA-256 of its TOML, a newline, and its SQL.
    """
    try:
        named = msgspec.json.decode(report, type=_Report).definitions
    except msgspec.MsgspecError as error:
        raise InvalidBag(f"{folder}/report.json is no report: {error}.") from error
    meant, counted = _texts(toml), _texts(sql)
    digests = {used.definition: used.sha256 for used in named}
    for name, digest in digests.items():
        text = f"{meant.get(name, '')}\n{counted.get(name, '')}"
        if sha256(text.encode()).hexdigest() != digest:
            raise InvalidBag(
                f"{folder}: definition.toml and definition.sql do not hold the definition {name}"
                f" with the digest {digest} that the report names."
            )
    named_only = [(used.definition, used.sha256) for used in named]
    for comment, texts, raw in (("#", meant, toml), ("--", counted, sql)):
        if definition_texts(comment, [(n, d, texts[n]) for n, d in named_only]) != raw:
            which = "definition.toml" if comment == "#" else "definition.sql"
            raise InvalidBag(f"{folder}/{which} holds more than the report's definitions.")


def _texts(raw: bytes) -> Mapping[str, str]:
    """By name."""
    _, *parts = _HEADED.split(raw.decode("utf-8", "replace"))
    return {
        name: text.removesuffix("\n") for name, text in zip(parts[::3], parts[2::3], strict=True)
    }
