from pathlib import Path

from mastra_observability.metrics.catalogue import CATALOGUE, catalogue_table

GUIDE = Path(__file__).parents[4] / "docs" / "metrics.md"

REQUIRED = {
    "mastra_agent_runs_started": "agent env service",
    "mastra_agent_runs_ended": "agent env service status",
    "mastra_agent_duration_ms": "agent env service status",
    "mastra_model_requests_started": "model provider agent",
    "mastra_model_requests_ended": "model provider agent status",
    "mastra_model_duration_ms": "model provider agent",
    "mastra_model_input_tokens": "model provider agent",
    "mastra_model_output_tokens": "model provider agent",
    "mastra_model_cache_read_tokens": "model provider agent",
    "mastra_model_cache_write_tokens": "model provider agent",
    "mastra_tool_calls_started": "tool agent env",
    "mastra_tool_calls_ended": "tool agent env status",
    "mastra_tool_duration_ms": "tool agent env",
    "mastra_workflow_runs_started": "workflow env",
    "mastra_workflow_runs_ended": "workflow env status",
    "mastra_workflow_duration_ms": "workflow env status",
    "mastra_scores_total": "scorer entity_type experiment",
    "mastra_feedback_total": "feedback_type source entity_type experiment",
}


def test_the_required_metrics_are_there_with_exactly_their_labels():
    """Names and labels are a contract with everybody's dashboards."""
    labels = {row.name: " ".join(row.labels) for row in CATALOGUE}
    assert labels == {**labels, **REQUIRED}


def test_the_guide_has_the_catalogue_as_it_is():
    """The table in the documentation is made from the one in the code."""
    assert catalogue_table() in GUIDE.read_text(), "put the text of catalogue_table() into the guide"
