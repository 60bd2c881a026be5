"""Exporting the loaded ledger as an audit bundle, and verifying it as an auditor would."""

import time
from collections.abc import Iterator
from contextlib import redirect_stdout
from hashlib import sha256
from io import StringIO
from pathlib import Path
from typing import IO, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger.store import proofs
from ledger.store.database import READER, connect
from ledger.store.stored_log import StoredLog
from ledger.transparency import bundle
from ledger.transparency.bag import FACTS, as_tar, opened
from ledger.transparency.checkpoint import Checkpoint
from ledger.transparency.hashes import hash_all
from ledger.transparency.leaves import blocks
from ledger.transparency.merkle import Frontier, perfect_nodes, root_of
from ledger.transparency.note import SigningKey, signed
from ledger.transparency.tiles import hash_reader
from tests.bench import verifying
from tests.bench.children import apart
from tests.bench.rows import Row, row
from tests.bench.stage import Stage

EXPORT_FACTS_PER_S: Final = 150_000
VERIFY_FACTS_PER_S: Final = 100_000
VERIFY_SECONDS_MAX: Final = 8.0
VERIFY_MB_MAX: Final = 300.0
HASH_TURNS: Final = 5
"""Of each; the fastest counts."""


def export(stage: Stage) -> Iterator[Row]:
    """Everything as a tar, checkpoint, tiles and manifest with it."""
    stage.loaded()
    rate, _, _ = _exported(stage)
    yield row("export", rate, "facts/s", EXPORT_FACTS_PER_S)


def verify(stage: Stage) -> Iterator[Row]:
    """`ledger.transparency.verify` without a checkpoint that is held and without reports; its
    hashing beside the plainest loop."""
    stage.loaded()
    _, path, vkey = _exported(stage)
    (facts, seconds), peak = apart(verifying.alone, str(path), vkey)
    yield row("verify", facts / seconds, "facts/s", VERIFY_FACTS_PER_S)
    yield row("verify_seconds", seconds, "s", VERIFY_SECONDS_MAX * max(stage.sizes.scale, 1))
    yield row("verify_peak_rss", peak / 1e6, "MB", VERIFY_MB_MAX)
    (hashed, plain), _ = apart(_hash, str(path))
    yield row("verify_hash_share", hashed, "facts/s", plain)
    path.unlink()


def verify_all_steps(stage: Stage) -> Iterator[Row]:
    """`clusterledger verify` as an auditor uses it: with a checkpoint held from half the facts, a
    filed report that is counted again, and its proof."""
    yield from _audited(stage, "verify_all_steps", "cumulative_headline")


def verify_complete(stage: Stage) -> Iterator[Row]:
    """The same where all reports in one were filed: a hundred questions to the second engine."""
    yield from _audited(stage, "verify_complete", "complete")


def _audited(stage: Stage, name: str, report: str) -> Iterator[Row]:
    """Memory is that of both processes, the sum of their peaks; the recount's stands beside it."""
    stage.rebuilt()
    path, held = stage.folder / "audit.tar", stage.folder / "held"
    vkey, _ = apart(_export_audit, stage.place.url, str(path), str(held), report)
    (facts, seconds, recount), peak = apart(verifying.audit, str(path), vkey, str(held))
    yield row(name, facts / seconds, "facts/s", VERIFY_FACTS_PER_S)
    yield row(f"{name}_seconds", seconds, "s", VERIFY_SECONDS_MAX * max(stage.sizes.scale, 1))
    yield row(f"{name}_peak_rss", (peak + recount) / 1e6, "MB", VERIFY_MB_MAX)
    yield row(f"{name}_recount_rss", recount / 1e6, "MB")
    path.unlink()


def _export_audit(url: str, path: str, held_path: str, report: str) -> str:
    """The verifier key of a bundle with everything; a report is filed first."""
    from api.bundling import contents_of, reports_of
    from api.cli.main import app
    from projections.runner import Projector

    asked = ["report", "file", report, "--to", "2025-12-31", "--database-url", url]
    with redirect_stdout(StringIO()):
        app(asked, standalone_mode=False)
    with Projector(url) as projector:
        while projector.advance():
            pass
    with StoredLog(url) as log, connect(url, READER, autocommit=True) as conn:
        key = SigningKey(log.book.origin, Ed25519PrivateKey.generate())
        size, root = proofs.head_of(log.conn)
        old = size // 2
        old_root = root_of(hash_reader(size, log.tiles)(perfect_nodes(0, old)))
        now, held = (Checkpoint(log.book.origin, *at) for at in ((size, root), (old, old_root)))
        note, held_note = (signed(found.text, [key]).encode() for found in (now, held))
        reports = reports_of(conn, now)
        contents = contents_of(log, conn, note, now, reports, previous=(held_note, held))
        with Path(path).open("wb") as file:
            file.writelines(as_tar(bundle.members(log, contents)))
        Path(held_path).write_bytes(held_note)
        return str(key.verifier)


def _exported(stage: Stage) -> tuple[float, Path, str]:
    path = stage.folder / "bundle.tar"
    (facts, seconds, vkey), _ = apart(_export, stage.place.url, str(path))
    return facts / seconds, path, vkey


def _export(url: str, path: str) -> tuple[int, float, str]:
    with StoredLog(url) as log, Path(path).open("wb") as file:
        size, root = proofs.head_of(log.conn)
        checkpoint = Checkpoint(log.book.origin, size, root)
        key = SigningKey(log.book.origin, Ed25519PrivateKey.generate())
        note = signed(checkpoint.text, [key]).encode()
        began = time.perf_counter()
        contents = bundle.Contents(note, checkpoint, log.recorded_at(size))
        file.writelines(as_tar(bundle.members(log, contents)))
        return size, time.perf_counter() - began, str(key.verifier)


def _hash(path: str) -> tuple[float, float]:
    """Facts a second: up to the root, and the plainest loop that reads and hashes each leaf."""
    with opened(Path(path)) as bag:
        rates = []
        for work in (_plainly, _to_the_root) * HASH_TURNS:
            with bag.open(FACTS) as file:
                began = time.perf_counter()
                facts = work(file)
                rates.append(facts / (time.perf_counter() - began))
    return max(rates[1::2]), max(rates[::2])


def _to_the_root(file: IO[bytes]) -> int:
    return hash_all(blocks(file, lambda: 0), Frontier()).frontier.size


def _plainly(file: IO[bytes]) -> int:
    facts = 0
    for line in file:
        sha256(b"\x00" + line[:-1]).digest()
        facts += 1
    return facts
