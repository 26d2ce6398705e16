"""Columns of values as bytes of ClickHouse's Native format, in which they are sent.

A block is the counts of its columns and rows, then each column with its name, its type and its values.
The driver makes the same of lists, value by value. Here a column is made as a whole by loops of the
interpreter's own, for texts are most of what there is: where all are equally long one `join` is enough,
and where few differ each is made once.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable, Sequence, Sized
from itertools import accumulate, chain
from typing import Any

SentColumn = tuple[str, str, bytes]
"""Name, type and values of a column, the values as one of the functions below makes them."""

_SHORT = 128
"""Below this a length is one byte."""


def block(row_count: int, columns: Sequence[SentColumn]) -> bytes:
    """A block of columns."""
    parts = [_LENGTHS[len(columns)], _LENGTHS[row_count]]
    for name, sql_type, values in columns:
        parts += [_sized([name.encode(), sql_type.encode()]), values]
    return b"".join(parts)


def texts(values: Sequence[str]) -> bytes:
    """A column `String`.

    Raises:
        TypeError: a value is no text.
        ValueError: UTF-8 has no word for a letter.
    """
    joined = "".join(values)
    lengths = set(map(len, values))
    if len(lengths) == 1 and (length := lengths.pop()) < _SHORT and joined.isascii():
        before = chr(length)
        return (before + before.join(values)).encode()
    different = set(values)
    if len(different) * 4 > len(values):
        return _sized([*map(str.encode, values)])
    known = {value: _sized([value.encode()]) for value in different}
    return b"".join(map(known.__getitem__, values))


def encoded_texts(values: Sequence[bytes]) -> bytes:
    """A column `String` of texts in UTF-8.

    Raises:
        TypeError: a value is no text.
        ValueError: it is no UTF-8.
    """
    joined = b"\n".join(values)
    if not joined.isascii():
        joined.decode()
    return _sized(values)


def numbers(code: str, values: Iterable[Any]) -> bytes:
    """A column of numbers of one size.

    Args:
        code: the size, as `array` calls it: `q` for `Int64` and times, `Q` for `UInt64`, `d` for
            `Float64`, `I` for `UInt32`, `i` for `Int32`.
        values: the numbers.

    Raises:
        TypeError: a value is no such number.
        OverflowError: it needs more bits.
    """
    column = array(code, values)
    if sys.byteorder == "big":
        column.byteswap()
    return column.tobytes()


def ends(values: Sequence[Sized]) -> bytes:
    """Where each list of a column of lists ends, which stands before what they hold."""
    return numbers("Q", accumulate(map(len, values)))


def missing(values: Sequence[Any]) -> bytes:
    """Which values of a column `Nullable` are missing, which stands before the others."""
    return bytes([value is None for value in values])


def flat(values: Iterable[Iterable[str]]) -> list[str]:
    """What lists hold, one after the other."""
    return [*chain.from_iterable(values)]


def _sized(values: Sequence[bytes]) -> bytes:
    """Each value behind its length."""
    return b"".join(
        chain.from_iterable(zip(map(_LENGTHS.__getitem__, map(len, values)), values, strict=True))
    )


class _Lengths(dict[int, bytes]):
    """Lengths as they are written: seven bits a byte, the lowest first; the eighth says that more follow."""

    def __missing__(self, length: int) -> bytes:
        digits, left = bytearray(), length
        while left >= _SHORT:
            digits.append(left % _SHORT | _SHORT)
            left //= _SHORT
        written = bytes([*digits, left])
        if len(self) < _REMEMBERED:
            self[length] = written
        return written


_REMEMBERED = 10_000
_LENGTHS = _Lengths()
