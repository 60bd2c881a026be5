"""Bags: files with their digests, as RFC 8493 (BagIt) lays them out, in a folder or a tar. Pure.

Writing is a stream whose bytes depend on the files alone: no clock, no user, one order. Reading
trusts nothing: no path leads outside, no link is followed, nothing is unpacked.
"""

import re
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from io import BufferedReader
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from sys import intern
from typing import IO, Final, NamedTuple

BASE: Final = "bundle"
"""The one folder in a tar, which RFC 8493 asks for."""
DECLARATION: Final = "bagit.txt"
MANIFEST: Final = "manifest-sha256.txt"
FACTS: Final = "data/facts.ndjson"
CHECKPOINT: Final = "data/checkpoint"
PREVIOUS: Final = "data/checkpoint.prev"
CONSISTENCY: Final = "data/consistency.txt"
TILES: Final = "data/tile"
PROOFS: Final = "data/proofs"
REPORTS: Final = "data/reports"
CRATE: Final = "data/ro-crate-metadata.json"
CHUNK_BYTES: Final = 1 << 20
SMALL_BYTES_MAX: Final = 16 << 20
"""What is read whole is refused beyond this; facts and manifest are streamed."""
FILES_MAX: Final = 2_000_000
"""A file for each 256 facts, so of 500 million facts; each takes some 100 bytes of memory."""
FOLDERS_MAX: Final = 20_000
"""A folder for each thousand of these files, ten times over; it takes 300 bytes more."""
_LINE_BYTES_MAX: Final = 1_000
_HAS_NO: Final = "The bundle has no {}: it was cut, or is no audit bundle."

_DECLARED: Final = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
_PATH: Final = re.compile(
    r"[A-Za-z0-9_@+=-][A-Za-z0-9._@+=-]*(/[A-Za-z0-9_@+=-][A-Za-z0-9._@+=-]*)*"
)
_LINE: Final = re.compile(r"([0-9a-f]{64})  (\S+)")


class InvalidBag(Exception):
    """A bundle that cannot be read, or not trusted to be one; the text says why and what to do."""


class Member(NamedTuple):
    """A file of a bag. `size` in bytes is known beforehand, `chunks` are read once."""

    path: str
    size: int
    chunks: Iterable[bytes]

    @classmethod
    def of(cls, path: str, content: bytes) -> "Member":
        """A small file."""
        return cls(path, len(content), (content,))


# Writing


def bagged(payload: Iterable[Member]) -> Iterator[Member]:
    """A bag's files in the order they are written: the declaration, the payload, the manifest.

    A manifest follows what it lists: a bag that was cut has none.
    """
    yield Member.of(DECLARATION, _DECLARED)
    listed: list[str] = []
    for member in payload:
        assert _PATH.fullmatch(member.path), member.path
        digest = sha256()
        yield member._replace(chunks=_digested(member, digest.update))
        listed.append(f"{digest.hexdigest()}  {member.path}\n")
    yield Member.of(MANIFEST, "".join(sorted(listed, key=lambda line: line[66:])).encode())


def _digested(member: Member, update: Callable[[bytes], object]) -> Iterator[bytes]:
    written = 0
    for chunk in member.chunks:
        update(chunk)
        written += len(chunk)
        yield chunk
    assert written == member.size, (member.path, written, member.size)


def as_tar(members: Iterable[Member]) -> Iterator[bytes]:
    """The bytes of a tar: every file of 1970-01-01, of nobody, mode 0644, below one folder."""
    for member in members:
        info = tarfile.TarInfo(f"{BASE}/{member.path}")
        info.size = member.size
        yield info.tobuf(tarfile.PAX_FORMAT)
        yield from member.chunks
        yield bytes(-member.size % tarfile.BLOCKSIZE)
    yield bytes(2 * tarfile.BLOCKSIZE)


def write_folder(members: Iterable[Member], folder: Path) -> None:
    """The bag as a folder. Raises FileExistsError where there is something already."""
    folder.mkdir(parents=True)
    for member in members:
        path = folder / member.path
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as file:
            file.writelines(member.chunks)


# Reading


class ByPath(Mapping[str, int]):
    """A number for each file. Tiles are called alike in every folder, so a name is kept once for
    all of them: it takes a third of what a dictionary of paths would."""

    def __init__(self) -> None:
        self._folders: dict[str, dict[str, int]] = {}
        self._count = 0

    def __getitem__(self, path: str) -> int:
        folder, _, name = path.rpartition("/")
        return self._folders[folder][name]

    def __iter__(self) -> Iterator[str]:
        for folder, names in self._folders.items():
            for name in names:
                yield f"{folder}/{name}" if folder else name

    def __len__(self) -> int:
        return self._count

    def put(self, path: str, number: int) -> None:
        """Add a file. Raises InvalidBag where it is there already, or there are too many of them or
        of their folders."""
        folder, _, name = path.rpartition("/")
        names = self._folders.setdefault(folder, {})
        if name in names:
            raise InvalidBag(f"The bundle holds {path} twice.")
        if self._count == FILES_MAX:
            raise InvalidBag(f"The bundle has more than {FILES_MAX:,} files.")
        if len(self._folders) > FOLDERS_MAX:
            raise InvalidBag(f"The bundle has more than {FOLDERS_MAX:,} folders.")
        names[intern(name)] = number
        self._count += 1


class Bag:
    """The files of a bag, by their paths in it. Use `opened`."""

    def __init__(self, sizes: Mapping[str, int], open_file: Callable[[str], IO[bytes]]) -> None:
        self.sizes = sizes
        """Bytes of each file."""
        self._open = open_file

    def open(self, path: str) -> IO[bytes]:
        """One file, from its start. Raises InvalidBag where there is none."""
        if path not in self.sizes:
            raise InvalidBag(_HAS_NO.format(path))
        return self._open(path)

    def small(self, path: str, bytes_max: int = SMALL_BYTES_MAX) -> bytes:
        """The content of a file that is read whole. Raises InvalidBag."""
        if self.sizes.get(path, 0) > bytes_max:
            raise InvalidBag(f"{path} has {self.sizes[path]} bytes; it is never that large.")
        with self.open(path) as file:
            return file.read()

    def below(self, folder: str) -> Iterator[str]:
        """Paths of the files in a folder and its folders, in any order."""
        return (path for path in self.sizes if path.startswith(f"{folder}/"))

    def manifest(self) -> Iterator[tuple[str, str]]:
        """(path, SHA-256 in hexadecimal) of each payload file listed, in order of the paths: so
        that none is listed twice can be said without remembering them. Raises InvalidBag."""
        if self.small(DECLARATION) != _DECLARED:
            raise InvalidBag(f"{DECLARATION} is not that of a BagIt 1.0 bag in UTF-8.")
        number, before = 0, ""
        with self.open(MANIFEST) as file:
            while raw := file.readline(_LINE_BYTES_MAX):
                number += 1
                matched = _LINE.fullmatch(raw.decode("utf-8", "replace").removesuffix("\n"))
                if matched is None or not matched[2].startswith("data/"):
                    raise InvalidBag(f"Line {number} of {MANIFEST} is not 'digest  data/path'.")
                if matched[2] <= before:
                    raise InvalidBag(
                        f"Line {number} of {MANIFEST} is listed twice, or not in order of the"
                        " paths."
                    )
                before = matched[2]
                yield matched[2], matched[1]

    def digest(self, path: str) -> str:
        """The SHA-256 of a file, in hexadecimal. Raises InvalidBag."""
        found = sha256()
        with self.open(path) as file:
            while chunk := file.read(CHUNK_BYTES):
                found.update(chunk)
        return found.hexdigest()


@contextmanager
def opened(path: Path) -> Iterator[Bag]:
    """A bag in a folder or a tar. Raises InvalidBag and OSError, also while it is read."""
    with _told(path):
        if path.is_dir():
            yield Bag(_folder_sizes(path), lambda name: (path / name).open("rb"))
            return
        with _tar(path) as tar:
            sizes, offsets = ByPath(), ByPath()
            for name, size, offset in _members(tar):
                sizes.put(name, size)
                offsets.put(name, offset)
            yield Bag(sizes, lambda name: _extract(tar, offsets[name], sizes[name]))


@contextmanager
def facts_of(path: Path) -> Iterator[IO[bytes]]:
    """A bag's facts, and nothing that would have to be remembered of its other files. Raises
    InvalidBag."""
    with _told(path):
        if path.is_dir():
            with (path / FACTS).open("rb") as file:
                yield file
            return
        with _tar(path) as tar:
            for name, size, offset in _members(tar):
                if name == FACTS:
                    with _extract(tar, offset, size) as file:
                        yield file
                    return
            raise InvalidBag(_HAS_NO.format(FACTS))


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Whatever goes wrong with a bag, as InvalidBag; OSError where it is not there, or cannot be
    read."""
    try:
        yield
    except FileNotFoundError as error:
        gone = OSError if Path(error.filename) == path else InvalidBag
        raise gone(f"There is no {error.filename}.") from error
    except tarfile.TarError as error:
        raise InvalidBag(
            f"{path} is no whole tar file ({error}): it was cut or changed. Fetch it again; unpack"
            " it first if it is compressed."
        ) from error
    except OSError as error:
        raise OSError(f"{path} cannot be read: {error.strerror or error}.") from error


@contextmanager
def _tar(path: Path) -> Iterator[tarfile.TarFile]:
    with (
        _Bounded(path.open("rb", buffering=0)) as file,
        tarfile.open(fileobj=file, mode="r:") as tar,
    ):
        yield tar


def _folder_sizes(folder: Path) -> ByPath:
    sizes = ByPath()
    waiting = [folder]
    while waiting:
        for entry in waiting.pop().iterdir():
            name = entry.relative_to(folder).as_posix()
            found = entry.lstat()
            _demand_path(name)
            if S_ISDIR(found.st_mode):
                waiting.append(entry)
            elif S_ISREG(found.st_mode):
                sizes.put(name, found.st_size)
            else:
                raise InvalidBag(f"{name} is a link or a device; a bundle holds files only.")
    return sizes


class _Bounded(BufferedReader):
    """A tar's file. Its headers are read whole, with the length that they claim: not this much."""

    def read(self, size: int | None = -1, /) -> bytes:
        """At most SMALL_BYTES_MAX. Raises InvalidBag."""
        if size is None or not 0 <= size <= SMALL_BYTES_MAX:
            raise InvalidBag("The tar has a header of a length that no bundle has.")
        return super().read(size)


def _next(tar: tarfile.TarFile) -> tarfile.TarInfo | None:
    try:
        return tar.next()
    except (ArithmeticError, LookupError, ValueError) as error:  # tarfile's, of wild headers
        raise InvalidBag(f"A header of the tar cannot be read: {error}.") from error


def _members(tar: tarfile.TarFile) -> Iterator[tuple[str, int, int]]:
    """(path, bytes, where they begin) of each file."""
    while member := _next(tar):
        tar.members.clear()  # type: ignore[attr-defined]  # else it keeps a kilobyte for each
        name = member.name.removeprefix(f"{BASE}/")
        if member.isdir() and (member.name == BASE or _PATH.fullmatch(member.name)):
            continue
        if not member.isreg() or member.sparse is not None or member.size < 0:
            raise InvalidBag(f"{member.name!r} is a link or a device; a bundle holds files only.")
        if name == member.name:
            raise InvalidBag(f"{member.name!r} lies outside the folder {BASE}/ of the bundle.")
        _demand_path(name)
        yield name, member.size, member.offset_data


def _extract(tar: tarfile.TarFile, offset: int, size: int) -> IO[bytes]:
    member = tarfile.TarInfo()
    member.offset_data, member.size = offset, size
    file = tar.extractfile(member)
    assert file is not None
    return file


def _demand_path(name: str) -> None:
    if not _PATH.fullmatch(name):
        raise InvalidBag(f"The path {name[:200]!r} is none that a bundle has.")
