"""What PostgreSQL's absence, or its full disk, looks like to those above."""

from typing import Final

from eventsourcing.persistence import InterfaceError, OperationalError
from psycopg import errors

DATABASE_AWAY: Final = (InterfaceError, OperationalError)
"""What a reading of the book raises while PostgreSQL cannot be reached."""


def is_disk_full(error: BaseException) -> bool:
    """Whether PostgreSQL found no room, told by psycopg or by the library that wraps it."""
    return isinstance(error, errors.DiskFull) or isinstance(error.__cause__, errors.DiskFull)
