"""The correlation context: who and where, shared by all five signals.

One immutable value per entity of a trace (an agent run, a tool call, …), shared by reference by
every span, log, metric, score and feedback made inside, so that correlating costs nothing.
"""

from __future__ import annotations

from typing import TypedDict

import msgspec

from mastra_core.errors import ConfigurationError


class Correlation(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """The shared identifying fields of a signal. All optional; `None` means not known.

    *Entity* is what made the signal (type, id, name), *parent entity* is what called that, *root
    entity* is where the trace began. The order of the fields is the order of the stored columns.

    Attributes:
        agent_name: the nearest enclosing agent, however deep; a label of metrics, not stored.
    """

    entity_type: str | None = None
    entity_id: str | None = None
    entity_name: str | None = None
    parent_entity_type: str | None = None
    parent_entity_id: str | None = None
    parent_entity_name: str | None = None
    root_entity_type: str | None = None
    root_entity_id: str | None = None
    root_entity_name: str | None = None
    user_id: str | None = None
    organization_id: str | None = None
    resource_id: str | None = None
    run_id: str | None = None
    session_id: str | None = None
    thread_id: str | None = None
    request_id: str | None = None
    environment: str | None = None
    source: str | None = None
    service_name: str | None = None
    experiment_id: str | None = None
    tags: tuple[str, ...] = ()
    agent_name: str | None = None

    def enter(self, entity: Entity) -> Correlation:
        """The context inside `entity`: it becomes the entity, the present one its parent."""
        root_type, root_id, root_name = self.root_entity_type, self.root_entity_id, self.root_entity_name
        if root_type is None:
            root_type, root_id, root_name = entity.type, entity.id, entity.name
        # By position: keywords would cost several times as much (see benchmarks/README.md).
        return Correlation(
            entity.type,
            entity.id,
            entity.name,
            self.entity_type,
            self.entity_id,
            self.entity_name,
            root_type,
            root_id,
            root_name,
            self.user_id,
            self.organization_id,
            self.resource_id,
            self.run_id,
            self.session_id,
            self.thread_id,
            self.request_id,
            self.environment,
            self.source,
            self.service_name,
            self.experiment_id,
            self.tags,
            (entity.name or entity.id) if entity.type == "agent" else self.agent_name,
        )

    def merge(self, changes: CorrelationFields) -> Correlation:
        """This context with the given fields set; a value of `None` never erases one set above."""
        known = {name: value for name, value in changes.items() if value is not None}
        return msgspec.structs.replace(self, **known) if known else self


class CorrelationFields(TypedDict, total=False):
    """The fields a user sets on a trace; the entities and the service are filled in by themselves."""

    user_id: str | None
    organization_id: str | None
    resource_id: str | None
    run_id: str | None
    session_id: str | None
    thread_id: str | None
    request_id: str | None
    experiment_id: str | None
    tags: tuple[str, ...] | None


_USUAL = {str, type(None)}


class Entity(msgspec.Struct, frozen=True):
    """What makes signals: an agent, a tool, a workflow, a step, a processor.

    Attributes:
        type: lower-case word, for instance `agent`.
        id: stable identifier, for instance the agent's id.
        name: what a person calls it.

    Raises:
        ConfigurationError: one of them is no text. Looking costs 0.1 µs.
    """

    type: str
    id: str | None = None
    name: str | None = None

    def __post_init__(self) -> None:
        kinds = {type(self.type), type(self.id), type(self.name)}
        if not kinds <= _USUAL or self.type is None:  # pyright: ignore[reportUnnecessaryComparison]
            _check(self)


def _check(entity: Entity) -> None:
    """Refuse an entity with a field that is no text; texts of a kind of their own are."""
    for field in entity.__struct_fields__:
        value: object = getattr(entity, field)
        if not isinstance(value, str) and (value is not None or field == "type"):
            allowed = "a text" if field == "type" else "a text or None"
            raise ConfigurationError(f"Field `entity.{field}` must be {allowed}, got {value!r}; write str(…)")


EMPTY_CORRELATION = Correlation()

CORRELATION_FIELDS: tuple[str, ...] = tuple(
    name for name in Correlation.__struct_fields__ if name != "agent_name"
)
"""The names of the fields that are stored, in stored order."""
