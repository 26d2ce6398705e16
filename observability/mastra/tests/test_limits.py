"""Payload limits: what is cut, what is not, and that the cut can be seen."""

import json
from contextlib import suppress
from dataclasses import dataclass
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from mastra_core.runtime.config import PayloadLimits
from mastra_core.signals.payload import encode
from mastra_core.storage.memory import InMemoryStore
from mastra_observability import DefaultExporter, JsonExporter
from mastra_observability.processors.limits import PayloadLimiter

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=60),
    lambda inner: st.lists(inner, max_size=12) | st.dictionaries(st.text(max_size=8), inner, max_size=12),
    max_leaves=60,
)
SMALL = SimpleNamespace(max_string_chars=20, max_depth=3, max_items=5, max_bytes=600)


def within(value: object, limits: SimpleNamespace, depth: int = 0) -> bool:
    """Whether nothing of `value` is larger than allowed; written without the limiter's own code."""
    if isinstance(value, str):
        return len(value) <= limits.max_string_chars
    if isinstance(value, list):
        return (
            depth < limits.max_depth
            and len(value) <= limits.max_items
            and all(within(item, limits, depth + 1) for item in value)
        )
    if isinstance(value, dict):
        return (
            depth < limits.max_depth
            and len(value) <= limits.max_items
            and all(
                len(k) <= limits.max_string_chars and within(v, limits, depth + 1) for k, v in value.items()
            )
        )
    return True


@given(json_values)
def test_what_is_within_the_limits_is_untouched_and_the_rest_is_marked(value):
    """A payload within the limits passes byte for byte; any other one is changed."""
    payload = encode(value)
    cut = PayloadLimiter(SMALL).apply(payload)
    if within(value, SMALL) and len(payload) <= SMALL.max_bytes:
        assert cut == payload
    else:
        assert cut != payload


@given(json_values)
def test_the_result_is_json_no_larger_than_allowed(value):
    """Whatever goes in, what comes out is JSON of at most the allowed bytes."""
    cut = PayloadLimiter(SMALL).apply(encode(value))
    json.loads(cut)
    assert len(cut) <= SMALL.max_bytes


def test_a_long_text_keeps_its_head_and_tail():
    """The beginning and the end of a long text stay, and the number of characters cut is told."""
    limiter = PayloadLimiter(PayloadLimits(max_string_chars=100))
    text = json.loads(limiter.apply(encode("a" * 500 + "b" * 500)))
    assert text.startswith("a" * 75)
    assert text.endswith("b" * 25)
    assert "900 of 1000 characters cut" in text


def test_a_payload_too_large_as_a_whole_tells_its_size():
    """Head, tail and original size of a payload over the byte limit are kept."""
    value = {f"key {i}": "x" * 100 for i in range(900)}
    payload = encode(value)
    cut = json.loads(PayloadLimiter(PayloadLimits(max_bytes=4_096)).apply(payload))
    assert cut["truncated"] is True
    assert cut["original_bytes"] == len(payload)
    assert cut["head"].startswith('{"key 0"')


def test_deep_nesting_is_replaced_by_a_mark():
    """Below the deepest allowed level stands what was there and how much of it."""
    limiter = PayloadLimiter(PayloadLimits(max_depth=2))
    assert json.loads(limiter.apply(encode([[[1, 2, 3]]]))) == [["<list of 3, deeper than 2 levels>"]]


def test_limits_hold_on_the_way_of_a_span(make, capture):
    """What a user hands over in a span is cut before any exporter sees it."""
    obs = make(payload={"max_string_chars": 50})
    with obs.span("root", input="x" * 1_000, attributes={"note": "y" * 1_000}) as span:
        span.update(output=["z" * 1_000])
    obs.flush()
    root = capture.named("root")
    for payload in (root.input, root.output, root.attributes):
        assert b"characters cut" in bytes(payload)


def test_long_lists_and_large_objects_are_cut_with_a_mark():
    """The first items stay, and the number of those that went is told."""
    limiter = PayloadLimiter(PayloadLimits(max_items=2))
    assert json.loads(limiter.apply(encode([1, 2, 3, 4, 5]))) == [1, 2, "<3 of 5 items cut>"]
    cut = json.loads(limiter.apply(encode({"a": 1, "b": 2, "c": 3})))
    assert cut == {"a": 1, "b": 2, "…": "<1 of 3 keys cut>"}


def _cycle():
    value = {"a": [1]}
    value["a"].append(value)
    return value


@dataclass
class Point:
    """A dataclass with something odd in it."""

    x: float = float("nan")
    y: object = None


class Model(BaseModel):
    """A model of pydantic."""

    name: str = "\ud800"


class Hostile:
    """Raises at whatever is asked of it."""

    def __repr__(self):
        raise RuntimeError("no")

    __str__ = __repr__


def _deep(levels):
    value = []
    for _ in range(levels):
        value = [value]
    return value


HOSTILE = {
    "cycle": _cycle(),
    "deep": _deep(100_000),
    "bytes": b"\x00\xff",
    "set": {1, "a"},
    "dataclass": Point(y={1}),
    "model": Model(),
    "exception": ValueError("bad"),
    "huge text": "x" * 3_000_000,
    "surrogate": "\ud800 and \udfff",
    "NaN": [float("nan"), float("inf")],
    "hostile": Hostile(),
    "hostile in a list": [Hostile(), {Hostile(): Hostile()}],
    "many": list(range(100_000)),
    "keys": {(1, 2): 3, None: 4, "\udc00": 5},
}


@pytest.mark.parametrize("name", HOSTILE)
def test_no_value_takes_anything_down_wherever_it_is_put(make, tmp_path, name):
    """Nothing is raised, everything arrives, in a store and in a file, and nothing is too large."""
    store, file, value = InMemoryStore(), tmp_path / "events.jsonl", HOSTILE[name]
    text = value if isinstance(value, str) else "text"
    obs = make(storage=store, exporters=[DefaultExporter(), JsonExporter(file)])
    with suppress(ValueError), obs.span(text, text, input=value, attributes={"v": value}) as span:
        span.update(output=value, metadata={"v": value})
        span.bind(bound=value)
        obs.logger.info(text, v=value)
        obs.logger.log("info", text, {"v": value}, logger=text, origin=text)
        obs.metrics.counter("words").add(1, {"v": value})
        span.add_score(text, 1, reason=text, source=text, metadata={"v": value})
        span.add_feedback(text, text, comment=text, metadata={"v": value})
        span.event("event", input=value)
        raise ValueError(text, value)
    assert obs.shutdown(20)
    trace = store.get_trace(span.trace_id)
    assert [record.is_event for record in trace] == [False, True]
    assert len(store.list_logs().items) == 2
    assert len(store.list_scores().items) == len(store.list_feedback().items) == 1
    assert "words" in {metric.name for metric in store.list_metrics().items}
    assert obs.stats()["dropped"] == []
    limits = PayloadLimits()
    lines = file.read_bytes().splitlines()
    for line in lines:
        for field in json.loads(line)[json.loads(line)["signal"]].values():
            assert len(json.dumps(field, ensure_ascii=False).encode()) <= limits.max_bytes
