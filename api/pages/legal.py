"""Legal pages: accessibility, data protection, imprint; who runs the service is configuration."""

from __future__ import annotations

from typing import Any, Final

from msgspec import Struct

from api.contract import PUBLIC
from api.pages.sheet import Ask, PageQuery, Sheet, page
from projections.figures.catalogue import Text

ACCESSIBILITY: Final = Text("Erklärung zur Barrierefreiheit", "Accessibility statement")
PRIVACY: Final = Text("Datenschutz", "Data protection")
IMPRINT: Final = Text("Impressum", "Imprint")


class Operator(Struct, frozen=True):
    """Who runs this service; None where nobody has said so yet."""

    name: str | None
    address: str | None
    email: str | None


def _page(path: str, title: Text, template: str) -> Any:
    async def shown(ask: Ask[PageQuery]) -> Sheet:
        settings = ask.state.settings
        operator = Operator(
            settings.operator_name, settings.operator_address, settings.operator_email
        )
        return Sheet(title=title, template=template, data=operator, rows=(operator,))

    return page(path, shown, title.en, scope=PUBLIC)


ROUTES: Final = (
    _page("/accessibility", ACCESSIBILITY, "accessibility.html"),
    _page("/privacy", PRIVACY, "privacy.html"),
    _page("/imprint", IMPRINT, "imprint.html"),
)
