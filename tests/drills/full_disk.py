"""A disk that runs full under load, for real: `python -m tests.drills.full_disk`.

The data folder lies on a file system of its own, in memory, which only root may make, on Linux.
Clients post until it is full; while it is, they are answered; then a file that took the room goes
away, and they post on. `--lies-there log`: PostgreSQL's write-ahead log alone; `data`: the rest.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

from tests.api.posters import Acknowledged, Posters
from tests.api.served import Serving, half, key_of, lost, stored

FULL_S = 20.0
"""How long it stays full: PostgreSQL, where it dies of it, is started again and again."""
FREE_BYTES = 12_000_000
"""What the load has to fill."""


@contextmanager
def small_disk(path: Path, megabytes: int) -> Iterator[None]:
    """A file system in memory, at a path."""
    path.mkdir(parents=True, exist_ok=True)
    size = f"size={megabytes}m,mode=0711"
    subprocess.run(["mount", "-t", "tmpfs", "-o", size, "tmpfs", path], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", path], check=True)


def laid_out(folder: Path, disk: Path, lies_there: str) -> Path:
    """The data folder, with what is to lie on the small disk there."""
    if lies_there == "all":
        return disk / "data"
    data = folder / "data"
    made = Serving(data, None)
    assert made.becomes(200)
    made.stop()
    log = data / "postgres" / "pg_wal"
    if lies_there == "log":
        _move(log, disk / "pg_wal")
        log.symlink_to(disk / "pg_wal")
    else:
        _move(log, folder / "pg_wal")
        _move(data, disk / "data")
        data = disk / "data"
        (data / "postgres" / "pg_wal").symlink_to(folder / "pg_wal")
    folder.chmod(0o711)  # PostgreSQL's user finds its log by name
    return data


def _move(path: Path, to: Path) -> None:
    subprocess.run(["mv", path, to], check=True)  # with its owner


def readiness(base: str) -> str:
    """What /readyz says, in a word."""
    try:
        with urlopen(f"{base}/readyz", timeout=20) as answer:
            told = json.load(answer)
            return f"{told['status']}, writes_failing={told.get('writes_failing')}"
    except OSError as error:
        return str(getattr(error, "code", type(error).__name__))


async def posted(serving: Serving, disk: Path, clients: int) -> tuple[Posters, Acknowledged]:
    """Post until it is full, while it is, and after."""
    ballast = disk / "ballast"
    async with Posters(serving.base, key_of(serving.url), clients) as posters:
        await posters.answers(200)
        free = shutil.disk_usage(disk).free
        with ballast.open("wb") as taken:
            taken.write(bytes(max(free - FREE_BYTES, 0)))
        began = time.monotonic()
        await posters.refused(1)
        told = {"filled_s": round(time.monotonic() - began, 1)}
        print(json.dumps(told | {"acknowledged": len(posters.acknowledged)}), flush=True)
        until = time.monotonic() + FULL_S
        said = set()
        while time.monotonic() < until:
            said.add(await asyncio.to_thread(readiness, serving.base))
            await asyncio.sleep(0.5)
        told = {"readyz": sorted(said), "free": shutil.disk_usage(disk).free}
        print(json.dumps(told | {"refusals": posters.refusals, "hung": posters.hung}), flush=True)
        ballast.unlink()
        began = time.monotonic()
        await posters.answers(1)
        print(json.dumps({"recovered_s": round(time.monotonic() - began, 1)}), flush=True)
        await posters.answers(200)
        await posters.finish()
        return posters, await posters.again()


def drill(lies_there: str, megabytes: int, clients: int) -> int:
    """0 where nothing was lost, repeated or kept waiting."""
    folder = Path(tempfile.mkdtemp(prefix="clusterledger-full-"))
    disk = folder / "disk"
    with small_disk(disk, megabytes):
        serving = Serving(laid_out(folder, disk, lies_there), None, stderr=folder / "stderr")
        try:
            posters, again = asyncio.run(posted(serving, disk, clients))
            entries = stored(serving.url)
            ready = serving.becomes(200)
        finally:
            serving.stop()
    found = {
        "acknowledged": len(posters.acknowledged),
        "lost": len(lost(posters.acknowledged, entries)),
        "half batches": len(half(entries)),
        "twice": len(entries) - len(again),
        "other receipts": sum(again[id] != had for id, had in posters.acknowledged.items()),
        "hung": posters.hung,
        "not ready again": int(not ready),
    }
    print(json.dumps(found | {"slowest_s": round(posters.slowest_s, 1), "log": str(folder)}))
    return int(any(found[name] for name in list(found)[1:]))


if __name__ == "__main__":
    asked = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    asked.add_argument("--lies-there", choices=["all", "data", "log"], default="all")
    asked.add_argument("--megabytes", type=int, default=200)
    asked.add_argument("--clients", type=int, default=16)
    given = asked.parse_args()
    sys.exit(drill(given.lies_there, given.megabytes, given.clients))
