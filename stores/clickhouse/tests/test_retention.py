"""Rows leave by themselves when they are older than the tables were made to keep them."""

import time

import pytest

from clickhouse_engine import embedded
from mastra_clickhouse.config import MOST_DAYS
from mastra_clickhouse.schema import LAST_NS, TABLES
from mastra_core.testing import (
    fake_feedback,
    fake_log,
    fake_metric,
    fake_open_span,
    fake_score,
    fake_span,
)

HOUR_NS = 3_600 * 10**9
OLD, YOUNG = 25, 23
"""Hours, of tables that keep a day."""

RETENTION = {f"retention_{one}_days": 1 for one in ("spans", "logs", "metrics", "scores", "feedback")}


def write(store, hours, first):
    """A row of each kind that is so old: an ended trace whose second span failed, an open root, the rest."""
    then = time.time_ns() - hours * HOUR_NS
    span = {"started_at_ns": then, "ended_at_ns": then + 1}
    store.write_spans([fake_span(0, trace=first, **span), fake_span(1, trace=first, status="error", **span)])
    store.write_open_spans([fake_open_span(0, trace=first + 1, started_at_ns=then)])
    store.write_logs([fake_log(first, timestamp_ns=then)])
    store.write_metrics([fake_metric(first, timestamp_ns=then)])
    store.write_scores([fake_score(first, timestamp_ns=then)])
    store.write_feedback([fake_feedback(first, timestamp_ns=then)])


def counts(store):
    """Rows of every table, all versions of them."""
    with store._connection.session() as session:
        return {name: session.rows(f"SELECT count() FROM {name}")[0][0] for name in TABLES}


ONE_OF_EACH = dict.fromkeys(TABLES, 1) | {"mastra_ai_spans": 2}
"""What `write` leaves."""


def merge(store):
    """Do at once what the engine does in its own time, and may have done already."""
    with store._connection.session() as session:
        for name in TABLES:
            session.run(f"OPTIMIZE TABLE {name} FINAL")


@pytest.mark.parametrize("order", [(OLD, YOUNG), (YOUNG, OLD)], ids=["old first", "young first"])
def test_what_is_too_old_goes_and_the_rest_stays(tmp_path, order):
    """In every table, the derived ones as well, by the row's own time and not by that of its writing."""
    with embedded(tmp_path, **RETENTION) as store:
        for place, hours in enumerate(order):
            write(store, hours, first=1 + 10 * place)
        merge(store)
        assert counts(store) == ONE_OF_EACH
        first = 1 + 10 * order.index(YOUNG)
        shown = {trace.trace_id: trace.has_child_error for trace in store.list_traces().items}
        assert shown == {f"{first:032x}": True, f"{first + 1:032x}": False}
        assert len(store.get_trace(f"{first:032x}")) == 2
        assert [log.message for log in store.list_logs().items] == [f"log {first}"]


def test_what_has_no_age_stays(tmp_path):
    """Where a retention is None, however old the rows are."""
    with embedded(tmp_path) as store:
        write(store, 24 * 400, first=1)
        merge(store)
        assert counts(store) == ONE_OF_EACH


@pytest.mark.parametrize("days", [1, MOST_DAYS])
def test_what_is_of_the_last_day_of_all_stays(tmp_path, days):
    """Its time and the longest retention together do not begin again in 1970."""
    with embedded(tmp_path, **dict.fromkeys(RETENTION, days)) as store:
        write(store, -((LAST_NS - time.time_ns()) // HOUR_NS), first=1)
        merge(store)
        assert counts(store) == ONE_OF_EACH
