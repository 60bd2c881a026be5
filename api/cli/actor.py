"""Who the command line is in the trail: one row among a ledger's keys, that no secret opens."""

import secrets
from typing import Final
from uuid import uuid5

from ledger.domain.commands import ADMIN, Authority
from ledger.service import Ledger
from ledger.store.database import WRITER, connect

LABEL: Final = "command line"


def command_line(url: str, ledger: Ledger) -> Authority:
    """The authority of commands that record without a key; made at a ledger's first of them.

    The row holds the SHA-256 of bytes that nobody keeps, and no scope: it names an actor.
    """
    key_id = uuid5(ledger.book.space, "key/command-line")
    with connect(url, WRITER, autocommit=True) as conn:
        conn.execute(
            "INSERT INTO ledger.api_key (key_id, sha256, label, scopes, clusters, sources)"
            " VALUES (%s, %s, %s, '{}', '{}', '{}') ON CONFLICT (key_id) DO NOTHING",
            (key_id, secrets.token_bytes(32), LABEL),
        )
    return Authority(f"key:{key_id}", frozenset({ADMIN}))
