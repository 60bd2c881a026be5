"""What was copied in is what VENDORED.md says, with its licence, and nothing else was."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path
from types import ModuleType

import pytest

from api.web.assets import STATIC_DIR

SCRIPT = Path(__file__).parents[2] / "deploy" / "vendor_assets.py"


@pytest.fixture(scope="module")
def vendor() -> ModuleType:
    spec = importlib.util.spec_from_file_location("vendor_assets", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    import sys

    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def test_vendored_files_have_the_digests_that_are_written_down(vendor: ModuleType) -> None:
    assert vendor.inventory(STATIC_DIR) == (STATIC_DIR / "VENDORED.md").read_text("utf-8")


def test_an_edited_file_is_found(vendor: ModuleType, tmp_path: Path) -> None:
    copy = shutil.copytree(STATIC_DIR, tmp_path / "static")
    with (copy / "kern" / "kern.min.css").open("ab") as file:
        file.write(b" ")
    assert vendor.inventory(copy) != (STATIC_DIR / "VENDORED.md").read_text("utf-8")


def test_every_package_brings_its_licence_and_nothing_that_is_not_listed(
    vendor: ModuleType,
) -> None:
    listed = {f"{p.folder}/{name}" for p in vendor.PACKAGES for _, name in p.files}
    folders = {p.folder for p in vendor.PACKAGES}
    there = {
        path.relative_to(STATIC_DIR).as_posix()
        for folder in folders
        for path in (STATIC_DIR / folder).rglob("*")
    }
    assert there == listed
    assert all(any("LICENSE" in name for _, name in p.files) for p in vendor.PACKAGES)


def test_no_asset_points_to_a_source_map() -> None:
    pointing = [
        path.name
        for path in STATIC_DIR.rglob("*")
        if path.suffix in (".css", ".js") and b"sourceMappingURL=" in path.read_bytes()[-300:]
    ]
    assert pointing == []
