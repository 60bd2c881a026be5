"""What a reading of the book raises while PostgreSQL cannot be reached, for those above."""

from typing import Final

from eventsourcing.persistence import InterfaceError, OperationalError

DATABASE_AWAY: Final = (InterfaceError, OperationalError)
