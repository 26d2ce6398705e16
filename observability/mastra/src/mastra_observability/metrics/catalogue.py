"""The catalogue: every metric that is made of other signals, as one table.

What is counted where:

- A *request* to a model is a `model_step`, and a `model_generation` that says nothing of steps (has no
  attribute `step_count`). A generation with steps is the sum of its steps and counts nothing itself.
- A counter `…_started` counts when the work was first seen: announced while it runs, else at its end.
- `status` is `ok` or `error`; work that was interrupted did not end well.
- A label whose value is not known is left out.
- The estimated cost of a request stands on its token metrics, that of the input on one and that of the
  output on the other, so that it can be summed over all metrics.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from mastra_core.signals.correlation import Correlation
from mastra_core.signals.metric import MetricType
from mastra_observability.metrics.tokens import Tokens, as_number

Source = Literal[
    "agent_run", "model_request", "tool_call", "workflow_run", "workflow_step", "score", "feedback"
]
"""What a metric is made of."""

Moment = Literal["start", "end"]
"""When; scores and feedback have an end only."""


class Facts:
    """What is known of one item when its metrics are made.

    Attributes:
        correlation: who and where.
        labels: values by label, those that only this item knows.
        duration_ms: of a span that ended.
        tokens: of a request to a model.
        attributes: of a span, read from JSON.
    """

    __slots__ = ("attributes", "correlation", "duration_ms", "labels", "tokens")

    def __init__(
        self,
        correlation: Correlation,
        labels: Mapping[str, str | None],
        *,
        duration_ms: float | None = None,
        tokens: Tokens | None = None,
        attributes: Mapping[str, Any] | None = None,
    ) -> None:
        self.correlation = correlation
        self.labels = labels
        self.duration_ms = duration_ms
        self.tokens = tokens or _NO_TOKENS
        self.attributes = attributes or {}

    def number(self, attribute: str) -> float | None:
        """An attribute where it is a finite number."""
        return as_number(self.attributes.get(attribute))

    def label(self, name: str) -> str | None:
        """The value of a label, None where it is not known."""
        if name in self.labels:
            return self.labels[name]
        return _SHARED_LABELS[name](self.correlation)


_NO_TOKENS = Tokens()

_SHARED_LABELS: dict[str, Callable[[Correlation], str | None]] = {
    "agent": lambda who: who.agent_name,
    "env": lambda who: who.environment,
    "service": lambda who: who.service_name,
    "entity_type": lambda who: who.entity_type,
    "experiment": lambda who: who.experiment_id,
}
"""Labels that every item reads from its correlation."""

Value = Callable[[Facts], float | None]
"""The value of an observation; None where there is nothing to observe."""


def _one(_: Facts) -> float:
    return 1.0


def _duration(facts: Facts) -> float | None:
    return facts.duration_ms


def _tokens(name: str, *, is_detail: bool = False) -> Value:
    """A class of tokens; a detail of which there are none is not worth an observation."""

    def value(facts: Facts) -> float | None:
        count: int | None = getattr(facts.tokens, name)
        return None if count is None or (is_detail and not count) else float(count)

    return value


def _positive(attribute: str) -> Value:
    def value(facts: Facts) -> float | None:
        number = facts.number(attribute)
        return number if number is not None and number > 0 else None

    return value


def _tokens_per_second(facts: Facts) -> float | None:
    """Of the time in which the answer came: from its first token on where that is known."""
    duration, count = facts.duration_ms, facts.tokens.output_tokens
    if duration is None or not count:
        return None
    answering = duration - (facts.number("time_to_first_token_ms") or 0.0)
    return count / answering * 1000 if answering > 0 else None


def _step_retry(facts: Facts) -> float | None:
    attempt = facts.number("attempt")
    return 1.0 if attempt is not None and attempt > 1 else None


@dataclass(frozen=True, slots=True)
class DerivedMetric:
    """A metric that is made of another signal.

    Attributes:
        name: as it is stored.
        type: how its observations are read.
        source: what it is made of.
        moment: when.
        labels: in the order of the documentation.
        doc: what an observation is.
        value: of the observation.
        unit: of the value.
        cost: the attribute that holds the part of the cost which stands on it.
    """

    name: str
    type: MetricType
    source: Source
    moment: Moment
    labels: tuple[str, ...]
    doc: str
    value: Value = _one
    unit: str | None = None
    cost: str | None = None


_M = DerivedMetric
_C, _H = MetricType.COUNTER, MetricType.HISTOGRAM
_AGENT = ("agent", "env", "service")
_MODEL = ("model", "provider", "agent")
_TOOL = ("tool", "agent", "env")
_WORKFLOW = ("workflow", "env")
_STATUS = ("status",)

# fmt: off
CATALOGUE: tuple[DerivedMetric, ...] = (
    _M("mastra_agent_runs_started", _C, "agent_run", "start", _AGENT, "An agent began to run."),
    _M("mastra_agent_runs_ended", _C, "agent_run", "end", _AGENT + _STATUS, "An agent's run ended."),
    _M("mastra_agent_duration_ms", _H, "agent_run", "end", _AGENT + _STATUS, "How long it ran.", _duration, "ms"),

    _M("mastra_model_requests_started", _C, "model_request", "start", _MODEL, "A model was asked."),
    _M("mastra_model_requests_ended", _C, "model_request", "end", _MODEL + _STATUS, "It answered, or failed to."),
    _M("mastra_model_duration_ms", _H, "model_request", "end", _MODEL, "How long that took.", _duration, "ms"),
    _M("mastra_model_input_tokens", _C, "model_request", "end", _MODEL, "All tokens that went in.", _tokens("input_tokens"), "tokens", "input_cost_usd"),
    _M("mastra_model_output_tokens", _C, "model_request", "end", _MODEL, "All tokens that came out.", _tokens("output_tokens"), "tokens", "output_cost_usd"),
    _M("mastra_model_cache_read_tokens", _C, "model_request", "end", _MODEL, "The part of the input that a cache served.", _tokens("cache_read_tokens", is_detail=True), "tokens"),
    _M("mastra_model_cache_write_tokens", _C, "model_request", "end", _MODEL, "The part of the input that was put into a cache.", _tokens("cache_write_tokens", is_detail=True), "tokens"),
    _M("mastra_model_reasoning_tokens", _C, "model_request", "end", _MODEL, "The part of the output that is reasoning.", _tokens("reasoning_tokens", is_detail=True), "tokens"),
    _M("mastra_model_audio_tokens", _C, "model_request", "end", _MODEL, "The part that is sound.", _tokens("audio_tokens", is_detail=True), "tokens"),
    _M("mastra_model_image_tokens", _C, "model_request", "end", _MODEL, "The part that is pictures.", _tokens("image_tokens", is_detail=True), "tokens"),
    _M("mastra_model_time_to_first_token_ms", _H, "model_request", "end", _MODEL, "How long the first token of a streamed answer took.", _positive("time_to_first_token_ms"), "ms"),
    _M("mastra_model_tokens_per_second", _H, "model_request", "end", _MODEL, "Tokens out per second, from the first token on.", _tokens_per_second, "tokens_per_second"),
    _M("mastra_model_retries_total", _C, "model_request", "end", _MODEL, "How often the request was sent again.", _positive("retries")),

    _M("mastra_tool_calls_started", _C, "tool_call", "start", _TOOL, "A tool was called."),
    _M("mastra_tool_calls_ended", _C, "tool_call", "end", _TOOL + _STATUS, "It returned, or failed to."),
    _M("mastra_tool_duration_ms", _H, "tool_call", "end", _TOOL, "How long that took.", _duration, "ms"),

    _M("mastra_workflow_runs_started", _C, "workflow_run", "start", _WORKFLOW, "A workflow began to run."),
    _M("mastra_workflow_runs_ended", _C, "workflow_run", "end", _WORKFLOW + _STATUS, "A workflow's run ended."),
    _M("mastra_workflow_duration_ms", _H, "workflow_run", "end", _WORKFLOW + _STATUS, "How long it ran.", _duration, "ms"),
    _M("mastra_workflow_step_retries_total", _C, "workflow_step", "end", ("workflow", "step", "env"), "A step was tried again.", _step_retry),

    _M("mastra_scores_total", _C, "score", "end", ("scorer", "entity_type", "experiment"), "Something was scored."),
    _M("mastra_feedback_total", _C, "feedback", "end", ("feedback_type", "source", "entity_type", "experiment"), "Feedback was given."),
)
# fmt: on
"""The order is part of the metrics' ids: new rows go to the end of the table."""

DERIVED_NAMES = frozenset(row.name for row in CATALOGUE)


def catalogue_table() -> str:
    """The catalogue as a table in Markdown, as it stands in the guide to metrics."""
    lines = ["| metric | type | labels | an observation |", "| --- | --- | --- | --- |"]
    lines.extend(
        f"| `{row.name}` | {row.type.value} | {', '.join(row.labels)} | {row.doc} |" for row in CATALOGUE
    )
    return "\n".join(lines)
