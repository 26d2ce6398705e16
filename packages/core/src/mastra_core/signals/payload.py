"""Payloads: a user's value becomes JSON text, once, at the moment he hands it over.

`encode` is the snapshot that the caller pays for. It takes anything and never raises: what JSON
has no word for is shown as a person would describe it, cycles, bottomless nesting and what would
grow without bounds are cut with a visible mark. The common case is one call into msgspec; only
what that refuses is walked in Python.

    value                          JSON text
    dataclass, TypedDict, struct   object
    pydantic model                 object (`model_dump`)
    exception                      {"type", "message"}; without its words where values are hidden
    bytes                          base64 text
    set, tuple, generator          array, array, its repr
    NaN, infinities                null
    lone surrogate                 backslash escape, as text
    cycle, too deep, too large     "<cycle>", "<depth limit>", "<size limit>"
    anything else                  its repr, at most 1 000 characters

A value may be small in memory and endless as text: forty lists, each of which holds the next one
twice, are 2**40 lists in JSON. So whatever holds other containers is written into a buffer that is
kept from growing beyond `MAX_BYTES`; plain values and flat dictionaries cannot grow like that and
are spared the cost.
"""

from __future__ import annotations

import dataclasses
import gc
import os
import re
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, Any, cast

import msgspec
from pydantic import BaseModel
from pydantic_core import from_json

from mastra_core.signals.hidden_words import shows_words, with_causes

MAX_DEPTH = 100
"""Nesting that is kept of what has to be walked; what lies deeper is replaced by a mark."""

MAX_BYTES = 16 * 1024 * 1024
"""JSON text that a nested value may become; beyond that it is walked, and cut where the room ends."""

HIDDEN = "<hidden>"
"""Stands for the words of an error where they may tell of a value that is to be hidden."""

_MIN_QUOTED = 4
_MAX_QUOTED_ERRORS = 10
_MAX_WORD = 4_096
_MAX_NODES = 50_000
_MAX_REPR = 1_000
_name_of_type = vars(type)["__qualname__"].__get__
_CYCLE = "<cycle>"
_TOO_DEEP = "<depth limit>"
_TOO_LARGE = "<size limit>"

Json = msgspec.Raw
"""A piece of JSON text, ready to be embedded in a larger one."""

# msgspec reads anything into `Raw`, `null` too, and refuses to read `Raw | None`.
if TYPE_CHECKING:
    OptionalJson = Json | None
else:
    OptionalJson = Json


def encode(value: object) -> bytes:
    """JSON text of any value, in UTF-8; never raises."""
    try:
        if not _may_hold_containers(value):
            return encode_fast(value)
        buffer = _SMALL_ROOM[:]
        _lock = memoryview(buffer)  # while it is looked at, a bytearray refuses to grow
        _encode_into(value, buffer)
        return bytes(buffer)
    except BufferError:
        return _encode_large(value)
    except Exception:  # noqa: BLE001  # a user's object may raise whatever it likes
        return _encode_walked(value)


def head_and_tail(payload: bytes, room: int) -> bytes:
    """A payload too large as a whole: at most about `room` bytes of its beginning and end, and its size."""
    room = max(0, room - 200) // 2  # escaping may double what is kept
    head, tail = room - room // 4, room // 4
    return encode_fast(
        {
            "truncated": True,
            "original_bytes": len(payload),
            "head": payload[:head].decode(errors="ignore"),
            "tail": payload[len(payload) - tail :].decode(errors="ignore"),
        }
    )


def beginning(payload: bytes, room: int) -> bytes:
    """A payload too large to wait anywhere: at most about `room` bytes of its beginning, and its size.

    It is JSON that ends early, not a text, so that it can still be told what is called by which name. Of the
    end nobody could tell; so it is left out, as is a last word that is torn.
    """
    text = payload[:room].decode(errors="ignore")
    head: object = None
    with suppress(ValueError):  # nested deeper than is read
        head = from_json(text[: _last_break(text)], allow_partial="trailing-strings")
    return encode({"truncated": True, "original_bytes": len(payload), "head": head})


def _last_break(text: str) -> int:
    """Where the last word begins that may be torn; the end, where it is longer than any word."""
    found = re.compile(r"[\s,:\[{]").search(text[: -_MAX_WORD - 1 : -1])
    return len(text) if found is None else len(text) - found.end()


def decode(payload: msgspec.Raw | bytes | str | None) -> Any:  # noqa: ANN401  # JSON is any value
    """The value of a JSON text; None stands for an absent payload."""
    return None if payload is None else msgspec.json.decode(payload)


def clean_text(text: str) -> str:
    """The same text, lone surrogates written as escapes, so that UTF-8 can hold it."""
    try:
        str.encode(text)
    except UnicodeEncodeError:
        return str.encode(text, "utf-8", "backslashreplace").decode()
    return text


def describe_error(error: BaseException, *, with_values: bool = True) -> dict[str, str]:
    """Type and message of an exception whose own `__str__` may raise, whatever it likes.

    Without values the message is the error's `without_values`, and a mark where it has none.
    """
    words = str if with_values else _words_without_values
    try:
        message = _text_of(words, error)
    except BaseException:  # noqa: BLE001  # who asks handles another error, or works for others
        message = _unprintable(error)
    return {"type": _name_of_type(type(error)), "message": message}


def without_words(text: str, error: BaseException) -> str:
    """A text said of an error, such as `f"failed: {error}"`, without the words of the error.

    What logs an error for others often says it like that, too: `asyncio` of a task that nobody waited for.
    Words of fewer than four characters stay, which may be part of any word.
    """
    said = {words for each in islice(with_causes(error), _MAX_QUOTED_ERRORS) for words in _words_of(each)}
    for words in sorted(said, key=len, reverse=True):  # what one says may be a part of what another does
        if len(words) >= _MIN_QUOTED:
            text = text.replace(words, HIDDEN)
    return text


def without_hidden_words(text: str, message: object, arguments: object) -> str:
    """A text made of a message and its arguments, as `logging` does; without what errors among them hide."""
    given: Iterable[object] = ()
    if isinstance(arguments, Mapping):
        given = cast("Mapping[object, object]", arguments).values()
    elif isinstance(arguments, tuple):
        given = cast("tuple[object, ...]", arguments)
    for value in (message, *given):
        if issubclass(type(value), BaseException):  # `isinstance` would ask the value
            error = cast("BaseException", value)
            text = text if shows_words(error) else without_words(text, error)
    return text


def _words_of(error: BaseException) -> list[str]:
    """An error's words in the ways in which a text quotes them; none that it cannot tell."""
    words: list[str] = []
    for said in (repr, str):
        with suppress(BaseException):  # as in `describe_error`
            words.append(str.__str__(said(error)))
    return words


def _words_without_values(error: BaseException) -> str:
    text = getattr(error, "without_values", None)
    return str.__str__(cast("str", text)) if issubclass(type(text), str) else HIDDEN


def text_of(value: object) -> str:
    """Text of any value, as `str` has it; never raises. Of what is no text, at most 1 000 characters.

    An error has no words where they are hidden.
    """
    if issubclass(type(value), str):  # `isinstance` would ask the value, which may raise at that
        return clean_text(str.__str__(cast("str", value)))
    if issubclass(type(value), BaseException):
        error = cast("BaseException", value)
        return describe_error(error, with_values=shows_words(error))["message"]
    return _text_of(str, value)


def _text_of(function: Any, value: object) -> str:  # noqa: ANN401  # str or repr
    try:
        return clean_text(str.__str__(function(value)))[:_MAX_REPR]  # the text may be of a class of its own
    except Exception:  # noqa: BLE001
        return _unprintable(value)


def _unprintable(value: object) -> str:
    return f"<unprintable {_name_of_type(type(value))}>"


# ---------------------------------------------------------------- in C


def _hook(value: object) -> object:
    """What msgspec asks for a type that it does not know."""
    if isinstance(value, BaseModel):
        return value.model_dump(warnings=False)
    model_dump = getattr(type(value), "model_dump", None)
    if model_dump is not None:
        return model_dump(value)
    if isinstance(value, BaseException):
        return describe_error(value, with_values=shows_words(value))
    if isinstance(value, str | int | float):
        return _exact(value)
    if isinstance(value, os.PathLike):
        return str(cast("os.PathLike[str]", value))
    if isinstance(value, Mapping):
        return dict(cast("Mapping[object, object]", value))
    return _text_of(repr, value)


def _exact(value: str | float) -> str | int | float:
    """The plain value of an instance of a subclass, whatever that made of its methods."""
    if isinstance(value, str):
        return str.__str__(value)
    return int.__int__(value) if isinstance(value, int) else float.__float__(value)


_encoder = msgspec.json.Encoder(enc_hook=_hook)
encode_fast: Callable[[object], bytes] = _encoder.encode
"""`encode` without its net: raises for what cannot be written, and writes however much it is."""

_encode_into = _encoder.encode_into
_SMALL_ROOM = bytearray(1_000)
_LARGER_ROOMS = (1 << 15, 1 << 18, 1 << 21, MAX_BYTES)

# The garbage collector has no interest in texts, numbers, and (up to CPython 3.13) dictionaries of
# such: the cheapest way there is to know them.
_may_hold_containers = gc.is_tracked


def _encode_large(value: object) -> bytes:
    for room in _LARGER_ROOMS:
        buffer = bytearray(room)
        _lock = memoryview(buffer)
        try:
            _encode_into(value, buffer)
        except BufferError:
            continue
        except Exception:  # noqa: BLE001
            break
        return bytes(buffer)
    return _encode_walked(value)


# ---------------------------------------------------------------- in Python


def _encode_walked(value: object) -> bytes:
    try:
        return encode_fast(_Walk().rebuild(value, 0))
    except Exception:  # noqa: BLE001  # nothing that is known comes here; the promise holds anyway
        return encode_fast(f"<unprintable {clean_text(type(value).__name__)}>")


class _Walk:
    """Rebuilds a value from what JSON can hold, within a budget for the whole of it.

    The budget is what ends a walk through objects that all know each other: there are more ways
    through such a web than there is time, and none of them is a cycle longer than the web.
    """

    def __init__(self) -> None:
        self._above: set[int] = set()  # ids of the containers around the present value
        self._nodes_left = _MAX_NODES
        self._chars_left = MAX_BYTES

    def rebuild(self, value: object, depth: int) -> object:
        """What stands for `value`."""
        self._nodes_left -= 1
        if value is None or value is True or value is False:
            return value
        if isinstance(value, str):
            return self._text(_exact(value))
        if isinstance(value, int | float):
            return _number(value)
        if not _is_container(value):
            try:
                return self._scalar(msgspec.json.encode(value))
            except Exception:  # noqa: BLE001, S110  # then it is described below
                pass
        if id(value) in self._above:
            return _CYCLE
        if depth >= MAX_DEPTH:
            return _TOO_DEEP
        self._above.add(id(value))
        try:
            return self._container(value, depth + 1)
        except Exception:  # noqa: BLE001
            return self._text(_text_of(repr, value))
        finally:
            self._above.discard(id(value))

    def _text(self, text: object) -> str:
        """The text, or as much of it as there is room for."""
        clean = clean_text(cast("str", text))
        kept = clean[: max(0, self._chars_left)]
        self._chars_left -= len(clean)
        return kept if len(kept) == len(clean) else kept + _TOO_LARGE

    def _scalar(self, text: bytes) -> object:
        self._chars_left -= len(text)
        return msgspec.Raw(text) if self._chars_left >= 0 else _TOO_LARGE

    def _is_spent(self) -> bool:
        return self._nodes_left <= 0 or self._chars_left <= 0

    def _container(self, value: object, depth: int) -> object:
        if isinstance(value, Mapping):
            return self._object(cast("Mapping[object, object]", value), depth)
        if isinstance(value, list | tuple | AbstractSet):
            kept: list[object] = []
            for item in list(cast("list[object]", value)):
                if self._is_spent():
                    kept.append(_TOO_LARGE)
                    break
                kept.append(self.rebuild(item, depth))
            return kept
        if isinstance(value, msgspec.Struct):
            return self.rebuild(msgspec.structs.asdict(value), depth)
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            fields = {field.name: getattr(value, field.name, None) for field in dataclasses.fields(value)}
            return self.rebuild(fields, depth)
        described = _hook(value)
        return self._text(described) if isinstance(described, str) else self.rebuild(described, depth)

    def _object(self, value: Mapping[object, object], depth: int) -> dict[str, object]:
        # Of a dictionary that another thread changes, `list` takes all at once.
        items = list(value.items()) if isinstance(value, dict) else list(islice(value.items(), _MAX_NODES))
        kept: dict[str, object] = {}
        for key, item in items:
            if self._is_spent():
                kept["…"] = _TOO_LARGE
                break
            kept[self._text(_exact(key) if isinstance(key, str) else _text_of(str, key))] = self.rebuild(
                item, depth
            )
        return kept


def _number(value: float) -> object:
    plain = _exact(value)
    try:
        msgspec.json.encode(plain)
    except ValueError:  # more digits than Python is willing to write
        return f"<integer of {cast('int', plain).bit_length()} bits>"
    return plain


def _is_container(value: object) -> bool:
    return isinstance(
        value, Mapping | AbstractSet | list | tuple | msgspec.Struct
    ) or dataclasses.is_dataclass(value)
