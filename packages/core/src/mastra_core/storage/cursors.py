"""Cursors: how far a reader has come in a list that is read in order of arrival.

A store gives every row of a signal an arrival number, greater than those of all rows that could be
read before, and never gives one again, not after `clear` either. A cursor holds the number behind
which to go on. It is opaque to users, so that a store may number as it likes.
"""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from dataclasses import dataclass

from mastra_core.errors import InvalidQueryError

START = ""
"""In place of a cursor: begin with the row that came first."""

_ADVICE = 'pass on `page.cursor` as it was given, or "" to begin with the oldest row'
_PLAIN = re.compile(r"(?P<table>\w+)/(?P<store>[\w-]+)/(?P<arrival>0|[1-9][0-9]{0,18})/[0-9a-f]{8}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in the arrivals of one table.

    Attributes:
        table: name of the signal's table.
        store: identity of the data: another database, another identity.
        arrival: number of the last row that was read or passed over; 0 before the first.
    """

    table: str
    store: str
    arrival: int

    def encode(self) -> str:
        """The cursor as users see it."""
        plain = f"{self.table}/{self.store}/{self.arrival}".encode()
        # With a check, or one that was cut short would be a cursor of an earlier row.
        checked = plain + b"/" + f"{zlib.crc32(plain):08x}".encode()
        return base64.urlsafe_b64encode(checked).decode().rstrip("=")

    @classmethod
    def decode(cls, text: str) -> Cursor:
        """The cursor of a text.

        Raises:
            ValueError: it is none.
        """
        try:
            plain = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True).decode()
        except (binascii.Error, ValueError):
            plain = ""
        match = _PLAIN.fullmatch(plain)
        cursor = match and cls(match["table"], match["store"], int(match["arrival"]))
        if cursor is None or cursor.encode() != text:
            raise ValueError(f"a cursor of this store; {_ADVICE}")
        return cursor


def arrival_of(after: str, table: str, store: str) -> int:
    """The number behind which a query's `after` goes on.

    Raises:
        InvalidQueryError: it is no cursor, or one of another signal or of another store.
    """
    if after == START:
        return 0
    try:
        cursor = Cursor.decode(after)
    except ValueError as error:
        raise InvalidQueryError(f"Field `query.after` must be {error}, got {after!r}") from None
    for what, found, here in (("signal", cursor.table, table), ("store", cursor.store, store)):
        if found != here:
            raise InvalidQueryError(
                f"Field `query.after` must be a cursor of this {what} ({here}), got one of {found}; {_ADVICE}"
            )
    return cursor.arrival
