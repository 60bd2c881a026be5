"""A fact's proof checked in a real browser: with WebCrypto, and where no secure context has it."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple

import pytest
from playwright.sync_api import Browser, Page

from api.web.assets import CONTENT_SECURITY_POLICY, STATIC_DIR
from ledger.transparency.checkpoint import Checkpoint
from ledger.transparency.merkle import inclusion_proof
from ledger.transparency.note import signed
from ledger.transparency.proof import Proof
from ledger.transparency.tiles import hash_reader
from tests.transparency.small_log import SmallLog, key
from tests.web.chromium import NOT_SECURE

LOG = SmallLog.of(300)
INDEX = 6
HASHES = tuple(inclusion_proof(INDEX, LOG.size, hash_reader(LOG.size, LOG.tiles)))


class Server(SimpleHTTPRequestHandler):
    """The static files under the policy of the pages."""

    def end_headers(self) -> None:
        self.send_header("Content-Security-Policy", CONTENT_SECURITY_POLICY)
        super().end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    handler = partial(Server, directory=str(STATIC_DIR))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def pages(chromium: Browser, port: int) -> Iterator[dict[str, Page]]:
    """The bare page in a secure context, and in one that is none."""
    opened = {}
    for host in ("127.0.0.1", NOT_SECURE):
        opened[host] = chromium.new_page()
        opened[host].goto(f"http://{host}:{port}/proof.html")
    yield opened
    for page in opened.values():
        page.close()


class Given(NamedTuple):
    """What the one who checks has."""

    leaf: bytes = LOG.all[INDEX]
    proof: bytes = Proof(INDEX, HASHES, LOG.note()).encode()
    key: str = str(key().verifier)


ASK = """async ([leaf, proof, key]) => {
    const { verifyProof } = await import("/proof.js");
    return verifyProof(Uint8Array.from(leaf), proof, key);
}"""


def asked(page: Page, given: Given) -> dict[str, Any]:
    found: dict[str, Any] = page.evaluate(ASK, [list(given.leaf), given.proof.decode(), given.key])
    return found


def test_the_second_page_has_no_webcrypto(pages: dict[str, Page]) -> None:
    """The control: both ways of hashing and verifying are tried by each test below."""
    assert [page.evaluate("isSecureContext && !!crypto.subtle") for page in pages.values()] == [
        True,
        False,
    ]


def test_a_fact_that_is_in_the_log_is_found_in_it(pages: dict[str, Page]) -> None:
    for page in pages.values():
        found = asked(page, Given())
        assert (found["code"], found["ok"]) == ("valid", True)
        assert (found["position"], found["size"]) == ("7", "300")
        assert found["root"] == LOG.checkpoint.root.hex()


def test_every_fact_of_hard_sizes_is_found(pages: dict[str, Page]) -> None:
    for size in (1, 2, 3, 255, 256, 257):
        log = SmallLog(LOG.all[:size])
        for index in {0, size // 2, size - 1}:
            hashes = inclusion_proof(index, size, hash_reader(size, log.tiles))
            proof = Proof(index, tuple(hashes), log.note()).encode()
            assert asked(pages["127.0.0.1"], Given(log.all[index], proof))["code"] == "valid"


def with_note(note: bytes, index: int = INDEX) -> Given:
    return Given(proof=Proof(index, HASHES, note).encode())


def body(text: str) -> Given:
    """A checkpoint's text that the true key signed."""
    return with_note(signed(text, [key()]).encode())


def swapped(old: bytes, new: bytes) -> Given:
    """The proof with other bytes."""
    whole = Given().proof
    assert old in whole
    return Given(proof=whole.replace(old, new, 1))


def malleable() -> Given:
    """A second signature of the same text: S plus the group's order. RFC 8032 refuses it."""
    made = key().sign(LOG.checkpoint.text)
    order = 2**252 + 27742317777372353535851937790883648493
    s = int.from_bytes(made.signature[32:], "little") + order
    other = made._replace(signature=made.signature[:32] + s.to_bytes(32, "little"))
    return with_note(signed(LOG.checkpoint.text, [])._replace(signatures=(other,)).encode())


NOTE, (ORIGIN, SIZE, ROOT) = LOG.note(), LOG.checkpoint
ROOT_TEXT = b64encode(ROOT).decode()
CASES: dict[str, tuple[Callable[[], Given], str]] = {
    "a byte of the fact": (lambda: Given(LOG.all[INDEX][:-1] + b" "), "root"),
    "another fact": (lambda: Given(LOG.all[INDEX + 1]), "root"),
    "a hash": (lambda: swapped(b64encode(HASHES[2]), b64encode(bytes(32))), "root"),
    "the position": (lambda: with_note(NOTE, INDEX + 1), "root"),
    "a position beyond": (lambda: with_note(NOTE, 300), "index"),
    "a hash too few": (lambda: swapped(b64encode(HASHES[-1]) + b"\n", b""), "length"),
    "a hash too many": (lambda: swapped(b"\n\n", b"\n" + b64encode(ROOT) + b"\n\n"), "length"),
    "a short hash": (lambda: swapped(b64encode(HASHES[0]), b64encode(bytes(31))), "proof"),
    "a loose hash": (lambda: swapped(b64encode(HASHES[0])[:-1], b64encode(HASHES[0])), "proof"),
    "another header": (lambda: swapped(b"@v1", b"@v2"), "proof"),
    "a position with a zero": (lambda: swapped(b"index 6", b"index 06"), "proof"),
    "nothing": (lambda: Given(proof=b""), "proof"),
    "the size": (lambda: swapped(b"\n300\n", b"\n301\n"), "signature"),
    "the root": (lambda: swapped(ROOT_TEXT.encode(), b64encode(bytes(32))), "signature"),
    "a second form of the signature": (malleable, "signature"),
    "another key's signature": (lambda: with_note(LOG.note(300, key(7))), "unsigned"),
    "another name's signature": (lambda: with_note(LOG.note(300, key(1, "other"))), "unsigned"),
    "a signature twice": (lambda: with_note(NOTE + NOTE.partition(b"\n\n")[2]), "checkpoint"),
    "no signature": (lambda: with_note(NOTE.partition(b"\n\n")[0] + b"\n\n"), "checkpoint"),
    "CRLF": (lambda: with_note(NOTE.replace(b"\n", b"\r\n")), "checkpoint"),
    "another origin": (lambda: body(Checkpoint("other", SIZE, ROOT).text), "origin"),
    "a size with a zero": (lambda: body(f"{ORIGIN}\n0300\n{ROOT_TEXT}\n"), "checkpoint"),
    "a size of 2^63": (lambda: body(Checkpoint(ORIGIN, 2**63, ROOT).text), "checkpoint"),
    "a root of 31 bytes": (lambda: body(Checkpoint(ORIGIN, SIZE, ROOT[:31]).text), "checkpoint"),
    "an extension": (lambda: body(LOG.checkpoint.text + "more\n"), "checkpoint"),
    "another key": (lambda: Given(key=str(key(7).verifier)), "unsigned"),
    "a key whose hash differs": (lambda: Given(key=Given().key.replace("+", "+0", 1)), "key"),
    "a key of another kind": (lambda: Given(key="name+00000000+AgAA"), "key"),
    "a private key": (lambda: Given(key="PRIVATE+KEY+name+00000000+AAAA"), "private_key"),
    "no key": (lambda: Given(key=""), "key"),
}


@pytest.mark.parametrize("name", CASES)
def test_what_was_changed_is_named(pages: dict[str, Page], name: str) -> None:
    make, code = CASES[name]
    for page in pages.values():
        found = asked(page, make())
        assert (found["code"], found["ok"]) == (code, False)
        assert found["message"]["de"] != found["message"]["en"]


def test_the_bare_page_says_it_in_two_languages(pages: dict[str, Page], tmp_path: Path) -> None:
    page = pages["127.0.0.1"]
    for leaf, de, en in (
        (LOG.all[INDEX], "Position 7 von 300", "position 7 of 300"),
        (LOG.all[INDEX + 1], "wurden verändert", "were changed"),
    ):
        (tmp_path / "leaf").write_bytes(leaf)
        (tmp_path / "proof").write_bytes(Given().proof)
        page.set_input_files("#leaf", tmp_path / "leaf")
        page.set_input_files("#proof", tmp_path / "proof")
        page.fill("#key", Given().key)
        page.click("button")
        page.wait_for_function(
            "text => document.getElementById('de').innerText.includes(text)", arg=de
        )
        assert en in page.inner_text("#en")


def test_the_module_asks_nothing_of_anyone() -> None:
    source = (STATIC_DIR / "proof.js").read_text("utf-8")
    code = "\n".join(line for line in source.splitlines() if not line.startswith("//"))

    assert "import " not in code
    assert not any(word in code for word in ("fetch", "XMLHttpRequest", "http:", "eval"))
