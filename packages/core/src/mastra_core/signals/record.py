"""What the records of all signals share.

Records are what stores return: pydantic models with a JSON schema, for programs that read
telemetry. Their validators are built when first used, so that importing core stays cheap for the
programs that only write.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict


class CorrelatedRecord(BaseModel):
    """A stored signal with its correlation context, one field per column."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

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
    tags: list[str] = []
    metadata: dict[str, Any] | None = None
