"""Log set-up for programs, on structlog: presets, bound work, patterns, and lines of the runtime.

Example:
    ```python
    from mastra_logging import LogConfig, get_logger, init_logging

    init_logging(LogConfig.dev())
    get_logger(__name__).info("ready", port=8080)
    ```
"""

from mastra_logging._version import __version__
from mastra_logging.bound import add_bound
from mastra_logging.config import LogConfig, ThinningConfig
from mastra_logging.exporter import LogOutputExporter
from mastra_logging.line import LogLine, Sink
from mastra_logging.logger import Logger, get_logger
from mastra_logging.patterns import record_performance, record_retry, record_validation_failure
from mastra_logging.setup import flush_logging, init_logging, shutdown_logging
from mastra_logging.spans import ModelSpan, WorkSpan, database_span, llm_span, step_span, workflow_span
from mastra_logging.standard import StandardHandler

__all__ = [
    "LogConfig",
    "LogLine",
    "LogOutputExporter",
    "Logger",
    "ModelSpan",
    "Sink",
    "StandardHandler",
    "ThinningConfig",
    "WorkSpan",
    "__version__",
    "add_bound",
    "database_span",
    "flush_logging",
    "get_logger",
    "init_logging",
    "llm_span",
    "record_performance",
    "record_retry",
    "record_validation_failure",
    "shutdown_logging",
    "step_span",
    "workflow_span",
]
