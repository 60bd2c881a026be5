"""What is posted: facts as a cluster's app sends them, ready as bytes before the clock starts.

Of ten facts nine are attendances, as in the programme; the others are new organisations and their
memberships, so that rules look at several streams.
"""

from collections.abc import Iterator
from random import Random
from typing import Any, Final
from uuid import UUID

import orjson

SOURCE: Final = "https://bench.example/app"
CLUSTER: Final = "ict"
ONE: Final = "application/cloudevents+json"
BATCH: Final = "application/cloudevents-batch+json"
BATCH_FACTS: Final = 1_000
ORGANISATIONS: Final = 500
ACTIVITIES: Final = 400

Event = dict[str, Any]


def _uuid(rng: Random) -> str:
    return str(UUID(int=rng.getrandbits(128), version=4))


class World:
    """Organisations and activities that all measurements share, the same in every process."""

    def __init__(self) -> None:
        rng = Random("world")
        self.organisations = [_uuid(rng) for _ in range(ORGANISATIONS)]
        self.activities = [_uuid(rng) for _ in range(ACTIVITIES)]

    def founding(self) -> list[Event]:
        """The facts that make it, in order. Posting them again records nothing."""
        facts = [_registered(id) for id in self.organisations]
        for number, id in enumerate(self.activities):
            day = f"2024-{number % 12 + 1:02}-{number % 28 + 1:02}"
            scheduled: dict[str, Any] = {
                "title": f"Bench {number}",
                "kind": "training",
                "mode": "onsite",
            }
            scheduled |= {"organisers": [CLUSTER], "starts_on": day, "ends_on": day}
            facts.append(("activity.scheduled.v1", {"activity_id": id, **scheduled}))
            facts.append(("activity.held.v1", {"activity_id": id, "held_on": day}))
        return [_event(f"world-{number}", *fact) for number, fact in enumerate(facts)]


Fact = tuple[str, dict[str, Any]]


def _event(id: str, type: str, data: dict[str, Any]) -> Event:
    return {"specversion": "1.0", "id": id, "source": SOURCE, "type": type, "data": data}


def _registered(id: str) -> Fact:
    data = {"organisation_id": id, "name": f"Bench {id[:8]} GmbH", "kind": "company"}
    return "organisation.registered.v1", {**data, "effective_on": "2020-01-01", "nuts3": "DE212"}


def _admitted(id: str) -> Fact:
    data = {"organisation_id": id, "cluster": CLUSTER, "effective_on": "2021-01-01"}
    return "membership.admitted.v1", data


def _attended(world: World, rng: Random) -> Fact:
    return "attendance.recorded.v1", {
        "activity_id": world.activities[rng.randrange(ACTIVITIES)],
        "person_ref": _uuid(rng),
        "organisation_id": world.organisations[rng.randrange(ORGANISATIONS)],
    }


def _mixed(world: World, rng: Random, count: int) -> Iterator[Fact]:
    """Nine attendances of ten; of the others every second is a new organisation, then a member."""
    joined = ""
    for number in range(count):
        if number % 20 == 9:
            joined = _uuid(rng)
            yield _registered(joined)
        elif number % 20 == 19:
            yield _admitted(joined)
        else:
            yield _attended(world, rng)


def batches(key: str, seed: str, count: int, size: int = BATCH_FACTS) -> list[bytes]:
    """So many posts of `size` facts each, new ones for each seed."""
    world, rng = World(), Random(seed)
    made = []
    for number in range(count):
        facts = enumerate(_mixed(world, rng, size))
        events = [_event(f"{seed}-{number}-{item}", *fact) for item, fact in facts]
        made.append(post(key, BATCH, orjson.dumps(events)))
    return made


def singles(key: str, seed: str, count: int) -> list[bytes]:
    """So many posts of one fact each, which may arrive in any order."""
    world, rng = World(), Random(seed)
    made = []
    for number in range(count):
        fact = _registered(_uuid(rng)) if number % 10 == 9 else _attended(world, rng)
        made.append(post(key, ONE, orjson.dumps(_event(f"{seed}-{number}", *fact))))
    return made


def post(key: str, content_type: str, body: bytes) -> bytes:
    """One POST /v1/facts."""
    head = (
        f"POST /v1/facts HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def get(key: str, path: str, prefer: str = "") -> bytes:
    """One GET."""
    extra = f"Prefer: {prefer}\r\n" if prefer else ""
    return (
        f"GET {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {key}\r\n{extra}\r\n"
    ).encode()


def gets(key: str, path: str, count: int) -> list[bytes]:
    """The same GET many times."""
    return [get(key, path)] * count


def asked(key: str, path: str, form: str | None, count: int) -> list[bytes]:
    """The same page many times, as browsers take it: a GET, or the POST of a form; without a key by
    nobody."""
    return [_page(key, path, form, "")] * count


def waiting(key: str, path: str, form: str | None) -> list[bytes]:
    """A page once, however long it takes."""
    return [_page(key, path, form, "Prefer: wait=240\r\n")]


def _page(key: str, path: str, form: str | None, prefer: str) -> bytes:
    who = f"Authorization: Bearer {key}\r\n" if key else ""
    takes = "Accept: text/html\r\nAccept-Encoding: gzip\r\n"
    head = f"{path} HTTP/1.1\r\nHost: bench\r\n{takes}{who}{prefer}"
    if form is None:
        return f"GET {head}\r\n".encode()
    kind = "Content-Type: application/x-www-form-urlencoded"
    return f"POST {head}{kind}\r\nContent-Length: {len(form)}\r\n\r\n{form}".encode()
