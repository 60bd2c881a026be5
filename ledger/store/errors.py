"""What keeps a database from serving a ledger: raised before anything is served."""

from __future__ import annotations

import inspect


class StoreError(Exception):
    """The database cannot serve this ledger.

    Subclasses: the docstring is the message, with the fields of the case in braces.
    """

    def __init__(self, **case: object) -> None:
        self.case = case
        text = " ".join((inspect.getdoc(type(self)) or "").split())
        super().__init__(text.format(**case))
