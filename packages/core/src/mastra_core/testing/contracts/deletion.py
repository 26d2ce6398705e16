"""The laws of deleting by trace, L27 and L29."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mastra_core.errors import InvalidQueryError, StoreClosedError
from mastra_core.signals.correlation import Correlation
from mastra_core.signals.span import SpanExported
from mastra_core.storage.lifecycle import RemovedRows, Tenant
from mastra_core.storage.memory import InMemoryStore
from mastra_core.storage.queries import LogQuery
from mastra_core.testing import strategies as draw
from mastra_core.testing.contracts.base import StoreTests, follow
from mastra_core.testing.contracts.config import AGREEMENT
from mastra_core.testing.contracts.questions import Batches, batches, everything, outlook, write_all
from mastra_core.testing.fakes import (
    fake_feedback,
    fake_log,
    fake_metric,
    fake_open_span,
    fake_score,
    fake_span,
)

_GONE, _STAYS = f"{1:032x}", f"{2:032x}"
_UNKNOWN = ["", "x", "\0", "\ud800", *draw.INJECTIONS]


def marked(mark: str, trace: int | None, first: int = 0, **tenant: str) -> Batches:
    """A batch of every signal of one trace, or of none, that carry the mark wherever they can."""
    fields: dict[str, Any] = dict.fromkeys(
        ["entity_name", "service_name", "environment", "entity_type"], mark
    )
    who: dict[str, Any] = {"correlation": Correlation(**fields, **tenant, tags=(mark,))}
    trace_id = None if trace is None else f"{trace:032x}"
    where: dict[str, Any] = {"trace_id": trace_id, **who}
    spans: dict[str, Any] = {"trace": trace or 0, "name": mark, "model": mark, **who}
    written: dict[str, Any] = {
        "write_logs": [fake_log(first + n, message=mark, logger=mark, **where) for n in range(2)],
        "write_metrics": [fake_metric(first, name=mark, labels={mark: mark}, **where)],
        "write_scores": [fake_score(first, scorer_id=mark, **where)],
        "write_feedback": [fake_feedback(first, mark, feedback_type=mark, **where)],
    }
    if trace is not None:
        failed: dict[str, Any] = {**spans, "status": "error"}
        written["write_open_spans"] = [fake_open_span(first + 2, **spans)]
        written["write_spans"] = [
            fake_span(first, parent_span_id=None, **spans),
            fake_span(first + 1, **failed),
        ]
    return written


class DeletionLaws(StoreTests[Any]):
    """L27 and L29 for `delete_traces`."""

    def test_l27_nothing_of_a_deleted_trace_is_found_by_any_query(self, store: Any) -> None:  # noqa: ANN401
        """No list, name, number or cursor tells of it; everything else is as if it had never been."""
        rest = [marked("stays", 2, 10), marked("outside", None, 20)]
        for batch in rest:
            write_all(store, batch)
        alone = everything(store)
        store.clear()
        for batch in [marked("gone", 1), *rest]:
            write_all(store, batch)
        cursor = store.list_logs(LogQuery(limit=1)).cursor
        assert "gone" in str(everything(store))
        removed = store.delete_traces([_GONE, *_UNKNOWN])
        assert removed == RemovedRows(spans=3, logs=2, metrics=1, scores=1, feedback=1)
        assert removed.total == 8
        assert everything(store) == alone
        assert follow(store, LogQuery(after=cursor))[0] == []
        store.write_logs([fake_log(99, message="later")])
        assert [log.message for log in follow(store, LogQuery(after=cursor))[0]] == ["later"]

    def test_l27_of_a_tenant_only_its_own_rows_go(self, store: Any) -> None:  # noqa: ANN401
        """By organization, by resource or both; what is left has its own root and its own failures."""
        write_all(store, marked("first", 1, organization_id="o", resource_id="r"))
        write_all(store, marked("second", 1, 10, organization_id="o", resource_id="q"))
        write_all(store, marked("nobody", 1, 20))
        assert store.list_traces().items[0].name == "first"
        assert store.delete_traces([_GONE], tenant=Tenant(organization_id="x")).total == 0
        assert store.delete_traces([_STAYS], tenant=Tenant(organization_id="o")).total == 0
        assert store.delete_traces([_GONE], tenant=Tenant(organization_id="o", resource_id="r")).total == 8
        assert "first" not in str(everything(store))
        trace = store.list_traces().items[0]
        assert (trace.name, trace.has_child_error) == ("second", True)
        assert store.delete_traces([_GONE], tenant=Tenant(resource_id="q")).spans == 3
        assert [trace.name for trace in store.list_traces().items] == ["nobody"]
        assert store.delete_traces([_GONE], tenant=Tenant(organization_id="o")).total == 0
        assert store.delete_traces([_GONE]).total == 8

    def test_l27_a_trace_that_lost_its_failure_says_so(self, store: Any) -> None:  # noqa: ANN401
        """Where a tenant's part of a trace held all that failed, the trace has no failed child any more."""
        theirs: dict[str, Any] = {"correlation": Correlation(resource_id="r")}
        store.write_spans([fake_span(0), fake_span(1, status="error", **theirs), fake_span(2)])
        assert store.list_traces().items[0].has_child_error
        store.delete_traces([_GONE], tenant=Tenant(resource_id="r"))
        assert not store.list_traces().items[0].has_child_error
        assert [span.name for span in store.get_trace(_GONE)] == ["span 0", "span 2"]

    def test_l29_deleting_again_is_harmless_and_writing_again_brings_back(self, store: Any) -> None:  # noqa: ANN401
        """A second deletion finds nothing; a batch that is repeated is stored like a new one."""
        batch = marked("back", 1)
        write_all(store, batch)
        before = everything(store)
        assert store.delete_traces([_GONE, _GONE]).total == 8
        assert store.delete_traces([_GONE]) == store.delete_traces([]) == RemovedRows()
        write_all(store, batch)
        assert everything(store) == before

    @AGREEMENT
    @given(
        batches(),
        st.lists(st.sampled_from([*draw.TRACE_IDS, "x"]), max_size=3),
        st.none() | st.sampled_from([{"organization_id": "a"}, {"resource_id": ""}, {"resource_id": "a"}]),
        st.lists(draw.ended_spans(), max_size=4),
    )
    def test_l27_agrees_with_the_store_in_memory(
        self,
        store: Any,  # noqa: ANN401
        before: Batches,
        trace_ids: list[str],
        tenant: dict[str, str] | None,
        after: list[SpanExported],
    ) -> None:
        """Any signals, any traces, any tenant: the same is removed, and what is left answers the same."""
        store.clear()
        memory = InMemoryStore()
        of = None if tenant is None else Tenant(**tenant)
        removed: list[RemovedRows] = []
        for kept in (store, memory):
            write_all(kept, before)
            removed.append(kept.delete_traces(trace_ids, tenant=of))
        assert removed[0] == removed[1]
        assert outlook(store) == outlook(memory)
        for kept in (store, memory):
            kept.write_spans(after)
        assert store.list_traces() == memory.list_traces()

    @pytest.mark.parametrize("wrong", ["abc", [None], [1], [b"x"]])
    def test_l27_ids_are_a_list_of_texts(self, store: Any, wrong: Any) -> None:  # noqa: ANN401
        """One text, which is no list, and what is no id are refused, and nothing is removed."""
        write_all(store, marked("outside", None))
        for delete in (store.delete_traces, store.delete_scores, store.delete_feedback):
            with pytest.raises(InvalidQueryError, match="_ids` must be a list of ids"):
                delete(wrong)
        assert store.list_logs().total == 2

    def test_l27_a_tenant_has_an_id(self) -> None:
        """A tenant of nothing would be everybody, so it is refused."""
        with pytest.raises(InvalidQueryError, match="organization_id"):
            Tenant()

    def test_a_closed_store_deletes_nothing(self, store: Any) -> None:  # noqa: ANN401
        """`StoreClosedError` after `close`, also where there is nothing to do."""
        store.close()
        for trace_ids in ([], ["x"]):
            with pytest.raises(StoreClosedError):
                store.delete_traces(trace_ids)
