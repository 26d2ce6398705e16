"""A state machine: any steps in any order, and after each the same answers as the store in memory."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, precondition, rule

from mastra_core.signals.events import Signal
from mastra_core.storage.lifecycle import Tenant
from mastra_core.storage.memory import InMemoryStore
from mastra_core.storage.queries import FeedbackQuery, LogQuery, MetricQuery, ScoreQuery, TraceQuery
from mastra_core.testing import figure_strategies as figures
from mastra_core.testing import strategies as draw
from mastra_core.testing import whole_strategies as whole
from mastra_core.testing.contracts.figure_kinds import alike, said

_ALL = 10_000
_EVERYTHING = [
    whole.Call("list_traces", (TraceQuery(limit=_ALL),)),
    whole.Call("list_logs", (LogQuery(after="", limit=_ALL),)),
    whole.Call("list_metrics", (MetricQuery(limit=_ALL),)),
    whole.Call("list_scores", (ScoreQuery(limit=_ALL),)),
    whole.Call("list_feedback", (FeedbackQuery(limit=_ALL),)),
    whole.Call("list_tags"),
]
_SIGNALS: list[Signal] = ["spans", "logs", "metrics", "scores", "feedback"]
_TENANTS = st.builds(
    Tenant, organization_id=st.sampled_from(draw.TEXTS[:6]), resource_id=st.sampled_from([None, "a"])
)


class StoreMachine(RuleBasedStateMachine):
    """Two stores that are told the same; a contract makes a subclass that knows its store.

    Attributes:
        can_reopen: whether what is stored outlives the store that wrote it.
    """

    can_reopen: ClassVar[bool] = False

    batches: Bundle[whole.Call] = Bundle("batches")

    def __init__(self) -> None:
        super().__init__()
        self.memory = InMemoryStore()
        self.store: Any = self.open()

    def open(self) -> Any:  # noqa: ANN401  # a store of any kind
        """The store, with what was written to it before."""
        raise NotImplementedError

    def both(self, call: whole.Call) -> None:
        """Tell both stores, which must answer alike."""
        ours, right = said(self.store, call), said(self.memory, call)
        assert alike(ours, right), (call, ours, right)

    @initialize()
    def begin(self) -> None:
        """Nothing is left of the example before."""
        self.store.clear()

    # ---------------------------------------------------------------- steps

    @rule(target=batches, batch=whole.writes())
    def write(self, batch: whole.Call) -> whole.Call:
        """Any batch of any signal."""
        self.both(batch)
        return batch

    @rule(batch=batches)
    def write_again(self, batch: whole.Call) -> None:
        """A batch that was acknowledged and is retried all the same."""
        self.both(batch)

    @rule(question=whole.questions())
    def ask(self, question: whole.Call) -> None:
        """Any question of any kind."""
        self.both(question)

    @rule(score_ids=whole.ids(figures.IDS))
    def delete_scores(self, score_ids: list[str]) -> None:
        """By id."""
        self.both(whole.Call("delete_scores", (score_ids,)))

    @rule(feedback_ids=whole.ids(figures.IDS))
    def delete_feedback(self, feedback_ids: list[str]) -> None:
        """By id."""
        self.both(whole.Call("delete_feedback", (feedback_ids,)))

    @rule(feedback_id=st.sampled_from(figures.IDS), status=st.sampled_from(["needs_review", "reviewed"]))
    def review(self, feedback_id: str, status: str) -> None:
        """Of feedback that may be there or not."""
        self.both(whole.Call("update_feedback_review", (feedback_id, status)))

    @rule(trace_ids=whole.ids(draw.TRACE_IDS), tenant=st.none() | _TENANTS)
    def delete_traces(self, trace_ids: list[str], tenant: Tenant | None) -> None:
        """Of everybody, or of one tenant."""
        self.both(whole.Call("delete_traces", (trace_ids,), {"tenant": tenant}))

    @rule(
        signals=st.lists(st.sampled_from(_SIGNALS), min_size=1, unique=True),
        now=st.sampled_from([one for one in [*figures.MOMENTS, *draw.MOMENTS] if one.year > 1970]),
        batch_size=st.sampled_from([1, 2, 10_000]),
    )
    @precondition(lambda self: hasattr(self.store, "prune"))
    def prune(self, signals: list[Signal], now: datetime, batch_size: int) -> None:
        """Some signals, at a moment at which some rows are a day old."""
        policies: dict[Signal, timedelta] = dict.fromkeys(signals, timedelta(days=1))
        self.both(whole.Call("prune", (policies,), {"now": now, "batch_size": batch_size}))

    @rule()
    def clear(self) -> None:
        """Everything goes, and no batch of before is known any more."""
        self.both(whole.Call("clear"))

    @rule()
    @precondition(lambda self: self.can_reopen)
    def reopen(self) -> None:
        """Closed, and made again."""
        self.store.close()
        self.store = self.open()

    # ---------------------------------------------------------------- what holds after each

    @invariant()
    def all_rows_are_the_same(self) -> None:
        """Every list of everything, in its order, and every trace."""
        for call in _EVERYTHING:
            self.both(call)
        for trace_id in draw.TRACE_IDS:
            self.both(whole.Call("get_trace", (trace_id,)))
