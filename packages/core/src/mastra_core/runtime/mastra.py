"""Mastra: holds agents, workflows, tools, a storage and their observability together.

async with Mastra(agents=[writer], storage="duckdb:///telemetry.duckdb") as mastra:
    result = await writer.generate("Write about rivers.")
    trace = await mastra.get_trace(result.trace_id)
"""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self, Unpack

from mastra_core.errors import StoreNotFoundError, UnsupportedQueryError
from mastra_core.runtime.agent import Agent
from mastra_core.runtime.assembly import Place, find_parts, places_of
from mastra_core.runtime.config import ObservabilityConfig
from mastra_core.runtime.logger_option import level_of
from mastra_core.runtime.registry import Registry
from mastra_core.runtime.tool import Tool
from mastra_core.runtime.workflow import Workflow
from mastra_core.signals.feedback import FeedbackDetails, FeedbackInput
from mastra_core.signals.score import ScoreDetails, ScoreInput
from mastra_core.storage.protocols import SpanStore, Store
from mastra_core.storage.sessions import Session, read_session
from mastra_core.tracing.annotated import add_feedbacks, add_scores
from mastra_core.tracing.logger import LoggerContext
from mastra_core.tracing.metrics import MetricsContext
from mastra_core.tracing.observability import ObservabilityInstance
from mastra_core.tracing.recorded import RecordedTrace
from mastra_core.tracing.tracer import Tracer


class Mastra:
    """Holds together what belongs together. `async with` flushes and shuts down at the end.

    What is registered is observed, and belongs to the `Mastra` that it was registered with last.
    `shutdown` closes the observability and the storage, whether they were made here or handed in.
    """

    def __init__(
        self,
        *,
        agents: Sequence[Agent] = (),
        workflows: Sequence[Workflow[Any, Any]] = (),
        tools: Sequence[Tool[..., Any]] = (),
        storage: Store | str | None = None,
        observability: ObservabilityConfig | ObservabilityInstance | None = None,
        logger: object = None,
    ) -> None:
        """Hold together.

        Args:
            agents: accessible by name, as are workflows and tools.
            workflows: each with at least one step.
            tools: observed also when they are run alone.
            storage: a store, or its URL; None takes the one of the settings, such as `MASTRA_STORAGE_URL`.
                One that cannot be opened now stops nothing but reading from it.
            observability: settings, or an instance. None takes what the environment and a TOML file say
                (`ObservabilityConfig`), and records where there is a storage, or an exporter.
            logger: deprecated: a level, or a logger whose level is taken as
                `observability.log_level` where that is not set. An instance keeps its own level.

        Raises:
            ConfigurationError: a setting is wrong, a name is taken, or no store knows the URL.
            WorkflowError: a workflow has no steps.
        """
        level = None
        if logger is not None:
            level = level_of(logger)
            warnings.warn(
                "`logger=` of Mastra is deprecated and goes away in 2.0; write "
                f"observability=ObservabilityConfig(log_level={level!r})",
                DeprecationWarning,
                stacklevel=2,
            )
        self._agents = Registry(agents, Agent, "agents")
        self._workflows = Registry(workflows, Workflow, "workflows")
        self._tools = Registry(tools, Tool, "tools")
        for workflow in self._workflows.all():
            workflow.check()
        self._storage, self._observability = find_parts(observability, storage, level)
        for agent in self._agents.all():
            agent.mastra = self
        for workflow in self._workflows.all():
            workflow.mastra = self
        for tool in self._tools.all():
            tool.mastra = self

    # ---------------------------------------------------------------- what it holds

    @property
    def observability(self) -> ObservabilityInstance:
        """What records; it records nothing where nothing is configured or installed."""
        return self._observability

    @property
    def storage(self) -> Store | None:
        """Where it is recorded, None for nowhere."""
        return self._storage

    @property
    def tracer(self) -> Tracer:
        """Makes spans."""
        return self._observability.tracer

    @property
    def logger(self) -> LoggerContext:
        """Logs; inside a trace correlated with it, outside with the service alone."""
        return self._observability.logger

    @property
    def metrics(self) -> MetricsContext:
        """Measures, inside a trace and outside."""
        return self._observability.metrics

    def get_agent(self, name: str) -> Agent:
        """The agent of this name. Raises `ConfigurationError` that lists the names where there is none."""
        return self._agents.get(name)

    def get_workflow(self, name: str) -> Workflow[Any, Any]:
        """The workflow of this name. Raises `ConfigurationError` that lists the names where there is none."""
        return self._workflows.get(name)

    def get_tool(self, name: str) -> Tool[..., Any]:
        """The tool of this name. Raises `ConfigurationError` that lists the names where there is none."""
        return self._tools.get(name)

    # ---------------------------------------------------------------- reading back

    async def get_trace(self, trace_id: str | None) -> RecordedTrace:
        """The recorded trace, after everything that is under way has been stored.

        Where nothing is recorded (`trace_id` is None, or there is neither a storage nor an
        observability that records) it is an empty trace, so that code that annotates goes on.

        Args:
            trace_id: 32 hex digits, as results carry it.

        Raises:
            StoreNotFoundError: nothing is stored under this id.
            StorageError: the storage cannot be read.
        """
        if trace_id is None:
            return RecordedTrace(None, [])
        has_all_arrived = await self.flush()
        places = self._places()
        if not places:
            if not self._observability.is_recording:
                return RecordedTrace(None, [])
            raise StoreNotFoundError(
                f"No storage to read trace {trace_id!r} from; give Mastra one with storage=…"
            )
        for place in places:
            records = await _spans_of(place.store, "traces").aio.get_trace(trace_id)
            if records:
                return RecordedTrace(trace_id, records, place.tracer)
        raise StoreNotFoundError(
            f"No trace {trace_id!r} is stored; was it sampled out, or deleted?"
            if has_all_arrived
            else f"No trace {trace_id!r} is stored yet: not all that was recorded has arrived in time; "
            "wait longer with `await mastra.flush(timeout_s=…)` first"
        )

    async def get_session(self, session_id: str, *, limit: int = 1_000) -> Session:
        """A conversation as it went: its traces in order, with time, tokens, cost and errors.

        Read after everything that is under way has been stored. Without turns where nothing is stored
        under this id, or nothing is recorded at all.

        Args:
            session_id: as calls were given it.
            limit: how many turns are read at the most, the newest.

        Raises:
            UnsupportedQueryError: the storage keeps no spans.
            StorageError: the storage cannot be read.
        """
        await self.flush()
        stores = [_spans_of(place.store, "sessions") for place in self._places()]
        return await asyncio.to_thread(read_session, stores, session_id, limit=limit)

    def _places(self) -> list[Place]:
        return places_of(self._observability, self._storage)

    # ---------------------------------------------------------------- judging

    def add_score(
        self,
        scorer: str,
        score: float,
        *,
        trace_id: str | None,
        span_id: str | None = None,
        **details: Unpack[ScoreDetails],
    ) -> str | None:
        """Judge a trace, or one span of it, by its ids: now, later, and from any process.

        Returns at once. Session, user, entity, tags and metadata are those of what is judged; a worker
        looks them up in the storage. Where they are not found the score is kept without them.

        Args:
            scorer: what judges, for instance `relevance`.
            score: a finite number on the scorer's own scale.
            trace_id: 32 hex digits, as results carry it; with None nothing happens, so that code that
                judges runs unchanged where nothing was recorded.
            span_id: of a span; None is the trace as a whole.
            **details: as in `trace.add_score`: `reason`, `source`, `scorer_name`, `scorer_version`,
                `score_trace_id`, `metadata`.

        Returns:
            The id of the score; None where it is refused, which is counted and said in the log.
        """
        return self.tracer.add_score(scorer, score, trace_id=trace_id, span_id=span_id, **details)

    def add_scores(self, scores: Iterable[ScoreInput | Mapping[str, Any]]) -> list[str | None]:
        """Judge many traces and spans; each score says its own `trace_id`.

        One that is wrong is counted and said in the log, and takes no other with it.

        Args:
            scores: `ScoreInput`s, or mappings of its fields.

        Returns:
            The ids in the same order, None for those that are refused.
        """
        return add_scores(self.tracer, scores)

    def add_feedback(
        self,
        feedback_type: str,
        value: float | str,
        *,
        trace_id: str | None,
        span_id: str | None = None,
        **details: Unpack[FeedbackDetails],
    ) -> str | None:
        """Attach a person's feedback to a trace, or to one span of it, by its ids; as `add_score`.

        Args:
            feedback_type: what kind, for instance `thumbs` or `rating`.
            value: a finite number or a text; it comes back as what it was.
            trace_id: 32 hex digits; with None nothing happens.
            span_id: of a span; None is the trace as a whole.
            **details: as in `trace.add_feedback`: `source`, `comment`, `user_id`, `source_id`, `metadata`.

        Returns:
            The id of the feedback; None where it is refused.
        """
        return self.tracer.add_feedback(feedback_type, value, trace_id=trace_id, span_id=span_id, **details)

    def add_feedbacks(self, feedback: Iterable[FeedbackInput | Mapping[str, Any]]) -> list[str | None]:
        """Attach much feedback; `FeedbackInput`s or mappings of its fields, as `add_scores`."""
        return add_feedbacks(self.tracer, feedback)

    def add_score_to_trace(
        self,
        trace_id: str | None,
        scorer: str,
        score: float,
        *,
        span_id: str | None = None,
        **details: Unpack[ScoreDetails],
    ) -> str | None:
        """Deprecated name of `add_score`; it goes away in 2.0."""
        warnings.warn(
            "`add_score_to_trace` is deprecated and goes away in 2.0; write "
            "mastra.add_score(scorer, score, trace_id=…)",
            DeprecationWarning,
            stacklevel=2,
        )
        return self.add_score(scorer, score, trace_id=trace_id, span_id=span_id, **details)

    # ---------------------------------------------------------------- its life

    async def flush(self, timeout_s: float = 5.0) -> bool:
        """Hand everything on to exporters and the storage. True if all arrived in time."""
        return await self._observability.aflush(timeout_s)

    async def shutdown(self, timeout_s: float = 5.0) -> bool:
        """Hand everything on, and close the observability and the storage; twice is harmless.

        Agents and workflows can still be run, unrecorded. True if all arrived in time.
        """
        is_complete = await self._observability.ashutdown(timeout_s)
        for place in self._places():
            await place.store.aio.close()
        return is_complete

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.shutdown()


def _spans_of(store: Store, what: str) -> SpanStore:
    if not isinstance(store, SpanStore):
        raise UnsupportedQueryError(f"{type(store).__name__} keeps no spans; {what} cannot be read from it")
    return store
