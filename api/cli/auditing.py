"""`clusterledger export` and `clusterledger verify`: the audit bundle, made and checked."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import psycopg
from msgspec import MsgspecError, Struct

from api.bundling import contents_of, reports_of
from api.cli.logkeys import sign_now
from api.cli.place import Place, log_files_at, visited
from api.cli.recounting import Within
from api.cli.terminal import CommandError, progress_bar
from api.logs import configure
from api.settings import Settings
from ledger.store.database import READER, connect
from ledger.store.stored_log import StoredLog
from ledger.transparency import bundle
from ledger.transparency.bag import as_tar, write_folder
from ledger.transparency.checkpoint import Checkpoint
from ledger.transparency.keyring import KeyUnusable
from ledger.transparency.merkle import InvalidProof
from ledger.transparency.note import InvalidNote, Note
from ledger.transparency.outcome import Step, Steps
from ledger.transparency.signer import AnotherSigner
from ledger.transparency.tiles import NoTile
from ledger.transparency.verifier import Verifier
from projections import progress
from projections.check import check
from projections.figures.refusals import FigureRefusal
from projections.reports.refusals import ReportMismatch

Told = Callable[[Step], object]

DAMAGED: Final = (ReportMismatch, FigureRefusal, InvalidProof, NoTile, MsgspecError)
"""What a bundle of a ledger ends with whose facts, tiles or figures are not what they were."""


class Export(Struct, frozen=True):
    """What to export. `upto` is the signed checkpoint to reach up to, the newest if left out;
    `since` one that the auditor holds."""

    output: Path
    upto: Path | None = None
    since: Path | None = None
    range_only: bool = False
    reports: bool = True


def export(settings: Settings, asked: Export, *, quiet: bool) -> dict[str, Any]:
    """Write an audit bundle. Nothing is left behind where it cannot be finished."""
    configure("warning")
    if asked.range_only and asked.since is None:
        raise CommandError(
            "--range-only needs --since: the checkpoint that the range begins after."
        )
    if asked.output.exists():
        raise CommandError(f"{asked.output} is there already: choose another name.")
    with visited(settings) as place, StoredLog(place.url) as log:
        note, checkpoint = _note(asked.upto or _signed_now(settings, place), log)
        held = None if asked.since is None else _note(asked.since, log)
        after = held[1].size if held is not None and asked.range_only else 0
        if held is not None and held[1].size > checkpoint.size:
            raise CommandError(
                f"{asked.since} has {held[1].size:,} facts, the checkpoint to reach up to"
                f" {checkpoint.size:,}: --since is the older one. Are the two swapped?"
            )
        with connect(place.url, READER, autocommit=True) as conn:
            try:
                known = min(progress.position(conn), checkpoint.size)
                filed = reports_of(conn, checkpoint, after=after) if asked.reports else []
                contents = contents_of(
                    log, conn, note, checkpoint, filed, after=after, previous=held
                )
                with progress_bar("export", None, quiet=quiet) as bar:
                    _write(bundle.members(log, contents, bar.update), asked.output)
            except DAMAGED as error:
                raise CommandError(
                    f"The bundle cannot be made: {error} `clusterledger check` says where the"
                    " ledger is damaged."
                ) from error
            except FileExistsError as error:
                raise CommandError(str(error)) from error
    return {
        "bundle": str(asked.output),
        "facts": checkpoint.size - after,
        "tree_size": checkpoint.size,
        "root": checkpoint.root.hex(),
        "reports": [filing.report for filing in filed],
        # Behind the checkpoint where no service runs: what was filed since is not in the bundle.
        "reports_upto": known,
    }


def _signed_now(settings: Settings, place: Place) -> Path:
    """The newest checkpoint, signed now where no running service does that and we may. Raises
    CommandError, SigningRefused."""
    path = newest_checkpoint(settings)
    with suppress(AnotherSigner, KeyUnusable, OSError):
        sign_now(settings, place.url)
    return path


def newest_checkpoint(settings: Settings) -> Path:
    """The file that the log's signer keeps its last checkpoint in. Raises CommandError."""
    files = log_files_at(settings)
    if files is None or not files.checkpoint.is_file():
        raise CommandError(
            "No signed checkpoint is here: sign one with `clusterledger checkpoint`, start the"
            " service once, name its CLUSTERLEDGER_LOG_DIR, or give a checkpoint with --upto."
        )
    return files.checkpoint


def _note(path: Path, log: StoredLog) -> tuple[bytes, Checkpoint]:
    """A checkpoint's note and what it says of this log. Whoever verifies checks its signature."""
    note = path.read_bytes()
    try:
        found = Checkpoint.parse(Note.parse(note).text)
    except InvalidNote as error:
        raise CommandError(f"{path} is no checkpoint: {error}") from error
    if found.origin != log.book.origin:
        raise CommandError(f"{path} is a checkpoint of {found.origin}, not of {log.book.origin}.")
    head = log.book.head().position
    if found.size > head:
        raise CommandError(
            f"{path} is of {found.size:,} facts, and this ledger has {head:,}: it was cut, or"
            " restored to an older point. See docs/verifying.md."
        )
    return note, found


def _write(members: Any, output: Path) -> None:
    part = output.with_name(f"{output.name}.part")
    try:
        if output.suffix == ".tar":
            with part.open("xb") as file:
                file.writelines(as_tar(members))
        else:
            write_folder(members, part)
    except BaseException:
        _drop(part)
        raise
    part.rename(output)


def _drop(part: Path) -> None:
    with suppress(OSError):
        if part.is_dir():
            shutil.rmtree(part)
        else:
            part.unlink(missing_ok=True)


def verify_live(
    settings: Settings,
    keys: Sequence[str],
    held: Path | None,
    told: Told,
    *,
    upto: Path | None = None,
    quiet: bool = True,
) -> Steps:
    """Every step on the ledger itself, and its read models against a replay."""
    configure("warning")
    with visited(settings) as place, StoredLog(place.url) as log:
        steps = Steps(told)
        note = (upto or newest_checkpoint(settings)).read_bytes()
        verify_stored(place, log, steps, keys, note, held, quiet=quiet)
        return steps


def verify_stored(
    place: Place,
    log: StoredLog,
    steps: Steps,
    keys: Sequence[str],
    note: bytes,
    held: Path | None = None,
    *,
    quiet: bool = True,
) -> None:
    """Steps 2 to 8 on a stored log up to a checkpoint."""
    try:
        size = Checkpoint.parse(Note.parse(note).text).size
    except InvalidNote:
        size = 0  # step 2 says what is wrong with it
    # Nobody has verified that size yet: no more tiles are looked for than there are facts.
    bag = log.as_bag(note, min(size, log.book.head().position))
    held_note = None if held is None else held.read_bytes()
    verifier = Verifier(bag, steps, keys, held_note, after=0)
    verifier.run_on_log(Within(quiet=quiet))
    steps.take(8, "database", "facts", lambda: _check(place))


def _check(place: Place) -> tuple[bool, int, str]:
    """Everything stored and derived, against a replay."""
    try:
        found = check(place.url)
    except psycopg.Error as error:
        raise OSError(f"The database cannot be checked: {error}") from error
    if found.findings:
        raise OSError("; ".join(map(str, found.findings)))
    return True, found.head, "Columns, guards, tree and read models are those of a replay."
