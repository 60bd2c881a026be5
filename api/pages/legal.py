"""Legal pages: accessibility, data protection, imprint; who runs the service is configuration."""

from __future__ import annotations

from datetime import date
from typing import Any, Final

from msgspec import Struct

from api.contract import PUBLIC
from api.pages.sheet import Ask, PageQuery, Sheet, page
from api.sessions import AWAY_COOKIE, AWAY_S, COOKIE
from projections.figures.catalogue import Text

ACCESSIBILITY: Final = Text("Erklärung zur Barrierefreiheit", "Accessibility statement")
PRIVACY: Final = Text("Datenschutz", "Data protection")
IMPRINT: Final = Text("Impressum", "Imprint")


STATED_ON: Final = date(2026, 11, 28)
"""The day of the accessibility statement: when what it says was last looked at."""


class Operator(Struct, frozen=True):
    """Who runs this service, and who watches over its accessibility; None where nobody has said so
    yet."""

    name: str | None
    address: str | None
    email: str | None
    enforcement_body: str | None


def _page(path: str, title: Text, template: str) -> Any:
    async def shown(ask: Ask[PageQuery]) -> Sheet:
        settings = ask.state.settings
        operator = Operator(
            settings.operator_name,
            settings.operator_address,
            settings.operator_email,
            settings.enforcement_body,
        )
        return Sheet(
            title=title,
            template=template,
            data=operator,
            rows=(operator,),
            content={
                "stated_on": STATED_ON,
                "session_hours": ask.state.sessions.lasts_s // 3600,
                "away_minutes": AWAY_S // 60,
                "cookies": (COOKIE, AWAY_COOKIE),
            },
        )

    return page(path, shown, title.en, scope=PUBLIC)


ROUTES: Final = (
    _page("/accessibility", ACCESSIBILITY, "accessibility.html"),
    _page("/privacy", PRIVACY, "privacy.html"),
    _page("/imprint", IMPRINT, "imprint.html"),
)
