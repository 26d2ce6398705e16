"""A store that knows its names."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from mastra_core.storage.discovery import DiscoveryQuery, MetricNameQuery
from mastra_core.storage.page import Page
from mastra_core.storage.protocols.base import Store


@runtime_checkable
class DiscoveryStore(Store, Protocol):
    """Tells which names there are, of all that it keeps; None asks about everything."""

    def list_entity_types(self, query: DiscoveryQuery | None = None) -> Page[str]:
        """Kinds of what made signals: agent, tool, workflow and their like."""
        ...

    def list_entity_names(self, query: DiscoveryQuery | None = None) -> Page[str]:
        """Names of what made signals; of one kind with `entity_type`."""
        ...

    def list_services(self, query: DiscoveryQuery | None = None) -> Page[str]:
        """Programs."""
        ...

    def list_environments(self, query: DiscoveryQuery | None = None) -> Page[str]:
        """Where programs run, for instance production."""
        ...

    def list_tags(self, query: DiscoveryQuery | None = None) -> Page[str]:
        """Markers of the user's."""
        ...

    def list_metric_names(self, query: MetricNameQuery | None = None) -> Page[str]:
        """What is measured."""
        ...

    def list_label_keys(self, query: MetricNameQuery | None = None) -> Page[str]:
        """Labels that metrics carry."""
        ...

    def list_label_values(self, key: str, query: MetricNameQuery | None = None) -> Page[str]:
        """Values of one label; none where nothing carries it."""
        ...
