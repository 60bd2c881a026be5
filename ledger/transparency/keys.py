"""The keys that an auditor brings from outside: what they signed is the log's."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from ledger.transparency.checkpoint import Checkpoint, opened
from ledger.transparency.note import InvalidNote, VerifierKey

NO_KEY: Final = (
    "No key was given, and without one nobody knows whose log this is: --key VKEY. Get the key from"
    " the operator on another way than the bundle."
)


class Keys(NamedTuple):
    """The keys given from outside. All are of one log: their name is its origin."""

    origin: str
    keys: tuple[VerifierKey, ...]

    @classmethod
    def parse(cls, given: Sequence[str]) -> "Keys":
        """From verifier keys, or files that hold one a line. Raises InvalidNote, OSError."""
        keys = tuple(VerifierKey.parse(text) for text in _key_texts(given))
        names = sorted({key.name for key in keys})
        if not names:
            raise InvalidNote("There is no key in what was given with --key.")
        if len(names) > 1:
            raise InvalidNote(f"The keys are of several logs: {', '.join(names)}.")
        return cls(names[0], keys)

    def open(self, note: bytes, which: str) -> Checkpoint:
        """The checkpoint in a note, `which` names it. Raises InvalidNote unless one of these keys
        signed it."""
        try:
            return opened(note, self.keys, self.origin)
        except InvalidNote as error:
            raise InvalidNote(f"{which}: {error}") from error


def _key_texts(given: Sequence[str]) -> Iterator[str]:
    """The keys, and the words of the files of keys: what stands in a file names no other."""
    for text in given:
        is_file = "+" not in text and Path(text).is_file()
        found = Path(text).read_text("utf-8", "replace") if is_file else text.strip()
        if "PRIVATE+KEY+" in found or "PRIVATE KEY" in found:
            raise InvalidNote("This is a private key. Keep it secret; give the verifier key.")
        yield from found.split() if is_file else [found]
