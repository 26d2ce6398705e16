"""Payloads: whatever a user hands over becomes valid JSON, and nothing he hands over can hurt."""

import dataclasses
import datetime as dt
import decimal
import enum
import gc
import itertools
import json
import math
import pathlib
import threading
import types
import uuid
import warnings
import weakref
from collections import Counter, OrderedDict, defaultdict
from typing import NamedTuple

import msgspec
import pydantic
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mastra_core.errors import ToolError, with_safe_text
from mastra_core.signals import payload
from mastra_core.signals.payload import (
    MAX_BYTES,
    MAX_DEPTH,
    beginning,
    clean_text,
    decode,
    describe_error,
    encode,
    text_of,
)

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5),
    max_leaves=30,
)


class Unprintable:
    def __repr__(self):
        raise RuntimeError("no repr")

    __str__ = __repr__


class UnprintableError(Exception):
    def __str__(self):
        raise RuntimeError("no str")


class Liar:
    """An object none of whose attributes can be had."""

    def __getattribute__(self, name):
        raise RuntimeError(name)


class Word(str):
    __slots__ = ()

    def __repr__(self):
        raise RuntimeError

    def __str__(self):
        raise RuntimeError

    def encode(self, *args):
        raise RuntimeError


class Whole(int):
    def __repr__(self):
        raise RuntimeError


class Fraction(float):
    def __repr__(self):
        raise RuntimeError


class Color(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


class Words(enum.StrEnum):
    HELLO = "hello"


class Point(NamedTuple):
    x: int
    y: object


@dataclasses.dataclass
class Order:
    id: int
    lines: list


class Address(pydantic.BaseModel):
    city: str
    since: dt.date | None = None
    secret: str = pydantic.Field(default="hidden", exclude=True)


class Loose(pydantic.BaseModel):
    number: int


class Struct(msgspec.Struct):
    a: int
    b: object = None


class Dumping:
    """Not pydantic's, but it speaks of itself in the same way."""

    def model_dump(self):
        return {"dumped": True}


class BadDump:
    def model_dump(self):
        raise RuntimeError("no dump")


class BadMapping(dict):
    def items(self):
        raise RuntimeError("no items")


_SHAPES = [
    float("nan"),
    float("inf"),
    -math.inf,
    2**64,
    -(10**5000),
    "\ud800",
    "a\ud800\udfffb",
    b"\x00\xff",
    bytearray(b"bytes"),
    memoryview(b"bytes"),
    Unprintable(),
    UnprintableError(),
    ValueError("\udcff"),
    Liar(),
    Word("word"),
    Word("w\ud800"),
    Whole(3),
    Fraction(2.5),
    Color.RED,
    Level.HIGH,
    Words.HELLO,
    Point(1, Unprintable()),
    Order(1, [Unprintable()]),
    Order,
    Address(city="Paris"),
    Loose.model_construct(number="three"),
    Struct(1, Unprintable()),
    Dumping(),
    BadDump(),
    BadMapping(a=1),
    Counter("hello"),
    OrderedDict(a="\ud800"),
    defaultdict(list, a=[1]),
    types.MappingProxyType({"a": 1}),
    {1, 2},
    frozenset({"\ud800"}),
    {(1, 2): 3, None: 4, 5: 6, b"x": 7, Unprintable(): 8},
    {"\ud800": 1},
    dt.datetime(2026, 11, 21, tzinfo=dt.UTC),
    dt.timedelta(seconds=5),
    decimal.Decimal("NaN"),
    uuid.UUID(int=5),
    pathlib.PurePosixPath("/a/b"),
    range(10**12),
    complex(1, 2),
    print,
    json,
    msgspec.UNSET,
    object(),
    threading.Lock(),
    types.SimpleNamespace(a=1),
    slice(1, 2),
    ...,
    NotImplemented,
]
SHAPES = st.integers(0, len(_SHAPES) - 1).map(lambda n: _SHAPES[n])  # not all of them can be shown
ANYTHING = st.recursive(
    SHAPES | PLAIN | st.text(alphabet=st.characters(exclude_categories=[])),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.tuples(inner, inner)
        | st.dictionaries(
            st.text(alphabet=st.characters(exclude_categories=[])) | st.integers(), inner, max_size=5
        )
        | st.builds(Order, st.integers(), inner)
        | st.builds(Struct, st.integers(), inner)
    ),
    max_leaves=15,
)


def _value_of(value):
    """The value after its way through JSON text, read by the standard library, constants refused."""

    def refuse(constant):
        raise AssertionError(f"{constant} is no JSON")

    return json.loads(encode(value).decode("utf-8"), parse_constant=refuse)


# ---------------------------------------------------------------- the laws


@given(PLAIN)
@settings(deadline=None)
def test_plain_values_come_back_as_they_were(value):
    """What JSON has words for is written exactly, as the standard library would read it."""
    assert _value_of(value) == json.loads(json.dumps(value))


@given(ANYTHING)
@settings(deadline=None, max_examples=300)
def test_anything_becomes_json(value):
    """No value raises, and the text of each is valid JSON in UTF-8 that this module reads as well."""
    _value_of(value)
    decode(encode(value))


@given(PLAIN)
@settings(deadline=None)
def test_a_value_that_has_to_be_walked_is_written_like_one_that_has_not(value):
    """A lone surrogate beside it changes nothing about a plain value."""
    assert _value_of([value, "\ud800"])[0] == _value_of(value)


@given(PLAIN)
@settings(deadline=None)
def test_encoding_changes_nothing_about_the_value(value):
    """The user's own object is read, never written to."""
    before = json.dumps(value)
    encode([value, "\ud800"])
    encode(value)
    assert json.dumps(value) == before


# ---------------------------------------------------------------- what becomes what


FORMS = {
    "none": (None, None),
    "tuple": ((1, 2), [1, 2]),
    "set": ({5}, [5]),
    "frozen set": (frozenset({5}), [5]),
    "named tuple": (Point(1, 2), [1, 2]),
    "not a number": (float("nan"), None),
    "infinity": (float("inf"), None),
    "bytes": (b"\x00\xff", "AP8="),
    "byte array": (bytearray(b"\x00"), "AA=="),
    "enum": (Color.RED, "red"),
    "integer enum": (Level.HIGH, 3),
    "text enum": (Words.HELLO, "hello"),
    "subclass of str": (Word("word"), "word"),
    "subclass of int": (Whole(3), 3),
    "subclass of float": (Fraction(2.5), 2.5),
    "subclass of str as a key": ({Word("key"): Word("value")}, {"key": "value"}),
    "dataclass": (Order(1, [{"a": (2,)}]), {"id": 1, "lines": [{"a": [2]}]}),
    "struct": (Struct(1, [2]), {"a": 1, "b": [2]}),
    "pydantic model": (Address(city="Paris"), {"city": "Paris", "since": None}),
    "pydantic model with a date": (
        Address(city="Paris", since=dt.date(2026, 1, 2)),
        {"city": "Paris", "since": "2026-01-02"},
    ),
    "model of another library": (Dumping(), {"dumped": True}),
    "mapping": (types.MappingProxyType({"a": 1}), {"a": 1}),
    "counter": (Counter("aab"), {"a": 2, "b": 1}),
    "ordered dictionary": (OrderedDict(a=1), {"a": 1}),
    "default dictionary": (defaultdict(list, a=[1]), {"a": [1]}),
    "datetime": (dt.datetime(2026, 11, 21, 10, tzinfo=dt.UTC), "2026-11-21T10:00:00Z"),
    "uuid": (uuid.UUID(int=5), "00000000-0000-0000-0000-000000000005"),
    "decimal": (decimal.Decimal("1.10"), "1.10"),
    "path": (pathlib.PurePosixPath("/a/b"), "/a/b"),
    "numbers as keys": ({1: "a", 2.5: "b"}, {"1": "a", "2.5": "b"}),
    "objects as keys": ({(1, 2): "a", None: "b"}, {"(1, 2)": "a", "None": "b"}),
    "complex": (complex(1, 2), "(1+2j)"),
    "range": (range(5), "range(0, 5)"),
    "exception": (ValueError("no"), {"type": "ValueError", "message": "no"}),
    "object without a repr": (Unprintable(), "<unprintable Unprintable>"),
    "exception without a str": (
        UnprintableError(),
        {"type": "UnprintableError", "message": "<unprintable UnprintableError>"},
    ),
    "lone surrogate": ("a\ud800b", "a\\ud800b"),
    "lone surrogate in a key": ({"\udcff": 1}, {"\\udcff": 1}),
    "large integer": (2**100, 2**100),
    "integer too long to write": (10**5000, "<integer of 16610 bits>"),
}


@pytest.mark.parametrize(("value", "expected"), FORMS.values(), ids=FORMS)
def test_what_json_has_no_word_for_is_shown_as_a_person_would_describe_it(value, expected):
    """Each kind of value has one form, alone, inside others, and where the rest has to be walked."""
    assert _value_of(value) == expected
    assert _value_of({"in": [value]}) == {"in": [expected]}
    assert _value_of([value, "\ud800"])[0] == expected


def test_a_generator_is_described_not_consumed():
    """A stream that is passed as an input still has everything in it afterwards."""
    stream = (n for n in range(3))
    assert _value_of({"stream": stream})["stream"].startswith("<generator object")
    assert list(stream) == [0, 1, 2]


def test_an_iterator_is_described_not_consumed():
    """The same holds for iterators that are no generators."""
    numbers = itertools.count()
    assert _value_of(numbers) == "count(0)"
    assert next(numbers) == 0


def test_what_a_model_hides_stays_hidden():
    """A field that a pydantic model excludes is not in the payload, however the rest looks."""
    assert b"hidden" not in encode(Address(city="Paris"))
    assert b"hidden" not in encode([Address(city="\ud800"), "\ud800"])


def test_a_model_that_holds_what_it_should_not_is_written_without_a_warning():
    """Values that were never validated are common in answers of providers; telemetry says nothing."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert _value_of(Loose.model_construct(number="three")) == {"number": "three"}


def test_one_bad_part_takes_nothing_else_with_it():
    """Beside a part that cannot be written, the rest of the payload is whole."""
    worse = BadDump()
    assert _value_of({"good": [1, 2], "bad": Unprintable(), "worse": worse, "text": "\ud800"}) == {
        "good": [1, 2],
        "bad": "<unprintable Unprintable>",
        "worse": repr(worse),
        "text": "\\ud800",
    }


def test_a_repr_is_cut():
    """What is shown by its repr takes at most a thousand characters."""

    class Talkative:
        def __repr__(self):
            return "x" * 1_000_000

    assert len(_value_of(Talkative())) == 1_000


# ---------------------------------------------------------------- what has no end


def test_a_cycle_is_cut_where_it_closes():
    """A container inside itself is replaced by a mark; the rest is there."""
    loop = {"name": "loop"}
    loop["self"] = loop
    assert _value_of(loop) == {"name": "loop", "self": "<cycle>"}
    ring = [1]
    ring.append([ring])
    assert _value_of(ring) == [1, ["<cycle>"]]


def test_a_cycle_through_objects_is_cut():
    """Dataclasses that know each other are written once around."""
    parent, child = Order(1, []), Order(2, [])
    parent.lines.append(child)
    child.lines.append(parent)
    assert _value_of(parent) == {"id": 1, "lines": [{"id": 2, "lines": ["<cycle>"]}]}


def test_the_same_value_twice_is_no_cycle():
    """Side by side, one object is written as often as it occurs."""
    shared = {"a": [1]}
    assert _value_of([shared, shared, "\ud800"]) == [shared, shared, "\\ud800"]


WRAPPINGS = {
    "list": lambda inner: [inner],
    "dictionary": lambda inner: {"a": inner},
    "dataclass": lambda inner: Order(1, [inner]),
}


@pytest.mark.parametrize("depth", [MAX_DEPTH * 2, 50_000])
@pytest.mark.parametrize("wrap", WRAPPINGS.values(), ids=WRAPPINGS)
def test_bottomless_nesting_is_cut(depth, wrap):
    """However deep, a payload is valid JSON whose text stays small, with a mark where it was cut."""
    value = "\ud800"
    for _ in range(depth):
        value = wrap(value)
    text = encode(value)
    json.loads(text)
    assert b"<depth limit>" in text
    assert len(text) < 10_000


def _shared_lists(levels):
    value = ["leaf"]
    for _ in range(levels):
        value = [value, value]
    return value


def _shared_dicts(levels):
    value = {"leaf": 1}
    for _ in range(levels):
        value = {"left": value, "right": value}
    return value


def _shared_orders(levels):
    value = Order(0, [])
    for _ in range(levels):
        value = Order(1, [value, value])
    return value


def _wide_lists(levels):
    value = list(range(1000))
    for _ in range(levels):
        value = [value] * 1000
    return value


def _web_of_objects(size):
    nodes = [Order(n, []) for n in range(size)]
    for node in nodes:
        node.lines = nodes
    return {
        "web": nodes,
        "direct": [{"to": [nodes[(n + k) % size] for k in range(1, size)]} for n in range(size)],
    }


def _web_of_dicts(size):
    nodes = [{"n": n} for n in range(size)]
    for node in nodes:
        node.update({f"to {n}": other for n, other in enumerate(nodes)})
    return nodes


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "value",
    [
        _shared_lists(60),
        _shared_dicts(60),
        _shared_orders(60),
        _wide_lists(4),
        _web_of_objects(30),
        _web_of_dicts(30),
        [_shared_lists(60), "\ud800"],
    ],
    ids=[
        "lists",
        "dictionaries",
        "dataclasses",
        "wide lists",
        "web of objects",
        "web of dictionaries",
        "walked",
    ],
)
def test_a_value_that_is_small_in_memory_and_endless_as_text_is_cut(value):
    """Shared parts are written again and again only until there is no more room."""
    text = encode(value)
    json.loads(text)
    assert len(text) <= MAX_BYTES * 2


def test_a_shared_value_of_bearable_size_is_written_in_full():
    """Sharing alone is no reason to cut: a thousand leaves are a thousand leaves."""
    assert encode(_shared_lists(10)).count(b"leaf") == 1024


def test_what_is_cut_for_its_size_says_so():
    """The mark stands where the rest would have been, in lists and in objects."""
    assert b'"<size limit>"' in encode(_shared_lists(60))
    assert '"…":"<size limit>"'.encode() in encode(_shared_dicts(60))


def test_a_huge_text_inside_a_list_is_cut_to_the_room_there_is():
    """A text beyond the limit keeps its beginning and ends in the mark."""
    text = _value_of(["x" * (MAX_BYTES * 2)])[0]
    assert text.endswith("xxx<size limit>")
    assert len(text) <= MAX_BYTES + 20


@given(st.integers(0, 3_000_000))
@settings(deadline=None, max_examples=25)
def test_the_size_of_a_payload_within_the_limit_changes_nothing(size):
    """Small or large, nested values are written as msgspec writes them, byte for byte."""
    value = {"messages": [{"role": "user", "content": "é" * (size // 2)}], "more": [1.5, None, {"a": True}]}
    assert encode(value) == msgspec.json.encode(value)


def test_the_common_case_is_written_without_a_walk(monkeypatch):
    """Whatever msgspec writes itself, small or large, is never walked in Python."""

    def refuse(value):
        raise AssertionError(value)

    monkeypatch.setattr(payload, "_encode_walked", refuse)
    for value in (
        "text",
        {"a": 1},
        {"a": {"b": [1, 2]}},
        Order(1, [2]),
        ["x" * 100] * 10_000,
        Address(city="x"),
    ):
        encode(value)


def test_the_promise_holds_where_even_the_walk_fails(monkeypatch):
    """Should everything else go wrong, the kind of the value is left."""

    def fail(self, value, depth):
        raise RuntimeError

    monkeypatch.setattr(payload._Walk, "rebuild", fail)
    assert _value_of(["\ud800"]) == "<unprintable list>"


# ---------------------------------------------------------------- while others work


def test_a_dictionary_that_another_thread_changes_can_be_encoded():
    """The snapshot is of some moment; it is valid JSON, and nothing raises."""
    shared = {f"key {n}": {"n": n} for n in range(200)}
    shared["slow"] = Unprintable()  # makes the encoder call into Python, where threads take turns
    shared["text"] = "\ud800"
    is_done = threading.Event()

    def change():
        for n in itertools.count():
            if is_done.is_set():
                return
            shared[f"more {n % 100}"] = n
            shared.pop(f"more {(n + 50) % 100}", None)

    thread = threading.Thread(target=change)
    thread.start()
    try:
        for _ in range(200):
            assert set(_value_of(shared)) >= {"key 0", "key 199", "text"}
    finally:
        is_done.set()
        thread.join()


def test_what_was_encoded_does_not_change_with_the_value():
    """The text is a snapshot: it shares nothing with the object it was made of."""
    value = {"items": [1]}
    text = encode(value)
    value["items"].append(2)
    assert json.loads(text) == {"items": [1]}


def test_encoding_holds_on_to_nothing():
    """After a walk, even a cut one, no reference to the user's object is left."""

    class Node:
        pass

    node = Node()
    node.self = [node, "\ud800"]
    encode([node, "\ud800"])
    encode([_shared_lists(60), node])
    known = weakref.ref(node)
    del node
    gc.collect()
    assert known() is None


# ---------------------------------------------------------------- the smaller words


@given(st.text(alphabet=st.characters(exclude_categories=[])))
def test_clean_text_can_be_written_and_is_the_same_where_it_could_be(text):
    """Text that UTF-8 can hold is unchanged, other text loses nothing but its lone surrogates."""
    clean = clean_text(text)
    clean.encode()
    assert clean == text or any("\ud800" <= char <= "\udfff" for char in text)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inside: st.lists(inside) | st.dictionaries(st.text(), inside),
        max_leaves=30,
    ),
    st.integers(0, 300),
)
def test_of_what_is_too_large_the_beginning_is_kept_as_json(value, room):
    """It holds nothing but what is in the payload under the same names, in hardly more than its room."""
    payload = encode(value)
    kept = beginning(payload, room)
    assert len(kept) <= 2 * room + 100
    found = decode(kept)
    assert (found["truncated"], found["original_bytes"]) == (True, len(payload))
    assert is_beginning_of(found["head"], value)


def is_beginning_of(head, value):
    """Whether the one is what is left of the other."""
    if isinstance(head, dict):
        return isinstance(value, dict) and all(
            any(clean_text(name) == key and is_beginning_of(part, value[name]) for name in value)
            for key, part in head.items()
        )
    if isinstance(head, list):
        return isinstance(value, list) and all(map(is_beginning_of, head, value))
    if isinstance(head, str):
        return isinstance(value, str) and clean_text(value).startswith(head)
    return head is None or head == value or str(value).startswith(str(head))


def test_an_absent_payload_is_no_value():
    """None is no text and decodes to None; so does the text `null`."""
    assert decode(None) is None
    assert decode(b"null") is None
    assert decode(msgspec.Raw(b'{"a":1}')) == {"a": 1}


def test_an_error_is_described_by_its_class_and_its_words():
    """A nested class is named as Python names it, and an error without words has none."""

    class InnerError(Exception):
        pass

    assert describe_error(InnerError("no")) == {"type": InnerError.__qualname__, "message": "no"}
    assert describe_error(KeyError()) == {"type": "KeyError", "message": ""}


def test_an_error_without_values_says_what_was_said_to_be_safe():
    """Its `without_values` where that is a text; else, or where it raises, nothing of its words."""

    class LyingError(Exception):
        without_values = 5

    class RaisingError(Exception):
        @property
        def without_values(self):
            raise self

    said = [
        describe_error(error, with_values=False)["message"]
        for error in (
            with_safe_text(KeyError("x"), "a key"),
            with_safe_text(OSError("full")),
            ToolError("x"),
            LyingError("x"),
            RaisingError("x"),
        )
    ]
    assert said == [
        "a key",
        "full",
        "<hidden>",
        "<hidden>",
        "<unprintable " + RaisingError.__qualname__ + ">",
    ]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("text", "text"),
        ("\ud800", "\\ud800"),
        (5, "5"),
        (None, "None"),
        (ValueError("no"), "no"),
        (Unprintable(), "<unprintable Unprintable>"),
        (Liar(), None),
        ("x" * 5_000, "x" * 5_000),
    ],
    ids=itertools.count(),
)
def test_everything_has_a_text(value, expected):
    """Also what refuses to tell; texts are kept whole."""
    text = text_of(value)
    assert type(text) is str
    assert expected in (None, text)


def test_an_instance_of_a_kind_of_text_is_the_plain_text():
    """Whatever its class made of its methods."""
    assert type(text_of(Word("mine"))) is str
    assert text_of(Word("mine")) == "mine"
