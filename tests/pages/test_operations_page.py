"""The operations page: how far the log is signed, by whom, and when it is not."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.settings import Settings
from ledger.store.database import READER, connect
from ledger.transparency.memory import LogFolder
from ledger.transparency.signer import Signer
from tests.api.running import ORIGIN, Service
from tests.pages.browser import Browser

PAGE = "/en/operations"


@pytest.fixture
def logging(database_url: str, tmp_path: Path) -> Iterator[Service]:
    settings = Settings(rate_limit=0, public_rate_limit=0, log_dir=str(tmp_path))
    with Service(database_url, settings) as service:
        yield service


def operator(service: Service) -> Browser:
    browser = Browser(service)
    browser.sign_in(service.key("admin")[0])
    return browser


def test_a_service_without_a_log_says_so(shared_service: Service) -> None:
    assert "This service signs no log" in operator(shared_service).text(PAGE)


def test_the_checkpoint_stands_with_its_size_and_its_key(logging: Service, tmp_path: Path) -> None:
    browser = operator(logging)
    assert "In the last checkpoint none yet" in browser.text(PAGE)

    data = {"cluster": "rail", "name": "Rail", "effective_on": "2020-01-01"}
    logging.client("admin").post(("cluster.registered.v1", data))
    with Signer(tmp_path, ORIGIN) as signer, connect(logging.url, READER) as conn:
        signer.advance(conn)

    text = browser.text(PAGE)
    assert "Facts in the tree 1 In the last checkpoint 1" in text
    assert f"Signed by {ORIGIN}+" in text
    assert "Signing runs" in text


def test_a_signer_that_refuses_is_an_alarm(logging: Service, tmp_path: Path) -> None:
    LogFolder(tmp_path).refusal.write_text("the database is no longer what was signed")
    text = operator(logging).text(PAGE)
    assert "Nothing is being signed" in text
    assert "the database is no longer what was signed" in text
    assert "Signing refused" in text


def test_the_last_backup_and_verification_are_those_that_their_jobs_reported(
    database_url: str, tmp_path: Path
) -> None:
    settings = Settings(rate_limit=0, public_rate_limit=0, jobs_dir=str(tmp_path))
    with Service(database_url, settings) as service:
        browser = operator(service)
        assert "Last backup reported none yet" in browser.text(PAGE)
        (tmp_path / "backup").touch()
        os.utime(tmp_path / "backup", (1_700_000_000, 1_700_000_000))
        text = browser.text(PAGE)
    assert "Last backup reported 14 November 2023, 23:13 (CET)" in text
    assert "Last verification reported none yet" in text


def test_a_service_that_hears_of_no_jobs_says_so(shared_service: Service) -> None:
    assert "CLUSTERLEDGER_JOBS_DIR is not set" in operator(shared_service).text(PAGE)
