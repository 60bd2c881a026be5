"""`post FILE`: NDJSON of CloudEvents, or a CloudEvents batch, to a running service or a ledger.

Resumable, because posting is idempotent: repeat the command, and what was recorded is not recorded
twice. Each fact stands for itself; facts that must be recorded together share a correlation and are
neighbours in the file's batch form, which is recorded as one.
"""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen
from uuid import uuid4

import msgspec
import orjson
from msgspec import Raw

from api.cli.commands import CommandError, progress_bar
from api.cli.loading import Outcome, Refusal, load
from api.cli.place import visited, written
from api.cli.processes import tune
from api.intake import cloudevents
from api.logs import configure
from api.problems import Problem
from api.settings import Settings
from ledger.domain.commands import ADMIN, Authority, Incoming

BATCH_FACTS = 1_000
TRIES = 5


def post(
    settings: Settings, file: Path, *, url: str | None, key: str | None, quiet: bool
) -> Outcome:
    """Post a file. Raises CommandError, StoreError."""
    configure("warning" if settings.log_level == "info" else settings.log_level)
    if not file.is_file():
        raise CommandError(f"There is no file {file}.")
    with progress_bar("facts", None, quiet=quiet) as bar:
        if url is not None:
            return _over_http(url.rstrip("/"), key, file, bar)
        tune()
        authority = Authority(f"key:{uuid4()}", frozenset({ADMIN}))
        with visited(settings) as place, written(place, settings) as ledger:
            outcome = Outcome(first_refusals=[])
            commands = ([fact] for batch in batches(file) for fact in _decoded(batch, outcome))
            done = load(ledger, authority, commands, bar.advance)
            done.refused += outcome.refused
            done.first_refusals = (outcome.first_refusals + done.first_refusals)[:20]
            return done


def batches(file: Path) -> Iterator[list[bytes]]:
    """The file's events, up to BATCH_FACTS at a time: one a line, or the items of an array."""
    with file.open("rb") as stream:
        first = stream.read(1)
        while first.isspace():
            first = stream.read(1)
        if first == b"[":
            events = msgspec.json.decode(b"[" + stream.read(), type=list[Raw])
            for start in range(0, len(events), BATCH_FACTS):
                yield [bytes(event) for event in events[start : start + BATCH_FACTS]]
            return
        batch: list[bytes] = []
        rest = first + stream.readline()
        while rest:
            if rest.strip():
                batch.append(rest.strip())
            if len(batch) >= BATCH_FACTS:
                yield batch
                batch = []
            rest = stream.readline()
        if batch:
            yield batch


def _decoded(batch: Sequence[bytes], outcome: Outcome) -> Iterator[Incoming]:
    """The facts of a batch; what is none is counted as refused."""
    for taken in cloudevents.batched(b"[" + b",".join(batch) + b"]"):
        if isinstance(taken, Problem):
            _refuse(outcome, taken.body())
        else:
            yield taken


def _refuse(outcome: Outcome, problem: dict[str, Any]) -> None:
    outcome.refused += 1
    if len(outcome.first_refusals) < 20:
        detail = str(problem.get("detail"))
        pointer = next((e["pointer"] for e in problem.get("errors", ())), "")
        outcome.first_refusals.append(Refusal("?", pointer, str(problem.get("code")), detail))


def _over_http(url: str, key: str | None, file: Path, bar: Any) -> Outcome:
    if key is None:
        raise CommandError("A key is needed: --key or CLUSTERLEDGER_KEY.")
    outcome = Outcome(first_refusals=[])
    for batch in batches(file):
        items = _send(url, key, b"[" + b",".join(batch) + b"]")
        for item in items:
            if item["status"] >= 400:
                _refuse(outcome, item)
            elif item["status"] == 200:
                outcome.duplicates += 1
            else:
                outcome.recorded += 1
            outcome.position = max(outcome.position, item.get("position", 0))
        bar.advance(len(items))
    return outcome


def _send(url: str, key: str, body: bytes) -> list[dict[str, Any]]:
    """One batch; asked again while the service is busy or away. Raises CommandError."""
    request = Request(  # noqa: S310 - the operator names the service
        f"{url}/v1/facts?atomic=false",
        data=body,
        headers={"Content-Type": cloudevents.BATCHED, "Authorization": f"Bearer {key}"},
    )
    said = ""
    for attempt in range(TRIES):
        try:
            with urlopen(request, timeout=60) as answer:  # noqa: S310 - as above
                items: list[dict[str, Any]] = orjson.loads(answer.read())["items"]
                return items
        except HTTPError as error:
            said = error.read().decode(errors="replace")[:500]
            if error.code not in {429, 503}:
                raise CommandError(f"The service answered {error.code}: {said}") from error
        except URLError as error:
            said = str(error.reason)
        time.sleep(min(0.5 * 2**attempt, 5))
    raise CommandError(f"The service did not take the facts: {said}. Repeat the command later.")


def shown(outcome: Outcome) -> dict[str, Any]:
    """For the person, or the machine, that posted."""
    answer: dict[str, Any] = {
        "recorded": outcome.recorded,
        "duplicates": outcome.duplicates,
        "refused": outcome.refused,
        "position": outcome.position,
    }
    if outcome.first_refusals:
        answer["first_refusals"] = [
            f"{r.code}: {r.detail} ({r.id} {r.source})" for r in outcome.first_refusals
        ]
    return answer
