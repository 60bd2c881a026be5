"""A filed report again, after many further facts, a rebuild and a restart: the same bytes?

`python -m tests.bench.same_bytes` loads the demonstration, files the complete report through a
running service, and takes it in every form. Then come the further facts, most of them attendances
of the past, a rebuild of the read models, and a service started anew, which is asked for the same
files. Each line has a form and the SHA-256 of its bytes. Exit code 1: some differ.
"""

import argparse
import shutil
import sys
import tempfile
from contextlib import ExitStack
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

import orjson
from msgspec.structs import replace

from api import auth
from api.demonstration import PROGRAMME_END
from api.logs import configure
from ledger.store.database import WRITER, connect
from tests.bench.requests import BATCH_FACTS, SOURCE, batches
from tests.bench.stage import FULL, Service, Stage

FORMS = ("json", "csv", "csv?dialect=de", "xlsx", "pdf", "pdf?lang=en")


def main() -> int:
    """Do it; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.same_bytes", description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="of the demonstration")
    parser.add_argument("--facts", type=int, default=100_000, help="that come after the filing")
    options = parser.parse_args()
    configure("warning")
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="clusterledger-again-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        stage = stack.enter_context(Stage(folder, replace(FULL, scale=options.scale)))
        with stage.service() as service:
            filer = _filer(stage, service)
            position = _file(filer)
            before = _digests(filer, position)
            further = _post(stage, service, options.facts)
        stage.rebuild()
        with stage.service() as service:
            after = _digests(_filer(stage, service), position)
    print(f"filed at position {position}; {further} further facts, a rebuild, a restart")
    for form in FORMS:
        same = "same" if before[form] == after[form] else f"was {before[form]}"
        print(f"{form:<16} {after[form]} {same}")
    return int(before != after)


def _filer(stage: Stage, service: Service) -> Service:
    """The same service with a key that may file and read reports."""
    with connect(stage.place.url, WRITER, autocommit=True) as conn:
        key, _ = auth.create_key(
            conn,
            label="again",
            scopes=["figures:read", "reports:file", "trail:read"],
            clusters=[],
            sources=[SOURCE],
        )
    return replace(service, key=key)


def _file(filer: Service) -> int:
    """File the complete report; its position."""
    asked = {"id": uuid4().hex, "source": SOURCE, "report": "complete"}
    body = orjson.dumps(asked | {"period": {"to": PROGRAMME_END.isoformat()}})
    answer = filer.ask("/v1/reports", body, {"Content-Type": "application/json"})
    return int(orjson.loads(answer)["receipt"]["position"])


def _digests(filer: Service, position: int) -> dict[str, str]:
    """SHA-256 of each form, in hex."""
    wait = f"min_position={position}"
    found = {}
    for form in FORMS:
        path = f"/v1/reports/{position}.{form}"
        body, _ = filer.get(f"{path}{'&' if '?' in form else '?'}{wait}", "wait=10")
        found[form] = sha256(body).hexdigest()
    return found


def _post(stage: Stage, service: Service, facts: int) -> int:
    """Post further facts; how many."""
    size = min(BATCH_FACTS, facts)
    for request in batches(service.key, uuid4().hex, facts // size, size):
        service.post(request)
    stage.caught_up(600)
    return facts // size * size


if __name__ == "__main__":
    sys.exit(main())
