"""Activities as they happen: announced, moved, held, and who came. Runs day by day, with the people
of the day.
"""

import hashlib
from random import Random
from typing import Any, Final

from .activities import Activity, title
from .clusters import CLUSTERS, CODES, PILOT_INDEX
from .figures import Ledgerless
from .people import Organisation, Pool, coming_for, organisation_of, person_ref
from .posting import Desk
from .regions import regions
from .register import Register

RECORDED: Final = "attendance.recorded.v1"
REGISTERED: Final = "attendance.registered.v1"
SCHEDULED: Final = "activity.scheduled.v1"
HEADCOUNT: Final = "headcount.recorded.v1"
_FOUND_AFTER_DAYS: Final = 9
"""From a list's posting to the discovery of what is wrong in it."""


class Meetings:
    """Plans and posts everything about activities."""

    def __init__(self, register: Register, pools: list[Pool]) -> None:
        self.register = register
        self.desk: Desk = register.desk
        self.books: Ledgerless = register.books
        self.rng: Random = register.rng
        self.pools = pools

    def plan(self, activity: Activity) -> None:
        """Announcement, registrations and the day itself go into the desk's buckets."""
        activity.uuid = self.desk.uuid()
        activity.title = title(activity)
        turn, day, days = activity.number, activity.day, self.desk.days
        late = turn % 33 == 9 and activity.lead != PILOT_INDEX
        began = days.began[activity.lead]
        announced = max(began + 1, day - 12 - int(self.rng.random() * 100))
        posted = day + int(self.rng.random() * 500) if late else announced
        plan = self._at
        moved = turn % 16 == 7 and not late
        plan(activity, posted, self.announce, activity, moved)
        if not late:
            self._surprises(activity, announced)
        if turn % 12 == 0 and not late and activity.named >= 5:
            plan(
                activity,
                max(announced, day - 2 - int(self.rng.random() * 20)),
                self.take_registrations,
                activity,
            )
        plan(activity, day, self.hold, activity, posted if late else day)

    def _at(self, activity: Activity, day: int, *work: Any) -> None:
        self.desk.at_cluster(activity.lead, day, *work)

    def _surprises(self, activity: Activity, announced: int) -> None:
        turn, day, plan = activity.number, activity.day, self._at
        soon = min(announced + 3, day)
        if turn % 16 == 7:
            plan(activity, soon, self.move, activity)
        if turn % 25 == 3 or (len(activity.organisers) > 1 and turn % 2):
            plan(activity, soon, self.change, activity)
        if turn % 160 == 65:
            plan(activity, soon, self.announce_twice, activity)
        if turn % 160 == 71:
            plan(
                activity,
                soon,
                self.desk.keep,
                (activity.uuid, "cancelled"),
                self.cancel,
                activity.lead,
                activity.uuid,
            )
            plan(
                activity,
                soon,
                self.desk.void,
                activity.lead,
                (activity.uuid, "cancelled"),
                "mistake",
            )

    # --- before the day --------------------------------------------------------------------------

    def announce(self, activity: Activity, moved: bool, uuid: str | None = None) -> str:
        """Posts the activity as first planned: a moved one on another day, a later joint one by its
        lead alone.
        """
        days, turn = self.desk.days, activity.number
        start = max(0, activity.day - 9) if moved else activity.day
        alone = len(activity.organisers) > 1 and turn % 2 and turn % 33 != 9
        data: dict[str, Any] = {
            "activity_id": uuid or activity.uuid,
            "title": activity.title,
            **activity.terms(),
            "organisers": [CODES[one] for one in activity.organisers[: 1 if alone else None]],
            "starts_on": days.iso[start],
            "ends_on": days.iso[start + self._length(activity)],
        }
        if data["mode"] != "online":
            every = regions()
            data["nuts3"] = every[int(self.rng.random() * len(every))][0]
        if turn % 12 == 0:
            data["capacity"] = (activity.size + 24) // 10 * 10
        return self.desk.post(activity.lead, SCHEDULED, data)

    def _length(self, activity: Activity) -> int:
        return 2 if activity.kind == 2 or activity.number % 160 == 33 else 0

    def move(self, activity: Activity) -> None:
        """The activity moves to the day it is held on."""
        iso = self.desk.days.iso
        ends = iso[activity.day + self._length(activity)]
        data = {"activity_id": activity.uuid, "starts_on": iso[activity.day], "ends_on": ends}
        self.desk.post(activity.lead, "activity.rescheduled.v1", data)

    def change(self, activity: Activity) -> None:
        """A partner joins the organisers, or the title is put right."""
        data: dict[str, Any] = {"activity_id": activity.uuid}
        if len(activity.organisers) > 1:
            data["organisers"] = [CODES[one] for one in activity.organisers]
        else:
            data["title"] = activity.title = f"{activity.title} (neu)"
        self.desk.post(activity.lead, "activity.changed.v1", data)

    def announce_twice(self, activity: Activity) -> None:
        """The same activity is announced under a second id, which is voided at once."""
        key = (activity.uuid, "twice")
        self.desk.keep(key, self.announce, activity, False, self.desk.uuid())
        self.desk.void(activity.lead, key, "doubled")

    def cancel(self, cluster: int, uuid: str) -> str:
        """Posts a cancellation."""
        return self.desk.post(
            cluster, "activity.cancelled.v1", {"activity_id": uuid, "reason": "speaker"}
        )

    def take_registrations(self, activity: Activity) -> None:
        """Most of those who will come register, some who will not, and some withdraw."""
        seats = max(1, (activity.named - len(activity.guests)) * 3 // 5)
        absent = max(1, seats // 12)
        drawn = self.pools[activity.lead].draw(seats + absent, set())
        lead, uuid = activity.lead, activity.uuid
        self.desk.attendances(lead, REGISTERED, uuid, drawn)
        if activity.number % 24 == 0:
            data = {"activity_id": uuid, "person_ref": person_ref(drawn[-1])}
            self.desk.post(lead, "attendance.withdrawn.v1", data)
        activity.present = drawn[:seats]

    # --- the day ---------------------------------------------------------------------------------

    def hold(self, activity: Activity, posted: int) -> None:
        """Settles who came, by the members of the day, and plans when it is posted."""
        people, mistaken = self._who_came(activity)
        day = activity.day
        listed = max(posted, day) + int(self.rng.random() * 12)
        if self.rng.random() < 0.02:
            listed += 300
        held = listed + 1 if activity.number % 5 == 2 else min(listed, max(posted, day) + 1)
        self._at(activity, held, self.post_held, activity)
        self._at(activity, listed, self.post_list, activity, people, mistaken)

    def _who_came(self, activity: Activity) -> tuple[list[bytes], list[bytes]]:
        """The people named in the end, and those listed by mistake. Involvement beyond members goes
        into the books.
        """
        pool = self.pools[activity.lead]
        named = activity.named
        sure = [*activity.guests, *activity.present]
        taken = set(sure)
        if named and activity.number % 7 == 0:
            sure += self._visitors(named - len(sure), taken)
        self._involve(activity, sure)
        people = sure
        missing = named - len(sure)
        if len(activity.organisers) > 1:
            for partner in activity.organisers[1:]:
                theirs = self.pools[partner].draw(missing // 4, taken)
                self._involve(activity, theirs)
                people += theirs
            ours = pool.draw(named - len(people), taken)
            self._involve(activity, ours)
            people += ours
        else:
            people += pool.draw(missing, taken)
        assert len(people) == named == len(set(people))
        mistaken = (
            pool.draw(1 + activity.number % 2, taken)
            if named and activity.number % 40 == 13
            else []
        )
        activity.present = []
        return people, mistaken

    def _visitors(self, places: int, taken: set[bytes]) -> list[bytes]:
        """Up to two members of other clusters."""
        visitors: list[bytes] = []
        for _ in range(min(2, places)):
            pool = self.pools[int(self.rng.random() * len(CLUSTERS))]
            person = pool.anybody()
            if person is not None and person not in taken:
                taken.add(person)
                visitors.append(person)
        return visitors

    def _involve(self, activity: Activity, people: list[bytes]) -> None:
        known, day = self.register.by_uuid, activity.day
        for person in people:
            if uuid := organisation_of(person):
                self.books.involve(known[uuid], activity.organisers, day, day)

    # --- after the day ---------------------------------------------------------------------------

    def post_held(self, activity: Activity) -> None:
        """The activity was held; now and then the wrong day is posted and put right."""
        held, lead, key = (
            (self._held, activity, activity.day),
            activity.lead,
            (activity.uuid, "held"),
        )
        if activity.number % 160 != 33 or activity.day + 2 > self.desk.days.end:
            held[0](activity, activity.day)
            return
        self.desk.keep(key, self._held, activity, activity.day + 2)
        self.desk.correct(lead, key, "wrong day", *held)

    def _held(self, activity: Activity, day: int) -> str:
        data = {"activity_id": activity.uuid, "held_on": self.desk.days.iso[day]}
        return self.desk.post(activity.lead, "activity.held.v1", data)

    def post_list(self, activity: Activity, people: list[bytes], mistaken: list[bytes]) -> None:
        """The attendances, then what was counted, then what was wrong about it and when that was
        found.
        """
        lead, uuid, soon = activity.lead, activity.uuid, self.desk.today + _FOUND_AFTER_DAYS
        upload = f"list-{activity.number}"
        late: list[bytes] = []
        if activity.number % 30 == 17 and len(people) > 3:
            late = people[-1:]
            people = people[:-1]
            self._at(
                activity, soon + 400, self.desk.attendances, lead, RECORDED, uuid, late, upload
            )
        wrong = people[-1] if activity.number % 40 == 27 and len(people) > 1 else None
        posted = people[:-1] if wrong else people
        self.desk.attendances(lead, RECORDED, uuid, posted, upload)
        if wrong:
            self._post_for_another(activity, wrong)
        for person in mistaken:
            self._post_mistaken(activity, person, soon)
        self._count(activity, upload)

    def _post_for_another(self, activity: Activity, person: bytes) -> None:
        """Somebody is first recorded for an organisation not theirs."""
        lead, uuid = activity.lead, activity.uuid
        others: list[Organisation] = self.pools[lead].roster
        if not others or not organisation_of(person):
            self.desk.attendances(lead, RECORDED, uuid, [person])
            return
        other = coming_for(person, others[activity.number % len(others)])
        self.desk.attendances(lead, RECORDED, uuid, [other])
        void = (activity, person_ref(person), "wrong organisation")
        self._at(activity, self.desk.today + _FOUND_AFTER_DAYS, self._put_right, void, person)

    def _put_right(self, void: tuple[Activity, str, str], person: bytes) -> None:
        activity = void[0]
        again = (activity.lead, activity.uuid, person)
        self.desk.together(self.void_attendance, void, self._record_again, again)

    def _record_again(self, lead: int, uuid: str, person: bytes) -> None:
        organisation = organisation_of(person)
        data = {"activity_id": uuid, "person_ref": person_ref(person)}
        if organisation:
            data["organisation_id"] = organisation.decode()
        self.desk.post(lead, RECORDED, data)

    def _post_mistaken(self, activity: Activity, person: bytes, found: int) -> None:
        """Somebody listed by mistake; every other one is voided by the fact's id."""
        lead, uuid, who = activity.lead, activity.uuid, person_ref(person)
        if activity.number % 80 == 13:
            self.desk.attendances(lead, RECORDED, uuid, [person])
            self._at(activity, found, self.void_attendance, activity, who, "not there")
            return
        key = (uuid, who)
        self._kept_record(key, lead, uuid, person)
        self._at(activity, found, self.desk.void, lead, key, "not there")

    def _kept_record(self, key: tuple[str, str], lead: int, uuid: str, person: bytes) -> None:
        data = b'{"activity_id":"%b",%b}' % (uuid.encode(), person)
        self.desk.keep(key, self.desk.send, lead, RECORDED, data)

    def void_attendance(self, activity: Activity, who: str, reason: str) -> str:
        """Voids all that stands of one person at one activity."""
        data = {"activity_id": activity.uuid, "person_ref": who, "reason": reason}
        return self.desk.post(activity.lead, "attendance.voided.v1", data)

    def _count(self, activity: Activity, upload: str) -> None:
        size, named, counted = activity.size, activity.named, activity.counted
        estimate = activity.number % 4 == 0
        if counted in {"total", "both", "bare_total"} or (counted == "list" and estimate):
            self._head_count(activity, "total", size if counted != "list" else size + 7, upload)
        if counted == "total_low":
            self._head_count(activity, "total", named - 1 - named // 10, upload)
        if counted in {"unlisted", "partial", "list_unlisted", "bare_unlisted"}:
            if estimate:  # replaced at once by the better count
                self._head_count(activity, "unlisted", size - named + 9, upload)
            self._head_count(activity, "unlisted", size - named, upload)
        if counted == "both":
            self._head_count(activity, "unlisted", size - named + 1, upload)
        if counted in {"list", "list_unlisted", "partial"}:
            data = {"activity_id": activity.uuid, "rows": named, "complete": counted != "partial"}
            data["sha256"] = hashlib.sha256(activity.uuid.encode()).hexdigest()
            self.desk.post(activity.lead, "attendance_list.imported.v1", data, upload)

    def _head_count(self, activity: Activity, scope: str, count: int, upload: str) -> None:
        data = {"activity_id": activity.uuid, "count": count, "scope": scope}
        if activity.number % 80 != 57 or activity.counted != "total":
            self.desk.post(activity.lead, HEADCOUNT, data, upload)
            return
        key = (activity.uuid, scope)
        self.desk.keep(
            key, self.desk.post, activity.lead, HEADCOUNT, data | {"count": count * 10}, upload
        )
        right = (self.desk.post, activity.lead, HEADCOUNT, data, upload)
        found = self.desk.today + _FOUND_AFTER_DAYS
        self._at(activity, found, self.desk.correct, activity.lead, key, "misread", *right)

    # --- activities that never are ---------------------------------------------------------------

    def plan_cancelled(self, wanted: int) -> None:
        """Activities that are announced and cancelled, with registrations in vain."""
        for number in range(wanted):
            lead = number % len(CLUSTERS)
            span = self.desk.days.end - self.desk.days.began[lead] - 300
            day = self.desk.days.workday(
                self.desk.days.began[lead] + 200 + int(self.rng.random() * span)
            )
            activity = Activity(-1 - number, day, (lead,), 1, 20)
            activity.uuid, activity.title = self.desk.uuid(), f"Arbeitskreis {number + 1}"
            self.desk.at(day - 60, self.announce, activity, False)
            if number % 3 == 0:
                self.desk.at(day - 30, self.register_in_vain, activity)
            self.desk.at(day - 5, self.cancel, lead, activity.uuid)
            self.books.cancelled += 1

    def register_in_vain(self, activity: Activity) -> None:
        """Somebody registers for what will be cancelled."""
        people = self.pools[activity.lead].draw(3, set())
        self.desk.attendances(activity.lead, REGISTERED, activity.uuid, people)

    def plan_ahead(self, wanted: int) -> None:
        """Activities announced for days after the programme's end."""
        for number in range(wanted):
            lead, end = number % len(CLUSTERS), self.desk.days.end
            day = end + 10 + int(self.rng.random() * 200)
            activity = Activity(1 + 12 * number, day, (lead,), 1, 20)
            activity.uuid, activity.title = self.desk.uuid(), f"Vorschau {number + 1}"
            self.desk.at(end - int(self.rng.random() * 30), self.announce, activity, False)
