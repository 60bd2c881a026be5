"""A bundle verified, in processes that bring nothing along but what verifies."""

import resource
import time
from pathlib import Path

from ledger.transparency.verify import verified
from tests.bench.children import peak_bytes
from tests.bench.rows import Failed


def alone(path: str, vkey: str) -> tuple[int, float]:
    """Facts and seconds, by the module that runs alone."""
    began = time.perf_counter()
    with verified(Path(path), [vkey], None, lambda _: None) as verifier:
        seconds = time.perf_counter() - began
        if not verifier.steps.valid or verifier.checkpoint is None:
            raise Failed(verifier.steps.verdict)
        return verifier.checkpoint.size, seconds


def audit(path: str, vkey: str, held: str) -> tuple[int, float, int]:
    """Facts, seconds, and the peak bytes of the process that recounts."""
    from api.cli.recounting import verify_bundle  # not above: it would be in `alone`'s memory

    began = time.perf_counter()
    steps = verify_bundle(Path(path), [vkey], Path(held), lambda _: None)
    seconds = time.perf_counter() - began
    if not steps.valid or steps.not_shown or steps.scope is None:
        raise Failed(steps.verdict)
    return steps.scope.size, seconds, peak_bytes(resource.RUSAGE_CHILDREN)
