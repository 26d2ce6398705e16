"""The corpus in every place where a user can put a text, through every exporter and into a store."""

import importlib.util
import io
import logging
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest

from mastra_core.bridges import ObservabilityHandler
from mastra_core.signals.correlation import Entity
from mastra_core.storage import FeedbackQuery, LogQuery, MetricQuery, ScoreQuery
from mastra_core.storage.memory import InMemoryStore
from mastra_core.tracing.options import TracingOptions
from mastra_core.tracing.propagation import extract
from mastra_observability import ConsoleExporter, DefaultExporter, JsonExporter, TestExporter

_spec = importlib.util.spec_from_file_location("secrets_corpus", Path(__file__).with_name("secrets.py"))
corpus = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(corpus)

BY_LOOKS = [*((text, text) for text in corpus.LOOKS), *((w.format(s), s) for w, s in corpus.INSIDE)]
"""Texts, and the secret in each."""

IDS = ("run_id", "thread_id", "request_id", "session_id", "user_id", "organization_id", "resource_id")


@pytest.fixture
def sinks(make, tmp_path):
    """An instance with every exporter, and a function that ends it and gives all that left, by where to."""
    store, captured, shown, file = InMemoryStore(), TestExporter(), io.StringIO(), tmp_path / "events.jsonl"
    exporters = [DefaultExporter(), captured, JsonExporter(file), ConsoleExporter(stream=shown)]
    obs = make(storage=store, exporters=exporters, log_level="trace")
    root = obs.span("all")

    def end():
        root.end()
        assert obs.shutdown(600)
        assert obs.stats()["dropped"] == []
        lists = {
            LogQuery: store.list_logs,
            MetricQuery: store.list_metrics,
            ScoreQuery: store.list_scores,
            FeedbackQuery: store.list_feedback,
        }
        items = [item for query, list_items in lists.items() for item in everything(list_items, query)]
        items += store.get_trace(root.trace_id)
        stored = [item.model_dump_json() for item in items]
        return {
            "store": "\n".join(stored),
            "test": "\n".join(msgspec.json.encode(event).decode() for event in captured.events),
            "JSON": file.read_text(),
            "console": shown.getvalue(),
        }

    with root:
        yield obs, end


def everything(list_items, query):
    """All items of a list, page by page."""
    offset, page = 0, list_items(query(limit=1_000))
    while page.items:
        yield from page.items
        offset += len(page.items)
        page = list_items(query(limit=1_000, offset=offset))


def put_text_everywhere(obs, text):
    """A text wherever a text can stand."""
    options = TracingOptions(
        **dict.fromkeys(IDS, text),
        tags=["a", text],
        metadata={"note": text},
        request_context_keys=("told",),
    )
    span = obs.span(
        text,
        "agent_run",
        input=text,
        attributes={"note": text},
        metadata={"deep": [{"note": text}]},
        entity=Entity("agent", text, text),
        options=options,
        request_context={"told": text},
    )
    failure = ValueError(text)
    with suppress(ValueError), span:
        span.bind(bound=text)
        obs.logger.info(text, field=text, deep=[{"note": text}])
        obs.logger.log("info", "m", {"note": text}, logger=text, origin=text)
        obs.metrics.counter("words").add(1, {"kind": text, text: "kind"})
        span.event(text, input={text: 1})
        span.add_score(text, 1, reason=text, source=text, scorer_name=text, metadata={"note": text})
        span.add_feedback(text, text, comment=text, source=text, user_id=text, metadata={"note": text})
        span.update(name=f"{text}!", output=[text], attributes={"model": text, "provider": text})
        obs.span("generation", "model_generation", attributes={"model": text, "provider": text}).end()
        obs.logger.error("failed", error=failure)
        raise failure
    with obs.span("called", options=extract({"x-mastra-session-id": text})):
        logging.getLogger("nothing_leaves").warning("%s", text)


def put_named_everywhere(obs, key, value):
    """A value under a name, wherever a name can stand."""
    named = {key: value, "in": [{key: value}], "text": f'{{"{key}": "{value}"}}'}
    with obs.span("call", "tool_call", input=named, attributes=named, metadata=named) as span:
        span.update(output=named)
        span.bind(**{key: value})
        obs.logger.info("said", **named)
        obs.metrics.counter("words").add(1, {key: value})
        span.add_score("relevance", 1, metadata=named)
        span.add_feedback("thumbs", 1, metadata=named)


def readable(text):
    """A text, unescaped as often as JSON in JSON may ask for."""
    for _ in range(4):
        yield text
        text = text.replace('\\"', '"').replace("\\\\", "\\").replace("\\n", "\n").replace("\\/", "/")


def test_the_corpus_is_large():
    """Two hundred secrets, and two hundred that only look so."""
    assert len(set(BY_LOOKS)) + len(set(corpus.KEYS)) >= 200
    assert len(set(corpus.HARMLESS)) + len(set(corpus.HARMLESS_KEYS)) >= 200


def test_no_secret_leaves_through_any_exporter(sinks):
    """Whatever it is, and wherever it is put: the store, the file, the console and tests see none."""
    obs, end = sinks
    logging.getLogger("nothing_leaves").addHandler(handler := ObservabilityHandler(logger=obs.logger))
    values = [f"sw0rdfish-{number}-beta" for number in range(len(corpus.KEYS))]
    try:
        for text, _ in BY_LOOKS:
            put_text_everywhere(obs, text)
        for key, value in zip(corpus.KEYS, values, strict=True):
            put_named_everywhere(obs, key, value)
        left = end()
    finally:
        logging.getLogger("nothing_leaves").removeHandler(handler)
    secrets = [*(secret for _, secret in BY_LOOKS), *values]
    for place, text in left.items():
        assert text.count("REDACTED") > 10 * len(BY_LOOKS), place
        for written in readable(text):
            assert [secret for secret in secrets if secret in written] == [], place


def test_what_only_looks_like_one_is_left(sinks):
    """Fewer than one in twenty of those that are none is hidden, in any place."""
    obs, end = sinks
    for text in filter(None, corpus.HARMLESS):
        put_text_everywhere(obs, text)
    for key in corpus.HARMLESS_KEYS:
        put_named_everywhere(obs, key, "plain")
    left = end()
    assert left["store"].count("REDACTED") * 20 < len(corpus.HARMLESS) + len(corpus.HARMLESS_KEYS)
