"""`post FILE`: NDJSON of CloudEvents, or a CloudEvents batch, to a running service or a ledger.

Resumable, because posting is idempotent: repeat the command, and what was recorded is not recorded
twice. Facts are posted in the file's order, as later ones may rest on earlier ones: over HTTP one
request at a time. What belongs together (see `fact_files`) is recorded together.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from http.client import HTTPException
from pathlib import Path
from typing import Any, Final
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import orjson

from api.cli.actor import command_line
from api.cli.fact_files import Line, Unit, chunks
from api.cli.loading import Outcome, Placed, Refusal, load
from api.cli.place import visited, written
from api.cli.processes import tune
from api.cli.terminal import CommandError, progress_bar
from api.intake import cloudevents
from api.intake.cloudevents import Taken
from api.logs import configure
from api.problems import Problem
from api.settings import Settings
from ledger.domain.commands import Incoming

CHUNK_FACTS: Final = 1_000
TRIES: Final = 8
"""Of one request without any progress: over 20 seconds, in which a database recovers."""
REFUSES: Final = frozenset({400, 403, 409, 412, 413, 422})
"""Statuses that judge what was posted. Others are about the service, or the key."""
LATER: Final = frozenset({408, 429, 502, 503, 504})
"""Statuses after which the same facts may be taken."""


class _Refused(Exception):
    """The service refused a whole request; nothing of it is recorded."""

    def __init__(self, problem: dict[str, Any]) -> None:
        super().__init__(problem.get("detail"))
        self.problem = problem


def post(
    settings: Settings, file: Path, *, url: str | None, key: str | None, quiet: bool
) -> Outcome:
    """Post a file. Raises CommandError, StoreError, OutcomeUnknown."""
    configure("warning" if settings.log_level == "info" else settings.log_level)
    if not file.is_file():
        raise CommandError(f"There is no file {file}.")
    outcome = Outcome(first_refusals=[])
    with progress_bar("facts", None, quiet=quiet) as bar:
        if url is not None:
            if key is None:
                raise CommandError("A key is needed: --key or CLUSTERLEDGER_KEY.")
            _Poster(url.rstrip("/"), key, outcome, bar).post(chunks(file, CHUNK_FACTS))
            return outcome
        tune()
        with visited(settings) as place, written(place, settings, driven=True) as ledger:
            authority = command_line(place.url, ledger)
            commands = (
                command
                for chunk in chunks(file, CHUNK_FACTS)
                for command in _decoded(chunk, outcome)
            )
            return load(ledger, authority, commands, bar.advance, outcome)


def _decoded(chunk: Sequence[Unit], outcome: Outcome) -> Iterator[Placed]:
    """A chunk's units as commands; one that holds what is no fact is counted as refused."""
    lines = [line for unit in chunk for line in unit]
    taken = iter(_taken(lines))
    for unit in chunk:
        items = [next(taken) for _ in unit]
        facts = [item for item in items if isinstance(item, Incoming)]
        if len(facts) == len(unit):
            yield Placed(facts, [line.place for line in unit])
            continue
        line, problem = next(
            (line, item)
            for line, item in zip(unit, items, strict=True)
            if isinstance(item, Problem)
        )
        outcome.refuse(_refusal(line, problem.body()), len(unit))


def _taken(lines: Sequence[Line]) -> Iterable[Taken]:
    """Each line's fact, or what is wrong with it."""
    if not any(line.problem for line in lines):
        try:
            return cloudevents.batched(_array(lines))
        except Problem:
            pass  # some line is no JSON of ours: find out which, one by one
    return map(_taken_alone, lines)


def _taken_alone(line: Line) -> Taken:
    if line.problem is not None:
        return Problem("malformed_json", line.problem)
    try:
        return cloudevents.structured(line.raw)
    except Problem as problem:
        return problem


def _array(lines: Iterable[Line]) -> bytes:
    return b"[" + b",".join([line.raw for line in lines]) + b"]"


def _refusal(line: Line, problem: dict[str, Any]) -> Refusal:
    return Refusal(
        str(line.id or "?")[:200],
        str(line.source or "?")[:200],
        str(problem.get("code")),
        str(problem.get("detail")),
        line.place,
    )


class _Poster:
    """Posts units to a service, and counts what came of them."""

    def __init__(self, url: str, key: str, outcome: Outcome, bar: Any) -> None:
        self._url = url
        self._headers = {
            "Content-Type": cloudevents.BATCHED,
            "Authorization": f"Bearer {key}",
        }
        self._outcome = outcome
        self._bar = bar

    def post(self, posted: Iterable[Sequence[Unit]]) -> None:
        """Raises CommandError where the service does not take them."""
        for chunk in posted:
            self._chunk(list(filter(self._readable, chunk)))

    def _readable(self, unit: Unit) -> bool:
        """Whether a unit can be put into a request at all; counted as refused otherwise."""
        broken = next((line for line in unit if line.problem is not None), None)
        if broken is not None:
            problem = {"code": "malformed_json", "detail": broken.problem}
            self._refuse(unit, broken, problem)
        return broken is None

    def _chunk(self, chunk: Sequence[Unit]) -> None:
        """Units in one request; refused as a whole, they are halved down to the one in the way."""
        if not chunk:
            return
        try:
            if all(len(unit) == 1 for unit in chunk):
                self._singles([line for unit in chunk for line in unit])
            else:
                lines = [line for unit in chunk for line in unit]
                self._count(lines, self._send(lines, "true"))
        except _Refused as refused:
            if len(chunk) == 1:
                self._refuse(chunk[0], _in_the_way(chunk[0], refused.problem), refused.problem)
                return
            middle = len(chunk) // 2
            self._chunk(chunk[:middle])
            self._chunk(chunk[middle:])

    def _singles(self, lines: Sequence[Line]) -> None:
        """Facts that stand for themselves. From the first on that found no room all are posted
        again: what came behind it may have been refused, or recorded, in the wrong order."""
        recorded: set[int] = set()
        done = tries = 0
        while done < len(lines):
            items = self._send(lines[done:], "false")
            upto = next((n for n, i in enumerate(items) if i["status"] in LATER), len(items))
            recorded |= {done + n for n, item in enumerate(items) if item["status"] == 201}
            settled = [
                item | {"status": 201} if done + n in recorded else item
                for n, item in enumerate(items[:upto])
            ]
            self._count(lines[done : done + upto], settled)
            done += upto
            tries = 0 if upto else tries + 1
            if done < len(lines):
                _pause(tries, str(items[upto].get("detail")))

    def _count(self, lines: Sequence[Line], items: Sequence[dict[str, Any]]) -> None:
        outcome = self._outcome
        for line, item in zip(lines, items, strict=True):
            if item["status"] >= 400:
                outcome.refuse(_refusal(line, item))
            elif item["status"] == 200:
                outcome.duplicates += 1
            else:
                outcome.recorded += 1
            outcome.position = max(outcome.position, item.get("position", 0))
        self._bar.advance(len(lines))

    def _refuse(self, unit: Unit, line: Line, problem: dict[str, Any]) -> None:
        self._outcome.refuse(_refusal(line, problem), len(unit))
        self._bar.advance(len(unit))

    def _send(self, lines: Sequence[Line], atomic: str) -> list[dict[str, Any]]:
        """One request's answers, an item a line; asked again while the service is busy or away.

        Raises _Refused, CommandError.
        """
        body = _array(lines)
        tries = 0
        while True:
            wait_s = 0.0
            try:
                request = Request(  # noqa: S310 - the operator names the service
                    f"{self._url}/v1/facts?atomic={atomic}", data=body, headers=self._headers
                )
                with urlopen(request, timeout=60) as answer:  # noqa: S310 - as above
                    text = answer.read()
                return _items(text, len(lines))
            except HTTPError as error:
                problem = _problem(error)
                said = str(problem["detail"])
                if error.code in REFUSES:
                    raise _Refused(problem) from error
                if error.code not in LATER:
                    raise CommandError(f"The service answered {error.code}: {said}") from error
                given = error.headers.get("Retry-After", "")
                wait_s = float(given) if given.isdecimal() and len(given) < 4 else 0.0
            except (OSError, HTTPException) as error:
                # No connection, or it broke: what was recorded is answered as a duplicate.
                said = str(getattr(error, "reason", "")) or str(error) or type(error).__name__
            tries += 1
            _pause(tries, said, wait_s)


def _pause(tries: int, said: str, wait_s: float = 0.0) -> None:
    """Wait before asking again. Raises CommandError when that was tried too often."""
    if tries >= TRIES:
        raise CommandError(
            f"The service did not take the facts: {said} Repeat the command later: what was"
            " recorded is not recorded twice."
        )
    time.sleep(max(min(0.25 * 2**tries, 5), min(wait_s, 30)))


def _items(text: bytes, lines: int) -> list[dict[str, Any]]:
    try:
        items: list[dict[str, Any]] = orjson.loads(text)["items"]
        if len(items) != lines:
            raise KeyError(len(items))
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise CommandError("What answers there is no Clusterledger.") from error
    return items


def _problem(error: HTTPError) -> dict[str, Any]:
    """The problem a service answered, or what a proxy said instead."""
    try:
        text = error.read()
    except (OSError, HTTPException):
        text = b""
    try:
        problem = orjson.loads(text)
    except orjson.JSONDecodeError:
        problem = None
    if isinstance(problem, dict) and "code" in problem and "detail" in problem:
        return problem
    return {"code": f"http_{error.code}", "detail": text.decode(errors="replace")[:500]}


def _in_the_way(unit: Unit, problem: dict[str, Any]) -> Line:
    """The line that a refusal points at; the unit's first where it points at none."""
    for error in problem.get("errors", ()):
        index = str(error.get("pointer", "")).split("/")[1:2]
        if index and index[0].isdecimal() and int(index[0]) < len(unit):
            return unit[int(index[0])]
    return unit[0]


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
            f"{r.place}: {r.code}: {r.detail} ({r.id} {r.source})" for r in outcome.first_refusals
        ]
    return answer
