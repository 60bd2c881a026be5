"""What holds for every form of a report."""

import json
import os
import subprocess
import sys
from hashlib import sha256
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.domain.vocabulary import ActivityKind, Mode, OrganisationKind, SizeClass, Spatial
from projections.figures.catalogue import Text
from projections.reports.model import Column, Table
from projections.reports.outputs import FORMATS, file_name, render
from projections.reports.outputs.codes import NAMES
from projections.reports.outputs.words import WORDS, shown
from tests.outputs.examples import example

CLASSES = {
    "kind": get_args(OrganisationKind),
    "size_class": get_args(SizeClass),
    "spatial": get_args(Spatial),
    "activity_kind": get_args(ActivityKind),
    "mode": get_args(Mode),
}

_ELSEWHERE = """
import json, sys
from hashlib import sha256
from projections.reports.outputs import FORMATS, render
from tests.outputs.examples import example
json.dump({f"{form}/{language}": sha256(render(example(), form, language)).hexdigest()
           for form in FORMATS for language in ("de", "en")}, sys.stdout)
"""


@pytest.mark.parametrize(
    "place",
    [
        {"TZ": "Pacific/Kiritimati", "LANG": "tr_TR.UTF-8", "LC_ALL": "C", "PYTHONHASHSEED": "1"},
        {"TZ": "America/Los_Angeles", "LANG": "C", "PYTHONHASHSEED": "7", "SOURCE_DATE_EPOCH": "9"},
    ],
)
def test_made_again_elsewhere_every_form_has_the_same_bytes(place: dict[str, str]) -> None:
    here = {
        f"{form}/{language}": sha256(render(example(), form, language)).hexdigest()
        for form in FORMATS
        for language in ("de", "en")
    }
    out = subprocess.run(
        [sys.executable, "-c", _ELSEWHERE],
        env={**os.environ, **place},
        capture_output=True,
        check=True,
    ).stdout
    assert json.loads(out) == here


def test_the_json_form_is_what_the_digest_is_of() -> None:
    report = example()
    for language in ("de", "en"):
        assert sha256(render(report, "json", language)).hexdigest() == report.digest  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("form", "name"),
    [
        ("json", "period-1_2012-01-01_2024-12-31_480123_{}.json"),
        ("csv-de", "period-1_2012-01-01_2024-12-31_480123_{}_de.csv"),
        ("pdf", "period-1_2012-01-01_2024-12-31_480123_{}_de.pdf"),
    ],
)
def test_a_file_s_name_tells_what_is_in_it(form: Any, name: str) -> None:
    report = example()
    assert file_name(report, form, "de") == name.format(report.digest[:8])


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=120))
def test_any_text_can_be_given_out_in_every_form(name: str) -> None:
    both = Text(de=f"T{name}", en=f"T{name}")
    columns = (
        Column(id="cluster", title=both, kind="key"),
        Column(id="n", title=both, kind="count"),
        Column(id="t", title=both, kind="text"),
    )
    table = Table(
        id="t", title=both, columns=columns, rows=((name, 1, name),), note=both, chart="bar"
    )
    report = example(tables=(table,))
    for form in FORMATS:
        assert render(report, form, "de")


def test_every_class_has_a_name_for_readers() -> None:
    for scheme, codes in CLASSES.items():
        assert set(NAMES[scheme]) == {*codes, "unknown"}


def test_a_region_stands_under_its_name_and_an_unlisted_one_under_its_code() -> None:
    column = Column(id="nuts2", title=Text("Region", "Region"), kind="key")
    told = [shown(code, column, WORDS["de"]) for code in ("DE21", "AT12", "unknown")]
    assert told == ["Oberbayern", "AT12", "unbekannt"]


def test_another_report_has_other_bytes_in_every_form() -> None:
    for form in FORMATS:
        assert render(example(), form, "de") != render(example(public=True), form, "de")
