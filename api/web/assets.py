"""The files that pages need, all local, and the policy under which they are shown."""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Final

STATIC_DIR: Final = Path(__file__).parent / "static"
"""The folder whose files the pages ask for."""

STATIC_URL: Final = "/static"
"""Where STATIC_DIR has to be served."""

CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "script-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
"""The policy every page is tested under. KERN's icons and Swagger UI need data: images."""


@cache
def asset(name: str) -> str:
    """The URL of a static file, with a digest so that a browser may keep it for ever.

    Raises FileNotFoundError when there is no such file: a broken link is a broken build.
    """
    digest = sha256((STATIC_DIR / name).read_bytes()).hexdigest()[:12]
    return f"{STATIC_URL}/{name}?v={digest}"
