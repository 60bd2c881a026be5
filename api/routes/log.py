"""The verifiable log: checkpoint, tiles, proofs, keys. Public, apart from the facts themselves."""

import asyncio
from collections.abc import Callable
from typing import Any, Final, TypeVar

from aiohttp import hdrs, web
from msgspec import Struct, field
from psycopg import Connection

from api.answers import OCTETS, PRIVATE, shown
from api.contract import PUBLIC, Answer, Route, path_value, query
from api.problems import Finding, Problem
from api.requests import authority_of
from api.routes.trail import TRAIL_READ, limited_to
from api.routes.trail_shapes import Position
from api.state import STATE, State
from ledger.store import proofs
from ledger.store.proofs import Nodes
from ledger.store.tree import TreeHead
from ledger.transparency.checkpoint import Checkpoint
from ledger.transparency.memory import SigningRefused
from ledger.transparency.merkle import InvalidProof, verify_inclusion
from ledger.transparency.proof import Proof
from ledger.transparency.tiles import Entries, NoTile, Tile, holds, parse

TEXT: Final = "text/plain"
_TEXT_HEADERS: Final = {hdrs.CONTENT_TYPE: "text/plain; charset=utf-8"}
_IMMUTABLE: Final = "max-age=31536000, immutable"

R = TypeVar("R")


class InclusionQuery(Struct, frozen=True):
    """Which fact, in which tree."""

    position: Position
    size: Position | None = None
    """The tree's size; left out: as it is now."""


class ConsistencyQuery(Struct, frozen=True):
    """From which tree to which."""

    from_: Position = field(name="from")
    """The smaller tree's size."""
    to: Position | None = None
    """The larger tree's size; left out: as it is now."""


class Inclusion(Struct, frozen=True):
    """RFC 9162, section 2.1.3: the leaf's way up to the root. Hashes in hexadecimal."""

    position: int
    leaf_index: int
    leaf_hash: str
    tree_size: int
    root: str
    hashes: list[str]


class Consistency(Struct, frozen=True):
    """RFC 9162, section 2.1.4: the larger tree starts with the smaller. Hashes in hexadecimal."""

    from_size: int
    from_root: str
    to_size: int
    to_root: str
    hashes: list[str]


def _invalid(name: str, detail: str, fix: str) -> Problem:
    return Problem("invalid_parameter", detail, errors=(Finding(name, detail, fix=fix),))


def _size(name: str, wanted: int | None, head: int) -> int:
    """A tree size there is. Raises Problem `invalid_parameter`."""
    if wanted is not None and wanted > head:
        raise _invalid(
            name, f"The tree has {head} leaves, not {wanted} yet.", f"At most {head}, or leave it."
        )
    return head if wanted is None else wanted


def _root(head: TreeHead, nodes: Nodes, size: int) -> bytes:
    return head.root if size == head.size else nodes.root_at(size)


async def _proven(state: State, prove: Callable[..., R], *asked: Any) -> R:
    """A proof, or a part of the tree. Raises Problem `not_as_signed` where the tree has holes."""
    try:
        return await state.read(prove, *asked)
    except (InvalidProof, NoTile) as error:
        raise not_as_signed(error) from error


def not_as_signed(why: Exception) -> Problem:
    """The database must not be handed out as proven."""
    return Problem(
        "not_as_signed",
        f'The database is no longer what was signed; see docs/operations.md, "Restore". {why}',
    )


def _inclusion(conn: Connection[Any], position: int, wanted: int | None) -> Inclusion:
    head = proofs.head_of(conn)
    size = _size("size", wanted, head.size)
    leaf, nodes, hashes = _way_up(conn, position, size)
    root = _root(head, nodes, size)
    return Inclusion(
        position, position - 1, leaf.hex(), size, root.hex(), [found.hex() for found in hashes]
    )


def _way_up(conn: Connection[Any], position: int, size: int) -> tuple[bytes, Nodes, list[bytes]]:
    """A leaf's hash, the tree of a size, and the hashes between. Raises Problem, NoTile."""
    if not 0 < position <= size:
        raise Problem("not_found", f"A tree of {size} leaves holds no fact at {position}.")
    nodes = Nodes(conn, size)
    return proofs.leaf_hash_at(conn, position), nodes, nodes.inclusion(position)


def _proof(conn: Connection[Any], position: int, note: bytes, said: Checkpoint) -> Proof:
    """A fact's inclusion in a checkpoint. Raises Problem, NoTile, InvalidProof."""
    leaf, _, hashes = _way_up(conn, position, said.size)
    verify_inclusion(leaf, position - 1, said.size, hashes, said.root)
    return Proof(position - 1, tuple(hashes), note)


async def inclusion(request: web.Request) -> web.StreamResponse:
    """That a fact is in the tree: the hashes beside its leaf's way up to the root."""
    asked = query(request, InclusionQuery)
    state = request.app[STATE]
    return shown(request, await _proven(state, _inclusion, asked.position, asked.size))


def _consistency(conn: Connection[Any], old: int, wanted: int | None) -> Consistency:
    head = proofs.head_of(conn)
    new = _size("to", wanted, head.size)
    if old > new:
        detail = f"A tree of {old} leaves does not come before one of {new}."
        raise _invalid("from", detail, f"At most {new}; `from` is the smaller one.")
    nodes = Nodes(conn, new)
    hashes = [found.hex() for found in nodes.consistency(old)]
    roots = [_root(head, nodes, size).hex() for size in (old, new)]
    return Consistency(old, roots[0], new, roots[1], hashes)


async def consistency(request: web.Request) -> web.StreamResponse:
    """That the tree only grew: the hashes that lead from the smaller root to the larger."""
    asked = query(request, ConsistencyQuery)
    return shown(request, await _proven(request.app[STATE], _consistency, asked.from_, asked.to))


async def signed_note(state: State) -> tuple[bytes, Checkpoint]:
    """The last checkpoint: its note, and what it says.

    Raises Problem `not_found` where nothing was signed, `not_as_signed` where it is damaged.
    """
    files = state.log_files
    try:
        origin = state.ledger.book.origin
        found = None if files is None else await asyncio.to_thread(files.signed, origin)
    except SigningRefused as error:
        raise not_as_signed(error) from error
    if found is None:
        raise Problem("not_found", "No checkpoint was signed here; see `log` in /readyz.")
    return found


async def checkpoint(request: web.Request) -> web.StreamResponse:
    """The last signed checkpoint: origin, size, root, signatures. C2SP tlog-checkpoint."""
    note, _ = await signed_note(request.app[STATE])
    headers = {**_TEXT_HEADERS, hdrs.CACHE_CONTROL: "no-cache"}
    return web.Response(body=note, headers=headers)


async def keys(request: web.Request) -> web.StreamResponse:
    """The keys that sign checkpoints now, a verifier key a line. Compare them with another source.

    A key that comes from the log itself proves nothing against whoever runs the log.
    """
    files = request.app[STATE].log_files
    if files is None or not files.public.exists():
        raise Problem("not_found", "No checkpoint was signed here; see `log` in /readyz.")
    text = await asyncio.to_thread(files.public.read_bytes)
    return web.Response(body=text, headers={**_TEXT_HEADERS, hdrs.CACHE_CONTROL: "no-cache"})


async def proof_file(request: web.Request) -> web.StreamResponse:
    """A fact's inclusion in the last checkpoint, in one file. C2SP tlog-proof."""
    position = path_value(request, "position", Position)
    state = request.app[STATE]
    proof = await _proven(state, _proof, position, *await signed_note(state))
    headers = {**_TEXT_HEADERS, hdrs.CACHE_CONTROL: "no-cache"}
    return web.Response(body=proof.encode(), headers=headers)


def _place(request: web.Request, kind: type[Tile] | type[Entries]) -> Any:
    try:
        place = parse(request.path.removeprefix("/"))
    except NoTile as error:
        raise Problem("not_found", str(error)) from error
    if not isinstance(place, kind):
        raise Problem("not_found", f"{request.path[:100]!r} is no path of a tile.")
    return place


def _content(conn: Connection[Any], place: Tile | Entries) -> bytes:
    """A tile or an entry bundle. Raises Problem `not_found` where the tree has not grown so far,
    NoTile for a hole in it."""
    if not holds(proofs.head_of(conn).size, place):
        raise Problem("not_found", f"The log has no {place.path} yet.")
    if isinstance(place, Entries):
        return proofs.read_entries(conn, place)
    return proofs.read_tiles(conn, [place])[place]


async def tile(request: web.Request) -> web.StreamResponse:
    """A tile: up to 256 hashes of the tree, 32 bytes each. C2SP tlog-tiles."""
    found = await _proven(request.app[STATE], _content, _place(request, Tile))
    headers = {hdrs.CONTENT_TYPE: OCTETS, hdrs.CACHE_CONTROL: f"public, {_IMMUTABLE}"}
    return web.Response(body=found, headers=headers)


async def entries(request: web.Request) -> web.StreamResponse:
    """An entry bundle: up to 256 facts as stored, each after its length in 16 bits."""
    authority = authority_of(request)
    if limited_to(authority) is not None:
        detail = "Bundles hold facts of all clusters, and this key covers some."
        raise Problem("cluster_not_covered", detail)
    found = await _proven(request.app[STATE], _content, _place(request, Entries))
    headers = {**PRIVATE, hdrs.CONTENT_TYPE: OCTETS, hdrs.CACHE_CONTROL: f"private, {_IMMUTABLE}"}
    return web.Response(body=found, headers=headers)


_SIGNED: Final = Answer("As signed.", None, (TEXT,))

ROUTES: Final = (
    Route(
        "GET",
        "/checkpoint",
        checkpoint,
        "The last signed checkpoint",
        PUBLIC,
        {200: _SIGNED},
        "log",
        problems=(404, 429, 503),
    ),
    Route(
        "GET",
        "/.well-known/log-keys",
        keys,
        "The keys that sign checkpoints",
        PUBLIC,
        {200: Answer("A verifier key a line.", None, (TEXT,))},
        "log",
        problems=(404, 429),
    ),
    Route(
        "GET",
        "/tile/entries/{number:.+}",
        entries,
        "Facts of one tile, as stored",
        TRAIL_READ,
        {200: Answer("The bundle.", None, (OCTETS,))},
        "log",
        path_parameters={"number": str},
        problems=(401, 403, 404, 429, 503),
    ),
    Route(
        "GET",
        "/tile/{level}/{number:.+}",
        tile,
        "A tile of the tree's hashes",
        PUBLIC,
        {200: Answer("The hashes.", None, (OCTETS,))},
        "log",
        path_parameters={"level": str, "number": str},
        problems=(404, 429, 503),
    ),
    Route(
        "GET",
        "/v1/proofs/inclusion",
        inclusion,
        "That a fact is in the tree",
        PUBLIC,
        {200: Answer("The proof.", Inclusion)},
        "log",
        query=InclusionQuery,
        problems=(400, 404, 429, 503),
    ),
    Route(
        "GET",
        "/v1/proofs/consistency",
        consistency,
        "That the tree only grew",
        PUBLIC,
        {200: Answer("The proof.", Consistency)},
        "log",
        query=ConsistencyQuery,
        problems=(400, 429, 503),
    ),
    Route(
        "GET",
        "/v1/proofs/{position}.tlog-proof",
        proof_file,
        "A fact's inclusion in the last checkpoint, as a file",
        PUBLIC,
        {200: _SIGNED},
        "log",
        path_parameters={"position": Position},
        problems=(404, 429, 503),
    ),
)
