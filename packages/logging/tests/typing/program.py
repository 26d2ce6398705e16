"""A program as users write it: the type checkers must know everything in it."""

from typing import assert_type

from mastra_logging import (
    LogConfig,
    Logger,
    LogLine,
    LogOutputExporter,
    ModelSpan,
    Sink,
    ThinningConfig,
    WorkSpan,
    database_span,
    flush_logging,
    get_logger,
    init_logging,
    llm_span,
    record_performance,
    record_retry,
    record_validation_failure,
    shutdown_logging,
    step_span,
    workflow_span,
)


class Lines:
    """A sink."""

    def write(self, line: LogLine) -> None:
        """Take a line."""
        assert_type(line.message, str)

    def flush(self, timeout_s: float) -> bool:
        """Nothing waits."""
        return True

    def close(self) -> None:
        """Nothing is held."""


sink: Sink = Lines()
config = init_logging(LogConfig.prod(level="warn", sinks=[sink], thinning=ThinningConfig(first=3)))
assert_type(config, LogConfig)
assert_type(LogConfig.from_toml("settings.toml", preset="dev"), LogConfig)
log = get_logger(__name__, customer="c-7")
assert_type(log, Logger)
assert_type(log.bind(rows=3), Logger)
log.info("%d rows", 3, table="users")
exporter = LogOutputExporter()


async def main() -> None:
    """Run it."""
    await log.ainfo("started")
    async with workflow_span("wf-1", "w") as flow, step_span("wf-1", "draft", "Draft", attempt=2):
        assert_type(flow, WorkSpan)
        with llm_span("gpt-4o", provider="openai") as call:
            assert_type(call, ModelSpan)
            assert_type(call.record_tokens(input_tokens=3), ModelSpan)
        with database_span("select", "users"):
            record_performance("select", 1.5, rows=3)
            record_retry("fetch", 1, 3, OSError("away"))
            record_validation_failure("age", "negative")
    assert_type(flush_logging(1.0) and shutdown_logging(), bool)
