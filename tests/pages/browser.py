"""A person's browser without its looks: keeps cookies, follows nothing."""

from __future__ import annotations

import re

import aiohttp

from tests.api.running import Service

ACCEPT = {
    "Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8",
    "Prefer": "wait=60",  # for a page that is being counted
}
Got = tuple[int, dict[str, str], str]
"""Status, headers, text."""


class Browser:
    """Asks for pages of a running service."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.cookies: dict[str, str] = {}

    def get(self, path: str, **headers: str) -> Got:
        """`Accept` and others are given with `_` for `-`."""
        return self._ask("GET", path, None, headers)

    def post(self, path: str, fields: dict[str, str], **headers: str) -> Got:
        """A form's fields."""
        return self._ask("POST", path, fields, headers)

    def text(self, path: str) -> str:
        """A page's words, without its markup; it must be there."""
        status, _, page = self.get(path)
        assert status == 200, page
        return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))

    def sign_in(self, key: str) -> None:
        """Begin a session."""
        assert self.post("/de/sign-in", {"key": key, "next": ""})[0] == 303

    def _ask(
        self, method: str, path: str, fields: dict[str, str] | None, more: dict[str, str]
    ) -> Got:
        async def ask() -> Got:
            async with aiohttp.ClientSession(cookies=self.cookies) as session:
                headers = ACCEPT | {k.replace("_", "-"): v for k, v in more.items()}
                async with session.request(
                    method,
                    self.service.base + path,
                    data=fields,
                    headers=headers,
                    allow_redirects=False,
                ) as got:
                    for name, morsel in got.cookies.items():
                        self.cookies[name] = morsel.value
                    return got.status, dict(got.headers), await got.text()

        return self.service.client_loop.run(ask())
