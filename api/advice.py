"""What each refusal of the ledger rests on, and what helps: the rule and the fix of a problem."""

from typing import Final, NamedTuple


class Advice(NamedTuple):
    """`rule` says what holds for every fact, `fix` what to post or ask for instead."""

    rule: str
    fix: str


_RECEIPT: Final = "Nothing is to be done; look at the trail for the fact that says so."

ADVICE: Final[dict[str, Advice]] = {
    code: Advice(rule, fix)
    for code, rule, fix in (
        # What a fact names
        (
            "unknown_cluster",
            "A cluster is registered before facts name it.",
            "Post cluster.registered.v1 first, in the same batch if need be, or correct the code.",
        ),
        (
            "unknown_organisation",
            "An organisation is registered before facts name it.",
            "Post organisation.registered.v1 first, in the same batch if need be; or another id.",
        ),
        (
            "unknown_activity",
            "An activity is scheduled before facts name it.",
            "Post activity.scheduled.v1 first, in the same batch if need be, or correct the id.",
        ),
        (
            "unknown_project",
            "A project is proposed before facts name it.",
            "Post project.proposed.v1 first, in the same batch if need be, or correct the id.",
        ),
        (
            "already_registered",
            "What exists is not begun a second time.",
            "Post the fact that changes it, or void the first one.",
        ),
        (
            "unknown_code",
            "A code is one of its scheme.",
            "Take a code of the scheme; GET /openapi.json lists them.",
        ),
        (
            "invalid_identifier",
            "Form and check digits are those of the scheme; vat: is of the EU, CH, GB or NO.",
            "Copy it as the register writes it, behind vat:, lei:, hrb:, ror: or euid:.",
        ),
        (
            "date_out_of_range",
            "Days lie between 1900-01-01 and 2199-12-31.",
            "Correct the day.",
        ),
        (
            "in_the_future",
            "What was held lies in the past, or is today.",
            "Post it on the day itself, or schedule the activity until then.",
        ),
        (
            "period_reversed",
            "A period ends on the day it starts, or later.",
            "Exchange the two days.",
        ),
        (
            "end_before_start",
            "A last day is the first day, or later.",
            "Correct the last day, or void the fact that began it.",
        ),
        (
            "position_beyond_head",
            "What is known at a position is recorded by then.",
            "Take a position up to the ledger's head.",
        ),
        # Clusters and organisations
        ("already_closed", "A cluster is closed once.", "Void the first closing to correct it."),
        (
            "cluster_closed",
            "Nothing becomes effective in a cluster from the day on which it is closed.",
            "Correct the day, or void the closing.",
        ),
        (
            "after_dissolution",
            "Nothing becomes effective for an organisation after it was dissolved.",
            "Correct the day, or void the dissolution.",
        ),
        (
            "already_dissolved",
            "An organisation is dissolved once.",
            "Void the first dissolution to correct it.",
        ),
        (
            "already_duplicate",
            "An organisation is a duplicate of one other at most.",
            "Void the mark that stands, then post the new one.",
        ),
        (
            "not_a_duplicate",
            "Only a mark that stands is taken back.",
            _RECEIPT,
        ),
        (
            "identity_circle",
            "Duplicates and mergers lead to one organisation in the end.",
            "Turn the fact around, or void the one that leads back.",
        ),
        (
            "already_merged",
            "An organisation is merged once.",
            "Void the first merger to correct it.",
        ),
        # Memberships
        (
            "already_a_member",
            "Spells of one organisation in one cluster never overlap.",
            "End the spell that stands first, or correct the day.",
        ),
        (
            "not_a_member",
            "A membership that is changed or ended stands on that day.",
            "Post membership.admitted.v1 first, or correct the day.",
        ),
        (
            "application_pending",
            "An organisation has one open application to a cluster at most.",
            "Post membership.admitted.v1 or membership.application_closed.v1 for that one.",
        ),
        (
            "no_application",
            "Only an open application is decided on.",
            "Post membership.applied.v1 first, or correct the organisation.",
        ),
        (
            "already_suspended",
            "A membership is suspended once at a time.",
            "Post membership.reinstated.v1 first, or void the suspension.",
        ),
        (
            "not_suspended",
            "Only a suspended membership is reinstated.",
            "Post membership.suspended.v1 first, or correct the day.",
        ),
        # Activities and attendances
        (
            "activity_cancelled",
            "A cancelled activity takes no further facts.",
            "Void the cancellation if it takes place after all.",
        ),
        (
            "activity_already_held",
            "An activity is held once.",
            "Void the fact that says so to correct it.",
        ),
        (
            "capacity_reached",
            "There are no more registrations than places.",
            "Post activity.changed.v1 with more places, or withdraw a registration.",
        ),
        (
            "not_registered",
            "Only who is registered can withdraw.",
            "Post attendance.registered.v1 first, or correct the reference.",
        ),
        (
            "already_recorded",
            "A person is counted once at an activity.",
            _RECEIPT,
        ),
        (
            "other_organisation",
            "A person is at an activity for one organisation.",
            "Void the fact that names the other one first, in the same batch.",
        ),
        (
            "person_erased",
            "A reference that was erased accepts no new fact.",
            "Seal the person anew if there is a reason to, and use that reference.",
        ),
        ("already_sealed", "A reference is sealed once.", "Use the reference as it is."),
        # Projects and enrolments
        (
            "grant_exceeds_volume",
            "A grant is a part of the volume.",
            "Correct the amounts; they are in cents.",
        ),
        (
            "already_approved",
            "A project is approved once.",
            "Post project.grant_changed.v1, or void the approval.",
        ),
        (
            "not_approved",
            "A project starts, or its grant changes, once it is approved.",
            "Post project.approved.v1 first, or correct the day.",
        ),
        ("already_started", "A project starts once.", "Void the first start to correct it."),
        (
            "not_started",
            "A project ends, and takes partners, once it has started.",
            "Post project.started.v1 first, or correct the day.",
        ),
        ("already_ended", "A project ends once.", "Void the first end to correct it."),
        (
            "enrolment_outside_project",
            "An enrolment lies within the days of its project.",
            "Correct the day, or the days of the project.",
        ),
        (
            "second_lead",
            "A project has one lead at a time.",
            "End the lead's enrolment first, or enrol as a partner.",
        ),
        (
            "already_enrolled",
            "Two enrolments of one organisation in one project begin on different days.",
            "Post nothing if it is the same; or void the one that stands, or take another day.",
        ),
        (
            "not_enrolled",
            "An enrolment that is ended stands on that day.",
            "Post enrolment.started.v1 first, or correct the day.",
        ),
        # Voids, periods, lists
        (
            "unknown_fact",
            "A void names a fact of the ledger by its source and id.",
            "Correct target and target_source; the trail shows both.",
        ),
        (
            "not_voidable",
            "Some facts are never taken back: voids, closed periods, reports, keys, erasures.",
            "Post the fact that follows on it instead.",
        ),
        ("already_voided", "A fact is voided once.", _RECEIPT),
        (
            "nothing_to_void",
            "An attendance that is voided stands.",
            "Correct the reference or the activity; the trail shows what stands.",
        ),
        (
            "void_conflict",
            "What remains after a void obeys every rule.",
            "Void the facts `in_the_way` in the same batch, or post what replaces it there.",
        ),
        (
            "period_already_closed",
            "A period is closed once.",
            "Nothing is to be done; what comes later shows as late.",
        ),
        (
            "edition_already_published",
            "An edition of a scheme is published once.",
            "Publish the next edition.",
        ),
        (
            "fact_too_large",
            "A stored fact has at most 65535 bytes.",
            "Shorten its texts, or keep the document elsewhere and name its SHA-256.",
        ),
        (
            "stream_too_large",
            "One command brings a bounded number of facts about one thing.",
            "Post them in several batches, in their order.",
        ),
        # Who may, and how often
        (
            "scope_missing",
            "A key does what its scopes say.",
            "Ask the operator for a key with this scope.",
        ),
        (
            "cluster_not_covered",
            "A key records for its own clusters.",
            "Use that cluster's key, or ask the operator for one that covers it.",
        ),
        (
            "source_not_covered",
            "A key posts under its own sources.",
            "Correct `source`, or ask the operator to allow this one.",
        ),
        (
            "version_mismatch",
            "A conditional write rests on the stream's newest version.",
            "Read the stream again, decide anew, and expect the version it has now.",
        ),
        (
            "idempotency_conflict",
            "An id is used once, for one content.",
            "Post under a new id; to correct the first fact, void it.",
        ),
    )
}
"""By the refusal's code."""
