"""Verify an audit bundle offline: python -m ledger.transparency.verify BUNDLE --key VKEY.

Needs the key, which must not come from where the bundle comes from, and nothing else: no database,
no network, no part of the service but the few pure modules that it imports.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ledger.transparency import bag as bags
from ledger.transparency.outcome import INVALID, Step, Steps, unput
from ledger.transparency.verifier import Recount, Verifier


@contextmanager
def verified(
    path: Path,
    keys: Sequence[str],
    held: Path | None,
    told: Callable[[Step], object],
    recount: Recount | None = None,
    *,
    after: int | None = None,
) -> Iterator[Verifier]:
    """A verifier that took its steps, its bag still open. Raises INVALID."""
    note = None if held is None else held.read_bytes()
    with bags.opened(path) as bag:
        verifier = Verifier(bag, Steps(told), keys, note, after=after)
        verifier.run(recount)
        yield verifier


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. Exit code 0: valid; 1: not valid; 2: the question could not be put."""
    parser = argparse.ArgumentParser(
        prog="python -m ledger.transparency.verify", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("bundle", type=Path, help="the bundle: a folder or a tar")
    parser.add_argument("--key", action="append", default=[], help="verifier key, or its file")
    parser.add_argument("--checkpoint", type=Path, help="a checkpoint held from before")
    parser.add_argument("--after", type=int, help="a part of the log was asked for: after this")
    parser.add_argument("--json", action="store_true", help="for machines: one JSON object")
    given = parser.parse_args(arguments)

    def say(text: object) -> None:
        if not given.json:
            print(text, flush=True)

    try:
        with verified(
            given.bundle, given.key, given.checkpoint, say, after=given.after
        ) as verifier:
            steps = verifier.steps
    except INVALID as error:
        print(unput(error), file=sys.stderr)
        return 2
    say(steps.verdict)
    if given.json:
        print(json.dumps(steps.json()))
    return steps.exit_code


if __name__ == "__main__":
    sys.exit(main())
