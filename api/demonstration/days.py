"""The programme's days as integers: day 0 is 2006-01-01. Shared strings keep the plan small."""

from datetime import date, timedelta
from typing import Final

from .clusters import BEGAN_ON, PILOT_CLOSED_ON

FIRST_DAY: Final = date(2006, 1, 1)
PROGRAMME_END: Final = date(2026, 10, 31)
"""The last day anything is posted. Fixed: one seed gives the same bytes on every later day."""
EARLIEST_TODAY: Final = date(2012, 1, 1)
_HORIZON_DAYS: Final = 500


class Days:
    """Day numbers of one run, from the programme's start to `end`, with a horizon for what is
    planned ahead.
    """

    __slots__ = ("began", "end", "end_on", "iso", "pilot_closed", "year")

    def __init__(self, today: date) -> None:
        """Raises ValueError when `today` leaves the programme too short for its plan."""
        if today < EARLIEST_TODAY:
            raise ValueError(f"the demonstration needs a day from {EARLIEST_TODAY} on, not {today}")
        self.end_on = min(PROGRAMME_END, today - timedelta(days=1))
        self.end = (self.end_on - FIRST_DAY).days
        days = [FIRST_DAY + timedelta(days=n) for n in range(self.end + _HORIZON_DAYS)]
        self.iso = [day.isoformat() for day in days]
        self.year = [day.year for day in days]
        self.began = [(day - FIRST_DAY).days for day in BEGAN_ON]
        self.pilot_closed = (PILOT_CLOSED_ON - FIRST_DAY).days

    def workday(self, day: int) -> int:
        """The day itself, or the Monday after (the Friday before, at the programme's end)."""
        weekday = (day + 6) % 7  # day 0 was a Sunday
        if weekday < 5:
            return day
        monday = day + 7 - weekday
        return monday if monday <= self.end else day + 4 - weekday

    def number(self, day: date) -> int:
        """The day's number; negative before the programme."""
        return (day - FIRST_DAY).days
