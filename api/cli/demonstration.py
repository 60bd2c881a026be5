"""`demo`: the demonstration programme, loaded through the real write path, checked, served."""

import time
from collections.abc import Iterator
from datetime import date
from shlex import quote
from typing import Any
from uuid import UUID

from msgspec.structs import replace

from api import auth
from api.cli.actor import command_line
from api.cli.commands import serve_at
from api.cli.loading import Outcome, load
from api.cli.place import Place, data_dir_of, opened, written
from api.cli.processes import tune
from api.cli.terminal import CommandError, progress_bar
from api.demonstration import Programme, programme
from api.logs import configure
from api.roles import authority
from api.settings import Settings
from ledger.domain.commands import Incoming
from ledger.service import incoming
from ledger.store.database import READER, WRITER, connect
from projections.figures.catalogue import CATALOGUE
from projections.figures.compute import compute
from projections.figures.engines import PostgresEngine
from projections.progress import position as models_position
from projections.rebuild import rebuild

COMMAND_FACTS = 200
"""Days are put together to commands of about this size: each is recorded as a whole."""

FIGURES = {
    "companies": "companies_involved",
    "activities": "activities",
    "participations": "participations",
    "projects": "projects_running",
}


HOLDERS = {
    "an admin key for this ledger": "operator",
    "a key for the ministry": "ministry",
    "a key for an auditor": "auditor",
    "a key for the cluster office of rail": "office:rail",
}
"""Who tries the demonstration, and in which role."""


def demo(settings: Settings, *, scale: float, seed: int, serve: bool) -> None:
    """Load, check against the generator's own numbers, say one line, serve."""
    configure("warning" if settings.log_level == "info" else settings.log_level)
    tune()
    if settings.data_dir is None and settings.database_url is None:
        settings = replace(settings, data_dir=str(data_dir_of(settings) / f"demo-{scale:g}-{seed}"))
    made = programme(scale, seed)
    with opened(settings) as place:
        began = time.perf_counter()
        outcome = _load(place, settings, made)
        seconds = time.perf_counter() - began
        _check(place, made, outcome, seconds)
        print(f"demo: the ledger lies in {place.shown}", flush=True)
        if place.postgres is not None:
            print(f"demo: for the other commands: DIR={quote(place.shown)}", flush=True)
        if serve:
            for holder, key in _keys(place):
                print(f"demo: {holder}: {key}", flush=True)
            serve_at(place, settings)


def _load(place: Place, settings: Settings, made: Programme) -> Outcome:
    """What came of it, once the read models have the programme's last fact."""
    with (
        written(place, settings, driven=True) as ledger,
        progress_bar("facts", made.facts_estimate, quiet=False) as bar,
    ):
        outcome = load(ledger, command_line(place.url, ledger), _commands(made), bar.advance)
        bar.update(done := outcome.recorded + outcome.duplicates, done)  # no longer an estimate
    if outcome.refused:
        first = outcome.first_refusals[0]
        raise CommandError(
            f"{outcome.refused} facts of the programme were refused; the first, {first.id}:"
            f" {first.detail} Is this the ledger of another programme?"
        )
    with connect(place.url, READER, autocommit=True) as conn:
        behind = models_position(conn) < outcome.position
    if behind:
        with progress_bar("read models", outcome.position, quiet=False) as bar:
            rebuild(place.url, bar.update)
    return outcome


def _commands(made: Programme) -> Iterator[list[Incoming]]:
    facts: list[Incoming] = []
    for day in made.chunks():
        facts += (
            incoming(
                p.id, p.source, p.type, p.data, causation=p.causation, correlation=p.correlation
            )
            for p in day
        )
        if len(facts) >= COMMAND_FACTS:
            yield facts
            facts = []
    if facts:
        yield facts


def _check(place: Place, made: Programme, outcome: Outcome, seconds: float) -> None:
    """The headline as known at the programme's last fact equals what the generator counted."""
    expected = made.expected()
    found = _headline(place, expected.end, outcome.position)
    wrong = [
        f"{name} is {found[name]}, expected {getattr(expected, name)}"
        for name in FIGURES
        if found[name] != getattr(expected, name)
    ]
    figures = " ".join(f"{name}={found[name]}" for name in FIGURES)
    print(
        f"demo: facts={outcome.recorded} seconds={seconds:.1f}"
        f" facts_per_s={outcome.recorded / seconds:.0f} {figures}",
        flush=True,
    )
    if outcome.duplicates:
        print(f"demo: {outcome.duplicates} facts of the programme were there before", flush=True)
    if wrong:
        raise CommandError("The demonstration does not add up: " + "; ".join(wrong) + ".")


def _headline(place: Place, end: date, known_at: int) -> dict[str, Any]:
    with connect(place.url, READER, autocommit=True) as conn:
        engine = PostgresEngine(conn)
        return {
            name: compute(
                engine, CATALOGUE[id], period_from=None, period_to=end, known_at=known_at
            ).count
            for name, id in FIGURES.items()
        }


def _keys(place: Place) -> Iterator[tuple[str, str]]:
    """A key for each kind of user, under the name it is announced by."""
    with connect(place.url, WRITER, autocommit=True) as conn:
        for holder, role in HOLDERS.items():
            held = authority(UUID(int=0), (role,))
            clusters = sorted(held.clusters)
            scopes = sorted(held.scopes - {f"facts:write:{cluster}" for cluster in clusters})
            sources = ["*"] if held.is_admin else sorted(held.sources)
            yield (
                holder,
                auth.create_key(
                    conn, label=f"demo: {role}", scopes=scopes, clusters=clusters, sources=sources
                )[0],
            )
