"""The rules every fact must obey at the moment it is posted, checked command by command."""

import json
from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from itertools import pairwise
from typing import Any

from api.demonstration import OFFICE_SOURCE, Posted
from tests.demonstration.naive_counter import Fact, fold_spells, standing

ENDS = ("last_day",)
LATE_STATES = ("suspended", "reinstated", "category_changed")


class Rulebook:
    """Takes commands in order; `broken` collects every breach as (fact id, type, what)."""

    def __init__(self, today: date) -> None:
        self.today = today
        self.broken: list[tuple[str, str, str]] = []
        self.events: dict[tuple[str, str], Fact] = {}
        self.exists: dict[str, set[str]] = defaultdict(set)
        self.streams: dict[tuple[str, ...], list[Fact]] = defaultdict(list)
        self.stream_of: dict[tuple[str, str], tuple[str, ...]] = {}
        self.dissolved: dict[str, date] = {}
        self.capacity: dict[str, int] = {}
        self.registered: dict[str, set[str]] = defaultdict(set)
        self.clusters_of: dict[str, list[str]] = {}
        self.leads_of_activity: dict[str, list[str]] = {}
        self.position = 0

    def take(self, command: Iterable[Posted]) -> None:
        """Checks each fact, then every stream the command touched."""
        touched: dict[tuple[str, ...], Posted] = {}
        for posted in command:
            self.position += 1
            fact = Fact(self.position, posted)
            self._check_event(posted, fact)
            self._check_names(posted, fact)
            self._check_days(posted, fact)
            stream = self._stream(fact)
            self._remember(fact)
            self.stream_of[fact.event] = stream
            self.streams[stream].append(fact)
            touched[stream] = posted
        for stream, posted in touched.items():
            self._check_stream(stream, posted)

    def _breach(self, posted: Posted, what: str) -> None:
        self.broken.append((posted.id, posted.type, what))

    def _check_event(self, posted: Posted, fact: Fact) -> None:
        if fact.event in self.events:
            self._breach(posted, "the same id twice")
        self.events[fact.event] = fact
        own = OFFICE_SOURCE if posted.cluster is None else f"https://{posted.cluster}.example/app"
        if posted.source != own:
            self._breach(posted, "somebody else's source")
        if posted.causation is not None:
            cause = self.events.get((posted.source, posted.causation))
            if cause is None or "voided" not in cause.type:
                self._breach(posted, "caused by no void")

    def _check_names(self, posted: Posted, fact: Fact) -> None:
        data, kind = fact.data, fact.type.split(".")[0]
        creates = fact.type.split(".")[1] in {"registered", "scheduled", "proposed"}
        if kind == "attendance":
            creates = False
        named = {key: data[key] for key in ("activity_id", "project_id") if key in data}
        organisations = [data[key] for key in ("organisation_id", "of") if key in data]
        organisations += data["into"] if isinstance(data.get("into"), list) else []
        organisations += [data["into"]] if isinstance(data.get("into"), str) else []
        clusters = [*data.get("organisers", []), *data.get("clusters", [])]
        clusters += [data["cluster"]] if "cluster" in data else []
        if kind == "person" or creates:
            organisations, named = [], {}
        if not (creates and kind == "cluster"):
            self._require(posted, "cluster", clusters)
        self._require(posted, "organisation_id", organisations)
        for key, value in named.items():
            self._require(posted, key, [value])
        self._check_authority(posted, data)

    def _require(self, posted: Posted, kind: str, ids: list[str]) -> None:
        for one in ids:
            if one not in self.exists[kind]:
                self._breach(posted, f"unknown {kind} {one}")

    def _check_authority(self, posted: Posted, data: dict[str, Any]) -> None:
        if posted.cluster is None:
            return
        covered = [
            *data.get("organisers", []),
            *self.leads_of_activity.get(data.get("activity_id", ""), []),
            *data.get("clusters", []),
            *self.clusters_of.get(data.get("project_id", ""), []),
        ]
        if "cluster" in data:
            covered.append(data["cluster"])
        if covered and posted.cluster not in covered:
            self._breach(posted, "not the cluster's own")

    def _check_days(self, posted: Posted, fact: Fact) -> None:
        for key in ("effective_on", "held_on"):
            if key in fact.data and date.fromisoformat(fact.data[key]) > self.today:
                self._breach(posted, f"{key} in the future")
        end = self.dissolved.get(fact.data.get("organisation_id", ""))
        if end and "effective_on" in fact.data and fact.day > end:
            self._breach(posted, "after the dissolution")

    def _stream(self, fact: Fact) -> tuple[str, ...]:
        data, kind = fact.data, fact.type.split(".")[0]
        if kind == "fact":
            target = (data.get("target_source", fact.source), data["target"])
            found = self.stream_of.get(target)
            assert found is not None, "a void of nothing"
            assert self.events[target].type not in {"fact.voided.v1", "attendance.voided.v1"}
            return found
        if kind in {"headcount", "attendance_list"}:
            kind = "activity"
        keys = {
            "membership": ("organisation_id", "cluster"),
            "attendance": ("activity_id", "person_ref"),
            "enrolment": ("project_id",),
            "project": ("project_id",),
            "activity": ("activity_id",),
            "organisation": ("organisation_id",),
            "person": ("person_ref",),
            "cluster": ("cluster",),
            "code_list": ("scheme", "edition"),
        }[kind]
        kind = "project" if kind == "enrolment" else kind
        return (kind, *(data[key] for key in keys))

    def _remember(self, fact: Fact) -> None:
        data = fact.data
        match fact.type.removesuffix(".v1"):
            case "cluster.registered":
                self.exists["cluster"].add(data["cluster"])
            case "organisation.registered":
                self.exists["organisation_id"].add(data["organisation_id"])
            case "organisation.dissolved":
                self.dissolved[data["organisation_id"]] = fact.day
            case "activity.scheduled":
                self.exists["activity_id"].add(data["activity_id"])
                self.leads_of_activity[data["activity_id"]] = data["organisers"]
                self.capacity[data["activity_id"]] = data.get("capacity", 1 << 30)
            case "project.proposed":
                self.exists["project_id"].add(data["project_id"])
                self.clusters_of[data["project_id"]] = data["clusters"]
            case "attendance.registered":
                self.registered[data["activity_id"]].add(data["person_ref"])
            case "attendance.withdrawn":
                self.registered[data["activity_id"]].remove(data["person_ref"])

    def _check_stream(self, stream: tuple[str, ...], posted: Posted) -> None:
        facts = standing(self.streams[stream])
        try:
            getattr(self, f"_{stream[0]}", lambda *_: None)(facts, stream)
        except AssertionError as breach:
            self._breach(posted, str(breach))

    def _membership(self, facts: list[Fact], stream: tuple[str, ...]) -> None:
        spells = fold_spells([f for f in facts if f.type.split(".")[1] in {"admitted", "ended"}])
        suspended = False
        for fact in sorted(facts, key=lambda f: (f.day, f.position)):
            state = fact.type.split(".")[1]
            if state in LATE_STATES:
                inside = any(first < fact.day < after for first, after in spells)
                assert inside, f"{state} outside a spell of {stream}"
            if state in {"suspended", "reinstated"}:
                assert suspended == (state == "reinstated"), f"{state} twice"
                suspended = state == "suspended"

    def _attendance(self, facts: list[Fact], stream: tuple[str, ...]) -> None:
        recorded = [f for f in facts if f.type == "attendance.recorded.v1"]
        assert len(recorded) <= 1, "recorded twice"
        activity = self.streams["activity", stream[1]]
        if facts and facts[-1].type == "attendance.registered.v1":
            cancelled = [f for f in standing(activity) if f.type == "activity.cancelled.v1"]
            assert not cancelled, "registered for a cancelled activity"
            taken = len(self.registered[stream[1]])
            assert taken <= self.capacity.get(stream[1], 0), "more registrations than seats"

    def _activity(self, facts: list[Fact], stream: tuple[str, ...]) -> None:
        kinds = [f.type.removesuffix(".v1") for f in facts]
        held, cancelled = kinds.count("activity.held"), kinds.count("activity.cancelled")
        assert held + cancelled <= 1, f"held or cancelled, more than once: {stream}"
        for fact in facts:
            assert fact.data.get("count", 0) >= 0, "a negative head-count"
            if "ends_on" in fact.data:
                assert fact.data["starts_on"] <= fact.data["ends_on"], "a reversed period"

    def _organisation(self, facts: list[Fact], stream: tuple[str, ...]) -> None:
        marks = [f.type for f in facts if "duplicate" in f.type]
        once = "organisation.marked_duplicate.v1"
        reverted = "organisation.duplicate_reverted.v1"
        assert marks in ([], [once], [once, reverted]), f"marked twice: {stream}"

    def _project(self, facts: list[Fact], stream: tuple[str, ...]) -> None:
        days = {f.type.removesuffix(".v1"): f.day for f in facts if f.type.startswith("project.")}
        parts: dict[str, list[Fact]] = defaultdict(list)
        leads: dict[str, bool] = {}
        for fact in facts:
            if fact.type.startswith("enrolment."):
                parts[fact.data["organisation_id"]].append(fact)
                if "role" in fact.data:
                    leads[fact.data["organisation_id"]] = fact.data["role"] == "lead"
            assert fact.data.get("grant_cents", 0) <= fact.data.get("volume_cents", 0)
        after = days.get("project.ended", date.max)
        leading = []
        for who, own in parts.items():
            for first, last in fold_spells(own):
                assert days["project.started"] <= first < after, f"enrolled outside {stream}"
                assert last == date.max or last <= after, f"enrolled beyond {stream}"
                if leads[who]:
                    leading.append((first, min(last, after)))
        leading.sort()
        for (_, earlier), (later, _) in pairwise(leading):
            assert earlier <= later, f"two leads of {stream}"


def canonical_json(data: bytes) -> bytes:
    """The same data encoded by the standard library under RFC 8785's rules."""
    text = json.dumps(json.loads(data), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode()
