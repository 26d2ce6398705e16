"""Values reach the engine as they are, and mean what they mean in the store in memory."""

import math
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clickhouse_engine import embedded
from mastra_clickhouse.parameters import Parameters
from mastra_core.signals.payload import Json, encode
from mastra_core.storage import InMemoryStore, LogQuery
from mastra_core.storage.text_search import re2_pattern
from mastra_core.testing.fakes import fake_log
from mastra_core.testing.log_strategies import letters, lookalikes
from mastra_core.testing.strategies import INJECTIONS, TEXTS

ODD = [
    *INJECTIONS,
    *TEXTS,
    "\\N",
    "\\0",
    "\t\r\n",
    "\x01\x7f",
    "`",
    "{p0:String}",
    "'",
    "\u2028",
    "x" * 10_000,
]
TEXT = st.sampled_from(ODD) | st.text(max_size=20)
LONG = ["18446744073709551616", "-9223372036854775809", "1000000000000000000000000000001"]


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A store of the engine in this process."""
    with embedded(tmp_path_factory.mktemp("values")) as store:
        yield store


def ask(store, sql, parameters):
    """The one row of a statement."""
    with store._connection.session() as session:
        return session.rows(sql, parameters.values)[0]


@settings(max_examples=100, deadline=None)
@given(st.lists(TEXT, min_size=1, max_size=5))
def test_any_text_arrives_as_it_is(store, texts):
    """Alone and in a list: NUL, quotes, backslashes, braces and control characters included."""
    bound = Parameters()
    sql = f"SELECT {bound.text(texts[0])}, hex({bound.text(texts[0])}), {bound.texts(texts)}"
    one, digits, several = ask(store, sql, bound)
    assert (one, bytes.fromhex(digits).decode(), list(several)) == (texts[0], texts[0], texts)


@settings(max_examples=100, deadline=None)
@given(st.floats(allow_nan=False), st.integers(-(2**63), 2**63 - 1))
def test_any_number_arrives_to_the_last_digit(store, number, whole):
    """Doubles by their bits, also -0.0 and the smallest; whole numbers of 64 bits."""
    bound = Parameters()
    found = ask(store, f"SELECT {bound.number(number)}, {bound.whole(whole)}", bound)
    assert struct.pack("d", found[0]) == struct.pack("d", number)
    assert found[1] == whole


def test_numbers_of_many_digits_are_no_texts(store):
    """The engine's parser makes texts of them; a filter still tells both, wherever digits stand."""
    memory = InMemoryStore()
    shapes = [*LONG, *map(int, LONG), *(f":{digits}" for digits in LONG), 1e30, 10**30, f'":{LONG[0]},"']
    payloads = [
        *({"v": shape} for shape in shapes),
        *({"x": [f'\\":{LONG[0]}}}'], "v": one} for one in shapes),
    ]
    payloads += [{"v": {"in": int(LONG[0])}}, {"v": {"in": LONG[0]}}, {LONG[0]: 1, "v": int(LONG[1])}]
    store.clear()
    for kept in (store, memory):
        kept.write_logs([fake_log(n, data=Json(encode(data))) for n, data in enumerate(payloads)])
    parts = [*({"v": shape} for shape in shapes), {"v": {"in": int(LONG[0])}}, {"v": {"in": LONG[0]}}]
    for part in parts:
        query = LogQuery(data=part, limit=1_000)
        assert store.list_logs(query).items == memory.list_logs(query).items, part


def test_all_of_unicode_is_found_by_its_pattern(store):
    """The engine takes every character for itself, and letters for all of their spellings alone."""
    characters = [chr(code) for code in range(0x110000) if not 0xD800 <= code <= 0xDFFF]
    blocks = ["".join(characters[start : start + 100]) for start in range(0, len(characters), 100)]
    pairs = [(block, re2_pattern(block), True) for block in blocks]
    for spellings in letters():
        pattern = re2_pattern(spellings[-1])
        pairs += [(one, pattern, True) for one in spellings]
        pairs += [(one, pattern, False) for one in lookalikes(spellings)]
    wrong = []
    with store._connection.session() as session:
        for first in range(0, len(pairs), 2_000):
            bound = Parameters()
            ones, patterns, are_one = zip(*pairs[first : first + 2_000], strict=True)
            rows = ", ".join(
                [bound.texts(ones), bound.texts(patterns), bound.bind(list(are_one), "Array(Bool)")]
            )
            sql = (
                f"SELECT row.1 FROM (SELECT arrayJoin(arrayZip({rows})) AS row) "
                "WHERE match(row.1, concat('^(?:', row.2, ')$')) <> row.3"
            )
            wrong += session.rows(sql, bound.values)
    assert wrong == []


def test_sums_are_compensated(store):
    """What plain addition loses stays, whatever the order on several threads."""
    bound = Parameters()
    values = [1e16, 1.0, -1e16, 1.0] * 1_000
    array = bound.bind(values, "Array(Float64)")
    (found,) = ask(store, f"SELECT sumKahan(x) FROM (SELECT arrayJoin({array}) AS x)", bound)
    assert found == pytest.approx(math.fsum(values), abs=1e-12 * sum(map(abs, values)))
