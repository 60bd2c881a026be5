"""Verifiers that nobody here wrote, each behind one question: do you accept this log?"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from base64 import b64encode
from collections.abc import Callable, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import orjson

from ledger.transparency.checkpoint import Checkpoint
from ledger.transparency.merkle import (
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    perfect_nodes,
    root_of,
)
from ledger.transparency.note import signed
from ledger.transparency.proof import Proof
from ledger.transparency.tiles import tiles_of
from tests.transparency.growing import Grown
from tests.transparency.small_log import key

HERE = Path(__file__).parent
GOPATH = Path("/usr/share/gocode")
"""Where Debian's golang-golang-x-mod-dev puts its sources: nothing is fetched."""


class Refused(Exception):
    """A verifier said no."""


class Inclusion(NamedTuple):
    """A leaf with its proof."""

    index: int
    leaf: bytes
    hashes: Sequence[bytes]


class Growth(NamedTuple):
    """An older tree, with the proof that the log goes on from it."""

    old: Checkpoint
    note: bytes
    hashes: Sequence[bytes]


class Case(NamedTuple):
    """A log as a verifier is shown it. `file` gives its tiles by their paths."""

    vkey: str
    checkpoint: Checkpoint
    note: bytes
    inclusions: Sequence[Inclusion]
    growths: Sequence[Growth]
    leaf_hashes: Sequence[bytes]
    file: Callable[[str], bytes | None]


def case(grown: Grown, size: int) -> Case:
    """What there is to verify of the log's first `size` leaves."""
    read = grown.reader(size)
    checkpoint = at(grown, size)
    indexes = {i for i in (0, 1, size // 2, size - 2, size - 1) if 0 <= i < size}
    olds = {s for s in (1, 2, size // 3, 256, size - 1, size) if 0 < s <= size}
    return Case(
        str(key().verifier),
        checkpoint,
        signed(checkpoint.text, [key()]).encode(),
        [Inclusion(i, b"leaf %d" % i, inclusion_proof(i, size, read)) for i in sorted(indexes)],
        [growth(at(grown, old), consistency_proof(old, size, read)) for old in sorted(olds)],
        grown.rows.get(0, [])[:size],
        {tile.path: grown.tile(tile) for tile in tiles_of(size)}.get,
    )


def growth(old: Checkpoint, hashes: Sequence[bytes]) -> Growth:
    """From a checkpoint that was signed then."""
    return Growth(old, signed(old.text, [key()]).encode(), hashes)


def at(grown: Grown, size: int) -> Checkpoint:
    """The checkpoint of the log's beginning."""
    root = root_of(grown.reader(size)(perfect_nodes(0, size)))
    return Checkpoint(key().verifier.name, size, root)


def text(raw: bytes) -> str:
    return b64encode(raw).decode()


def as_json(shown: Case) -> bytes:
    """A case as the programs in other languages read it."""
    return orjson.dumps(
        {
            "Key": shown.vkey,
            "Checkpoint": shown.note.decode(),
            "Proofs": [
                {"Index": i.index, "Leaf": text(i.leaf), "Hashes": list(map(text, i.hashes))}
                for i in shown.inclusions
            ],
            "Growths": [
                {"Size": g.old.size, "Root": text(g.old.root), "Hashes": list(map(text, g.hashes))}
                for g in shown.growths
            ],
            "LeafHashes": list(map(text, shown.leaf_hashes)),
        }
    )


def _answer(command: Sequence[str], shown: Case) -> str:
    done = subprocess.run(command, input=as_json(shown), capture_output=True, check=False)
    said = done.stdout.decode().strip()
    if done.returncode:
        raise Refused(said + done.stderr.decode())
    assert said.startswith("accepted: "), said
    return said


# One function each: what it printed or found, or Refused


@cache
def _go_folder() -> tempfile.TemporaryDirectory[str]:
    """Holds the Go program, built once from Debian's sources; goes when the run ends."""
    folder = tempfile.TemporaryDirectory(prefix="clusterledger-go-")
    subprocess.run(
        ["go", "build", "-o", f"{folder.name}/check", str(HERE / "go" / "main.go")],
        env={
            "GO111MODULE": "off",
            "GOPATH": str(GOPATH),
            "GOCACHE": f"{folder.name}/cache",
            "PATH": os.environ["PATH"],
        },
        check=True,
        capture_output=True,
    )
    return folder


def go_sumdb(shown: Case) -> str:
    """Go's golang.org/x/mod/sumdb: note and tlog, which guard every `go get`."""
    return _answer([f"{_go_folder().name}/check"], shown)


def sigstore(shown: Case) -> str:
    """@sigstore/verify, with which npm checks the provenance of packages."""
    return _answer(["node", str(HERE / "node" / "check.mjs")], shown)


def metamorphic(shown: Case) -> str:
    """metamorphic-log, in Rust."""
    import metamorphic_log

    note = shown.note.decode()
    try:
        head = metamorphic_log.checkpoint_verify(note, [shown.vkey])
        for i in shown.inclusions:
            metamorphic_log.checkpoint_verify_inclusion(
                note, [shown.vkey], i.index, leaf_hash(i.leaf), list(i.hashes)
            )
        for g in shown.growths:
            older, hashes = g.note.decode(), list(g.hashes)
            metamorphic_log.checkpoint_verify_consistency(older, note, [shown.vkey], hashes)
    except metamorphic_log.VerifyError as error:
        raise Refused(repr(error)) from error
    return f"{head}, {len(shown.inclusions)} inclusions, {len(shown.growths)} growths"


def proofbundles(shown: Case) -> str:
    """proofbundle, in Python; its reader of .tlog-proof too."""
    import proofbundle
    from proofbundle.checkpoint import verify_checkpoint

    found = verify_checkpoint(shown.note.decode(), shown.vkey)
    _demand(found["ok"], found)
    for i in shown.inclusions:
        proof = Proof(i.index, tuple(i.hashes), shown.note).encode().decode()
        origin = shown.checkpoint.origin
        told = proofbundle.verify_tlog_proof(proof, i.leaf, shown.vkey, expected_origin=origin)
        _demand(told["ok"], told)
    for old, _, hashes in shown.growths:
        size, root = shown.checkpoint.size, shown.checkpoint.root
        held = proofbundle.verify_consistency(old.size, size, list(hashes), old.root, root)
        _demand(held, old)
    return str(found)


def _demand(accepted: bool, told: object) -> None:
    if not accepted:
        raise Refused(str(told))


class _Tiles:
    """tlog-scales asks for tiles by path: it gets those that a bundle or the service would give."""

    def __init__(self, shown: Case) -> None:
        self._shown = shown

    def get(self, *path: str) -> bytes | None:
        asked = "/".join(path)
        return self._shown.note if asked == "checkpoint" else self._shown.file(asked)


def tlog_scales(shown: Case) -> str:
    """tlog-scales, in Python: proofs that it makes itself from our tiles, and checks."""
    from tlog_scales.reader import TilesReader
    from tlog_scales.signing import Vkey

    reader = TilesReader(_Tiles(shown))
    try:
        found = reader.get_checkpoint()
        found.verify(Vkey.from_string(shown.vkey))
        _demand(reader.calculate_root_hash() == found.root_hash, "the root from the tiles differs")
        for i in shown.inclusions:
            proof = reader.get_inclusion_proof(i.index, found.size)
            proof.check(leaf_hash(i.leaf), found.root_hash)
            _demand(proof.node_hashes == list(i.hashes), "its own proof differs from the one shown")
        for old, _, hashes in shown.growths:
            made = reader.get_consistency_proof(old.size, found.size)
            made.check(old.root, found.root_hash)
            _demand(made.node_hashes == list(hashes), "its own proof differs from the one shown")
    except Refused:
        raise
    except Exception as error:
        raise Refused(repr(error)) from error
    return str(found)


class Verifier(NamedTuple):
    """`checks` names what it can check besides inclusion: n(ote), g(rowth). `there`: it is
    installed; `expected`: `make foreign` or the lock install it on a machine like this."""

    ask: Callable[[Case], str]
    checks: str
    there: bool
    expected: bool


def _package(ask: Callable[[Case], str], name: str) -> Verifier:
    return Verifier(ask, "ng", find_spec(name) is not None, expected=True)


_IS_DEBIAN_ROOT = os.geteuid() == 0 and bool(shutil.which("apt-get"))
_GO = bool(shutil.which("go")) and (GOPATH / "src/golang.org/x/mod").is_dir()
_NODE = bool(shutil.which("node")) and (HERE / "node/node_modules/@sigstore").is_dir()
VERIFIERS = {
    "golang.org/x/mod/sumdb": Verifier(go_sumdb, "ng", _GO, _IS_DEBIAN_ROOT),
    "@sigstore/verify": Verifier(sigstore, "n", _NODE, bool(shutil.which("npm"))),
    "metamorphic-log": _package(metamorphic, "metamorphic_log"),
    "proofbundle": _package(proofbundles, "proofbundle"),
    "tlog-scales": _package(tlog_scales, "tlog_scales"),
}


def main() -> int:
    """Print which verifiers are here. Exit code 1: fewer than two, or one that should be is not."""
    missing = [n for n, v in VERIFIERS.items() if v.expected and not v.there]
    there = [n for n, v in VERIFIERS.items() if v.there]
    print(f"foreign verifiers: {', '.join(there) or 'none'}")
    if missing:
        print(f"foreign verifiers missing: {', '.join(missing)}: make foreign")
    return 1 if missing or len(there) < 2 else 0


if __name__ == "__main__":
    sys.exit(main())
