"""The operations page: how far the log is signed, by whom, and when it is not."""

from __future__ import annotations

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
