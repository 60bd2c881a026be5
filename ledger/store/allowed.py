"""What was found allowed, kept from command to command."""

from ledger.domain.commands import Authority
from ledger.store.kept import KEPT_IDS_MAX


class Allowed:
    """What attendances ask: those of one day ask the same, again and again.

    Activities and organisations are kept by the integers of their ids.
    """

    def __init__(self) -> None:
        self._authority: Authority | None = None
        self.sources: set[str] = set()
        """That who brings the command may use."""
        self.doubt()

    def admit(self, authority: Authority) -> None:
        """Who brings the next command."""
        if authority != self._authority:
            self._authority = authority
            self.sources.clear()
            self.activities.clear()

    def doubt(self) -> None:
        """Look at all but sources again: something may have changed the answers."""
        self.activities: set[int] = set()
        """That take place, and at which who brings the command may record who came."""
        self.organisations: set[int] = set()
        """That exist."""

    def age(self) -> None:
        """Begin anew where they became many."""
        if len(self.activities) + len(self.organisations) > KEPT_IDS_MAX:
            self.doubt()
