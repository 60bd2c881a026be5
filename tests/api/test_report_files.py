"""Filed reports as files over HTTP."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from typing import Any

import orjson
import pytest

from projections.rebuild import rebuild
from tests.api.running import Client, Service
from tests.api.test_filing import file, filed, filer, late_headcount

__all__ = ["filer"]

FORMS = ("json", "csv", "csv?dialect=de", "xlsx", "pdf", "pdf?lang=en")


def form(client: Client, position: int | str, which: str, **headers: str) -> Any:
    return client.get(f"/v1/reports/{position}.{which}", headers=headers)


@pytest.mark.parametrize("which", FORMS)
def test_a_file_carries_its_digest_and_may_be_kept_for_ever(filer: Client, which: str) -> None:
    answer = form(filer, filed(filer), which)
    assert answer.status == 200
    digest = sha256(answer.body).digest()
    assert answer.headers["ETag"] == f'"{digest.hex()}"'
    assert answer.headers["Repr-Digest"] == f"sha-256=:{b64encode(digest).decode()}:"
    assert answer.headers["Cache-Control"] == "private, max-age=31536000, immutable"
    suffix = which.partition("?")[0]
    assert answer.headers["Content-Disposition"].endswith(f'.{suffix}"')


def test_the_json_file_s_etag_is_the_filed_digest(filer: Client) -> None:
    position = filed(filer)
    filing = filer.read(f"/v1/reports/{position}")["filed"]
    assert form(filer, position, "json").headers["ETag"] == f'"{filing["sha256"]}"'


def test_files_have_the_same_bytes_after_further_facts_a_rebuild_and_a_restart(
    filer: Client, service: Service
) -> None:
    position = filed(filer)
    first = {which: form(filer, position, which).body for which in FORMS}
    late_headcount(service)
    filer.read("/v1/reports")
    rebuild(service.url)
    later = filed(filer, "r2")
    service.stop_serving()
    with Service(service.url) as restarted:  # no file that was drawn before is kept in this one
        reader = Client(restarted, filer.key)
        for which in FORMS:
            assert form(reader, position, which).body == first[which]
            assert form(reader, later, which).body != first[which], "the control"


def test_whoever_holds_a_file_is_not_sent_it_again(filer: Client) -> None:
    position = filed(filer)
    tag = form(filer, position, "csv").headers["ETag"]
    again = form(filer, position, "csv", **{"If-None-Match": tag})
    assert (again.status, again.body) == (304, b"")
    assert again.headers["ETag"] == tag
    assert "immutable" in again.headers["Cache-Control"]
    assert form(filer, position, "csv", **{"If-None-Match": '"other"'}).status == 200


def test_without_a_key_a_file_is_of_the_public_version(filer: Client, service: Service) -> None:
    position = filed(filer, report="cluster_table")
    everybody = Client(service, None)
    answer = form(everybody, position, "json")
    assert answer.status == 200
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert "Authorization" in answer.headers["Vary"]
    assert answer.json()["parameters"] == {"profile": "public"}
    cells = {cell for table in answer.json()["tables"] for row in table["rows"] for cell in row}
    assert not {1, 2} & cells
    assert form(filer, position, "json?profile=public").body == answer.body
    assert form(filer, position, "json").body != answer.body


def test_what_the_public_may_not_see_is_refused(filer: Client, service: Service) -> None:
    everybody = Client(service, None)
    whole = filed(filer)
    assert form(everybody, whole, "pdf?profile=full").code == "public_profile"
    narrowed = filed(filer, "r2", report="cumulative_headline", parameters={"cluster": "bio"})
    assert form(everybody, narrowed, "json").code == "public_profile"
    assert form(filer, narrowed, "json").status == 200


def test_latest_leads_everybody_to_the_newest_file(filer: Client, service: Service) -> None:
    everybody = Client(service, None)
    assert form(everybody, "latest", "pdf").code == "not_found"
    position = filed(filer)
    answer = form(everybody, "latest", "pdf?report=complete")
    assert (answer.status, answer.headers["Location"]) == (303, f"/v1/reports/{position}.pdf")


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("1.json", "not_found"),
        ("999999.pdf", "not_found"),
        ("x.pdf", "not_found"),
        ("-1.csv", "not_found"),
        ("1.docx", "not_found"),
        ("1.pdf?lang=fr", "invalid_parameter"),
        ("1.pdf?dialect=de", "invalid_parameter"),
        ("1.csv?dialect=us", "invalid_parameter"),
        ("1.json?lang=de", "invalid_parameter"),
    ],
)
def test_a_file_that_is_none_is_a_problem(filer: Client, path: str, code: str) -> None:
    assert filer.get(f"/v1/reports/{path}").code == code


def test_files_of_one_filing_hold_the_same_report(filer: Client) -> None:
    position = filed(filer)
    digest = orjson.loads(form(filer, position, "json").body)
    assert digest["report"] == "complete@3"
    named = sha256(form(filer, position, "json").body).hexdigest()
    assert named in form(filer, position, "csv").body.decode()
    assert file(filer).json()["filed"]["sha256"] == named
