"""Rate limits: a token bucket for each key, and for each address without one."""

import time
from collections import OrderedDict

from api.problems import Problem

_BUCKETS_MAX = 10_000


class Limiter:
    """`per_s` requests a second, twice that at once; 0 is no limit."""

    def __init__(self, keyed_per_s: int, public_per_s: int) -> None:
        self._keyed = keyed_per_s
        self._public = public_per_s
        self._buckets: OrderedDict[tuple[bool, str], tuple[float, float]] = OrderedDict()

    def spend(self, who: str, public: bool) -> None:
        """Take one token. Raises Problem `rate_limited`."""
        per_s = self._public if public else self._keyed
        if not per_s:
            return
        now = time.monotonic()
        tokens, at = self._buckets.pop((public, who), (2.0 * per_s, now))
        tokens = min(2.0 * per_s, tokens + (now - at) * per_s)
        self._buckets[(public, who)] = (max(tokens - 1, 0), now)
        if len(self._buckets) > _BUCKETS_MAX:
            self._buckets.popitem(last=False)
        if tokens < 1:
            raise Problem(
                "rate_limited",
                f"More than {per_s} requests a second. Slow down.",
                headers={"Retry-After": "1"},
            )
