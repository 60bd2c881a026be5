"""Bundles to change, and the checkpoint an auditor holds."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.tamper.kit import BEFORE, GIVEN, LOG


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle as it was exported."""
    return LOG.folder(tmp_path_factory.mktemp("bundle") / "whole", **GIVEN)


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    """A copy to change."""
    return Path(shutil.copytree(whole, tmp_path / "bundle"))


@pytest.fixture
def held(tmp_path: Path) -> Path:
    """The checkpoint that the auditor holds from last year."""
    path = tmp_path / "held"
    path.write_bytes(LOG.note(BEFORE))
    return path
