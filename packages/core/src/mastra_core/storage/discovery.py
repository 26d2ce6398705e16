"""What there is to ask for: names of entities, services, environments, tags, metrics and labels.

Lists of names are in order of their code points, each name once, a page at a time; names that are
empty or missing are left out.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated, Any, cast

from pydantic import BeforeValidator, Field

from mastra_core.signals.columns import FEEDBACK, LOGS, METRICS, SCORES, SPANS, Table
from mastra_core.signals.events import Signal
from mastra_core.storage.page import Page
from mastra_core.storage.queries import ContextQuery, OneOrMore

TABLE_OF: dict[Signal, Table[Any, Any]] = {
    "spans": SPANS,
    "logs": LOGS,
    "metrics": METRICS,
    "scores": SCORES,
    "feedback": FEEDBACK,
}
"""The table of each signal."""

if TYPE_CHECKING:
    OneOrMoreSignals = Signal | Sequence[Signal]
else:
    OneOrMoreSignals = Annotated[
        tuple[Signal, ...],
        BeforeValidator(lambda value: (value,) if isinstance(value, str) else value),
        Field(min_length=1),
    ]


class NameQuery(ContextQuery):
    """Which names; the filters speak of the signals that carry them.

    Attributes:
        prefix: names that begin with this text; its case counts.
        limit: how many at the most.
    """

    prefix: str | None = None
    limit: int = Field(default=100, ge=1, le=10_000)


class DiscoveryQuery(NameQuery):
    """Which names that signals of any kind carry.

    Attributes:
        signals: names carried by these kinds; all where it is not said. Spans that are open count.
    """

    signals: OneOrMoreSignals | None = None

    @property
    def wanted(self) -> Sequence[Signal]:
        """The signals to look into."""
        return cast("Sequence[Signal]", self.signals or tuple(TABLE_OF))

    @property
    def tables(self) -> list[Table[Any, Any]]:
        """The tables to look into."""
        return [TABLE_OF[signal] for signal in self.wanted]


class MetricNameQuery(NameQuery):
    """Which names that metrics carry.

    Attributes:
        metric: carried by this metric, or by one of several.
    """

    metric: OneOrMore | None = None


def page_of_names(query: NameQuery, names: Iterable[str | None]) -> Page[str]:
    """The page of names that a query asks for."""
    found = sorted({name for name in names if name and name.startswith(query.prefix or "")})
    items = found[query.offset : query.offset + query.limit]
    return Page(items, len(found), query.limit, query.offset)


class Discovering(ABC):
    """The names that there are; a store says how it finds them. A query of None is about everything."""

    @abstractmethod
    def _names(self, column: str, query: DiscoveryQuery) -> Page[str]:
        """What a column that all signals have holds; each value of a list is a name."""

    @abstractmethod
    def _metric_names(self, query: MetricNameQuery) -> Page[str]:
        """Names of metrics."""

    @abstractmethod
    def _label_keys(self, query: MetricNameQuery) -> Page[str]:
        """Keys of labels."""

    @abstractmethod
    def _label_values(self, key: str, query: MetricNameQuery) -> Page[str]:
        """Values of a label."""

    def list_entity_types(self, query: DiscoveryQuery | None = None) -> Page[str]:
        """Kinds of what made signals: agent, tool, workflow and their like."""
        return self._names("entity_type", query or DiscoveryQuery())

    def list_entity_names(self, query: DiscoveryQuery | None = None) -> Page[str]:
        """Names of what made signals; of one kind with `entity_type`."""
        return self._names("entity_name", query or DiscoveryQuery())

    def list_services(self, query: DiscoveryQuery | None = None) -> Page[str]:
        """Programs."""
        return self._names("service_name", query or DiscoveryQuery())

    def list_environments(self, query: DiscoveryQuery | None = None) -> Page[str]:
        """Where programs run, for instance production."""
        return self._names("environment", query or DiscoveryQuery())

    def list_tags(self, query: DiscoveryQuery | None = None) -> Page[str]:
        """Markers of the user's."""
        return self._names("tags", query or DiscoveryQuery())

    def list_metric_names(self, query: MetricNameQuery | None = None) -> Page[str]:
        """What is measured."""
        return self._metric_names(query or MetricNameQuery())

    def list_label_keys(self, query: MetricNameQuery | None = None) -> Page[str]:
        """Labels that metrics carry."""
        return self._label_keys(query or MetricNameQuery())

    def list_label_values(self, key: str, query: MetricNameQuery | None = None) -> Page[str]:
        """Values of one label; none where nothing carries it."""
        return self._label_values(key, query or MetricNameQuery())
