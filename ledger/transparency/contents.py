"""What an audit bundle holds: its files, its description. Pure.

Written for `bundle`, demanded by `verify`: both know these and no others.
"""

import json
import re
from collections.abc import Iterable
from typing import Final

from ledger.transparency.bag import (
    CHECKPOINT,
    CONSISTENCY,
    CRATE,
    FACTS,
    PREVIOUS,
    PROOFS,
    REPORTS,
    TILES,
    InvalidBag,
)
from ledger.transparency.checkpoint import Checkpoint
from ledger.transparency.merkle import InvalidProof
from ledger.transparency.note import strict_base64
from ledger.transparency.tiles import NoTile, Tile, parse

NO_DAY: Final = "1970-01-01"
"""Says when a bundle without facts is from: nobody knows, as of each file in its tar."""

_ALONE: Final = frozenset({FACTS, CHECKPOINT, PREVIOUS, CONSISTENCY, CRATE})
_PROOF: Final = re.compile(PROOFS + r"/([1-9][0-9]{0,18})\.tlog-proof")
_REPORT: Final = re.compile(
    REPORTS + r"/[a-z0-9_-][a-z0-9_.-]*@[0-9]+/(report\.json|definition\.sql|definition\.toml)"
)
_OLD: Final = re.compile("old (0|[1-9][0-9]{0,18})")


def demand_known(path: str) -> None:
    """Raises InvalidBag for a file that no audit bundle has: it would be sealed and never read."""
    if path in _ALONE or _REPORT.fullmatch(path) or _PROOF.fullmatch(path):
        return
    try:
        if path.startswith(f"{TILES}/") and isinstance(parse(path.removeprefix("data/")), Tile):
            return
    except NoTile as error:
        raise InvalidBag(str(error)) from error
    raise InvalidBag(f"{path} is no file of an audit bundle: it was added.")


def proof_path(position: int) -> str:
    """Where the proof of a position is."""
    return f"{PROOFS}/{position}.tlog-proof"


def proven_position(path: str) -> int:
    """The position a proof's path names. Raises InvalidBag."""
    matched = _PROOF.fullmatch(path)
    if matched is None:
        raise InvalidBag(f"{path} is not named as the proof of a position.")
    return int(matched[1])


# RO-Crate


def part_of(path: str) -> str:
    """What a payload file is described as: itself, or the folder of all tiles or proofs, so that
    the description does not grow with the log."""
    folder = next((f for f in (TILES, PROOFS) if path.startswith(f"{f}/")), None)
    return (path if folder is None else f"{folder}/").removeprefix("data/")


def crate(checkpoint: Checkpoint, after: int, recorded_at: str, parts: Iterable[str]) -> bytes:
    """RO-Crate 1.1 metadata: what this is, for archives and catalogues.

    `parts` are those of the other payload files, `recorded_at` is of the last fact.
    """
    origin, size, root = checkpoint
    which = f"facts {after + 1} to {size}" if after < size else "no facts"
    parts = sorted(set(parts))
    graph = [
        {
            "@id": "ro-crate-metadata.json",
            "@type": "CreativeWork",
            "about": {"@id": "./"},
            "conformsTo": {"@id": "https://w3id.org/ro/crate/1.1"},
        },
        {
            "@id": "./",
            "@type": "Dataset",
            "datePublished": recorded_at if after < size else NO_DAY,
            "description": f"Audit bundle of {origin}: {which} of {size}, root {root.hex()}.",
            "hasPart": [{"@id": part} for part in parts],
            "license": {"@id": "#licence"},
            "name": f"Audit bundle of {origin}",
        },
        {
            "@id": "#licence",
            "@type": "CreativeWork",
            "description": "Official records of the programme's operator.",
            "name": "Not licensed",
        },
        *map(_described, parts),
    ]
    whole = {"@context": "https://w3id.org/ro/crate/1.1/context", "@graph": graph}
    return json.dumps(whole, indent=1, sort_keys=True, ensure_ascii=False).encode() + b"\n"


_NAMES: Final = {
    FACTS: "Facts, one canonical JSON object a line",
    CHECKPOINT: "Signed checkpoint (C2SP tlog-checkpoint)",
    PREVIOUS: "Earlier signed checkpoint (C2SP tlog-checkpoint)",
    CONSISTENCY: "Proof that the log grew from the earlier checkpoint (C2SP tlog-witness)",
    f"{TILES}/": "The tree's hashes (C2SP tlog-tiles)",
    f"{PROOFS}/": "Proofs that facts are in the tree (C2SP tlog-proof)",
}
_TYPES: Final = {
    ".json": "application/json",
    ".ndjson": "application/x-ndjson",
    ".sql": "application/sql",
    ".toml": "application/toml",
}


def _described(part: str) -> dict[str, str]:
    name = _NAMES.get(f"data/{part}", "Part of a published report")
    if part.endswith("/"):
        return {"@id": part, "@type": "Dataset", "name": name}
    kind = next((kind for end, kind in _TYPES.items() if part.endswith(end)), "text/plain")
    return {"@id": part, "@type": "File", "encodingFormat": kind, "name": name}


def consistency_of(raw: bytes) -> tuple[int, list[bytes]]:
    """(old size, hashes) of data/consistency.txt: `old N`, a hash a line, as C2SP tlog-witness has
    it. Raises InvalidProof, InvalidNote.
    """
    first, *rest = raw.decode("ascii", "replace").split("\n")
    old = _OLD.fullmatch(first)
    if old is None or "" not in rest:
        raise InvalidProof(f"{CONSISTENCY} does not begin with 'old SIZE' and hashes.")
    return int(old[1]), [strict_base64(line) for line in rest[: rest.index("")]]
