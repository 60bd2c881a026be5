"""What is no bundle, or would lead elsewhere, is refused in a sentence and never valid."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path
from random import Random

import orjson
import pytest

from ledger.transparency.bag import BASE, MANIFEST
from ledger.transparency.outcome import INVALID, unput
from ledger.transparency.verify import main
from tests.tamper.kit import GIVEN, LEAVES, LOG, VKEY, assert_says, checked, first_problem
from tests.transparency.small_log import SmallLog


def untarred(bundle: bytes) -> list[tuple[tarfile.TarInfo, bytes]]:
    with tarfile.open(fileobj=io.BytesIO(bundle)) as tar:
        return [(m, tar.extractfile(m).read()) for m in tar]  # type: ignore[union-attr]


def tarred(tmp_path: Path, members: list[tuple[tarfile.TarInfo, bytes]]) -> Path:
    path = tmp_path / "bundle.tar"
    with tarfile.open(path, "w") as tar:
        for info, content in members:
            tar.addfile(info, io.BytesIO(content))
    return path


def special(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


@pytest.mark.parametrize(
    ("info", "said"),
    [
        (tarfile.TarInfo(f"{BASE}/../../etc/passwd"), "is none that a bundle has"),
        (tarfile.TarInfo("/etc/passwd"), "outside the folder"),
        (tarfile.TarInfo("other/data/checkpoint"), "outside the folder"),
        (tarfile.TarInfo(f"{BASE}/data//checkpoint"), "is none that a bundle has"),
        (tarfile.TarInfo(f"{BASE}/data/checkpoint"), "twice"),
        (special(f"{BASE}/data/link", tarfile.SYMTYPE, "/etc/passwd"), "a link or a device"),
        (special(f"{BASE}/data/link", tarfile.LNKTYPE, f"{BASE}/bagit.txt"), "a link or a device"),
        (special(f"{BASE}/data/pipe", tarfile.FIFOTYPE), "a link or a device"),
    ],
)
def test_a_tar_that_would_lead_elsewhere_is_refused(
    tmp_path: Path, info: tarfile.TarInfo, said: str
) -> None:
    members = untarred(b"".join(LOG.tar()))
    with pytest.raises(INVALID, match=said):
        checked(tarred(tmp_path, [*members, (info, b"")]))


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME])
@pytest.mark.parametrize("size", [1 << 40, 17 << 20, -512])
def test_a_header_that_would_fill_the_memory_is_not_read(
    tmp_path: Path, kind: bytes, size: int
) -> None:
    info = special("././@LongLink", kind)
    info.size = size
    path = tmp_path / "bomb.tar"
    path.write_bytes(info.tobuf(tarfile.GNU_FORMAT) + b"".join(LOG.tar()))
    with pytest.raises(INVALID, match="a length that no bundle has"):
        checked(path)


def test_whatever_is_changed_in_a_tar_ends_in_a_sentence(tmp_path: Path) -> None:
    """Headers, facts, notes, manifest: anywhere, by the same numbers each time."""
    raw = b"".join(SmallLog.of(3).tar())
    random, path = Random(4), tmp_path / "wild.tar"
    for _ in range(200):
        wild = bytearray(raw)
        start = random.randrange(0, len(raw), 512)
        for _ in range(random.choice((1, 4, 16))):
            wild[start + random.randrange(150)] = random.randrange(256)
        path.write_bytes(wild)
        try:
            verdict = checked(path).verdict
        except INVALID as error:
            verdict = unput(error)
        assert "could not be finished" not in verdict
        assert verdict.startswith(("NOT VALID. ", "VALID for facts 1-3 of 3;"))


@pytest.mark.parametrize(
    ("bundle", "held", "said"),
    [
        ("gone.tar", None, "There is no .*gone.tar"),
        ("whole.tar", "gone", ".*gone: No such file or directory"),
        ("whole.tar", ".", ".*: Is a directory"),
    ],
)
def test_a_file_that_cannot_be_read_says_nothing_against_the_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], bundle: str, held: str | None, said: str
) -> None:
    (tmp_path / "whole.tar").write_bytes(b"".join(LOG.tar()))
    given = [] if held is None else ["--checkpoint", str(tmp_path / held)]

    assert main([str(tmp_path / bundle), "--key", VKEY, *given]) == 2
    assert_says(capsys.readouterr().err.strip(), f"NOT VERIFIED. {said}.")


def test_the_same_tar_without_it_is_valid(tmp_path: Path) -> None:
    assert checked(tarred(tmp_path, untarred(b"".join(LOG.tar())))).valid


def test_a_link_in_a_folder_is_refused(folder: Path) -> None:
    (folder / "data/checkpoint").unlink()
    (folder / "data/checkpoint").symlink_to("/etc/passwd")
    with pytest.raises(INVALID, match="a link or a device"):
        checked(folder)


@pytest.mark.parametrize("part", [0.0, 0.001, 0.3, 0.5, 0.9, 0.99])
def test_a_tar_that_was_cut_is_never_valid(tmp_path: Path, part: float) -> None:
    path = tmp_path / "cut.tar"
    raw = b"".join(LOG.tar(**GIVEN))
    path.write_bytes(raw[: int(len(raw) * part)])
    said = ""
    try:
        said = first_problem(checked(path))
    except INVALID as error:  # not even readable as a tar
        said = str(error)
    assert "was cut" in said


def test_a_manifest_that_lists_a_file_twice_or_elsewhere_is_refused(folder: Path) -> None:
    manifest = folder / MANIFEST
    written = manifest.read_text()
    for more, said in [(written[:90], "twice|not 'digest"), (f"{'0' * 64}  ../x\n", "line|Line")]:
        manifest.write_text(written + more)
        assert_says(first_problem(checked(folder)), f"1: .*({said})")


def test_a_file_besides_is_found(folder: Path) -> None:
    (folder / "readme.txt").write_text("trust me")

    assert_says(first_problem(checked(folder)), "1: readme.txt is there, and .* does not list it")


def test_json_of_a_fact_tells_nothing_that_its_bytes_do_not() -> None:
    """The control of the canonical form: the made-up facts are what orjson would write."""
    assert all(orjson.dumps(orjson.loads(x), option=orjson.OPT_SORT_KEYS) == x for x in LEAVES)
