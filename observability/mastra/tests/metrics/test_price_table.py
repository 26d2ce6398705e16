import logging
import threading
import time

import pytest

from mastra_core import MetricsConfig
from mastra_observability.metrics import price_table
from mastra_observability.metrics.cost import CostEstimator
from mastra_observability.metrics.price_table import PriceTable

GPT = {"model": "gpt-4o", "provider": "openai", "usage": {"input_tokens": 1, "output_tokens": 1}}


@pytest.fixture
def slow():
    """A table that loads for as long as its test wants, and what lets it end."""
    may_end = threading.Event()

    def load():
        may_end.wait(30)
        return lambda *_: (1.0, 2.0)

    yield PriceTable(load), may_end
    may_end.set()


def test_who_needs_a_price_waits_for_the_table(slow):
    """A request is priced however long the first import takes; beginning to load waits for nothing."""
    table, may_end = slow
    table.begin()
    threading.Timer(0.05, may_end.set).start()
    found = table.get()
    assert found is not None
    assert found("m", None, None, 0) == (1.0, 2.0)


def test_a_program_that_ends_does_not_wait_for_the_table(slow):
    """Whoever waits is told so at once, and nobody waits again."""
    table, _ = slow
    threading.Timer(0.05, lambda: table.hurry(time.monotonic())).start()
    began = time.monotonic()
    assert table.get() is None
    assert table.get() is None
    assert time.monotonic() - began < 20
    assert table.is_late


def test_a_table_that_does_not_come_is_waited_for_once(slow, monkeypatch):
    """An import that hangs costs its time, and then the costs alone."""
    monkeypatch.setattr(price_table, "LOAD_TIMEOUT_S", 0.05)
    table, _ = slow
    assert [table.get() for _ in range(3)] == [None] * 3


def test_a_library_that_fails_is_said_once(caplog):
    """No price, no error, one line."""
    table = PriceTable(lambda: {}["prices"])
    with caplog.at_level(logging.WARNING, "mastra.observability"):
        assert [table.get(), table.get()] == [None, None]
    assert len(caplog.messages) == 1
    assert "KeyError" in caplog.messages[0]


def test_where_no_thread_can_be_had_there_is_no_price(monkeypatch):
    """As at the very end of an interpreter."""

    def refuse(_):
        raise RuntimeError("can't create new thread at interpreter shutdown")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert PriceTable(lambda: lambda *_: (1.0, 2.0)).get() is None


def test_a_request_without_a_price_because_of_haste_is_said_and_counted(slow, monkeypatch, caplog):
    """One line says why, and not that the model has no price."""
    table, may_end = slow
    monkeypatch.setattr(price_table, "LOAD_TIMEOUT_S", 0.0)
    estimator = CostEstimator(MetricsConfig())
    estimator._table = table
    ask = {"number": 1, "parent_number": 0, "is_generation": False, "at_ns": 0}
    with caplog.at_level(logging.WARNING, "mastra.observability"):
        assert estimator.added(GPT, **ask) == estimator.added(GPT, **ask) == {}
    assert [message[:41] for message in caplog.messages] == ["The prices of models were not loaded in t"]
    assert estimator.stats() == {"openai/gpt-4o": 2}
    may_end.set()
