"""Setting up the log of a program, and taking it down."""

from __future__ import annotations

import atexit
from collections.abc import Sequence

import structlog
from structlog.contextvars import merge_contextvars
from structlog.typing import Processor

from mastra_core.bridges import send_to_observability
from mastra_core.clock import Clock, system_clock
from mastra_core.errors import ConfigurationError
from mastra_core.tracing.observability import ObservabilityInstance
from mastra_logging import program
from mastra_logging.config import LogConfig
from mastra_logging.line import Sink
from mastra_logging.logger import PROCESSORS, Logger, Named, hand_over
from mastra_logging.output import Output
from mastra_logging.standard import Capture

_EXIT_TIMEOUT_S = 1.5

_capture: Capture | None = None


def init_logging(
    config: LogConfig | None = None,
    *,
    observability: ObservabilityInstance | None = None,
    processors: Sequence[Processor] = (),
    clock: Clock = system_clock,
) -> LogConfig:
    """Set up the log of the program: structlog's loggers, and on request the standard library's.

    Doing it again with the same settings changes nothing; with others, it replaces the set-up, and
    closes what that had open, but for sinks that stay. Loggers that were made before go along.

    Args:
        config: how; None takes environment and TOML.
        observability: where lines go besides; None takes what is in use at the time.
        processors: of structlog, run on each line before it is written; one that raises
            `structlog.DropEvent` takes the line out, one that fails loses it. `send_to_observability`
            is left out: lines go there by themselves.
        clock: what time it is; for tests.

    Returns:
        The settings that hold.

    Raises:
        ConfigurationError: a setting is wrong, or the file cannot be written.
    """
    global _capture  # noqa: PLW0603  # there is one log of a program
    config = LogConfig() if config is None else config
    if not isinstance(config, LogConfig):  # pyright: ignore[reportUnnecessaryIsInstance]  # a word, in programs without types
        raise ConfigurationError(
            f"Field `config` of init_logging must be a LogConfig, got {config!r} ({type(config).__name__}); "
            'write init_logging(LogConfig(level="debug"))'
        )
    own = (one for one in processors if one is not send_to_observability)
    chain: list[Processor] = [merge_contextvars, *own, hand_over]
    with program.lock:
        now = program.is_set_up()
        if (
            now is not None
            and structlog.get_config()["processors"] is PROCESSORS
            and now.output.config == config
            and now.observability is observability
            and chain == PROCESSORS
        ):
            return config
        output = Output(config, clock)
        # Called in the reverse order: before the database is closed that the output has just opened.
        atexit.unregister(_say_held_back)
        atexit.register(_say_held_back)
        before = program.use(program.ProgramLog(output, observability, clock))
        PROCESSORS[:] = chain
        structlog.configure(
            processors=PROCESSORS,
            wrapper_class=Logger,
            context_class=dict,
            logger_factory=Named,
            cache_logger_on_first_use=True,
        )
        if _capture is not None:
            _capture.end()
        _capture = Capture(output.level) if config.capture_standard else None
    _finish(before, kept=config.sinks)
    return config


def flush_logging(timeout_s: float = 5.0) -> bool:
    """Write what is held back: counts of thinned lines, and what waits in sinks. True if in time."""
    now = program.is_set_up()
    return True if now is None else now.flush(timeout_s)


def shutdown_logging(timeout_s: float = 5.0) -> bool:
    """Flush, close the file and the sinks, and leave structlog and the root logger alone again."""
    global _capture  # noqa: PLW0603
    with program.lock:
        before = program.use(None)
        if _capture is not None:
            _capture.end()
            _capture = None
        PROCESSORS[:] = [merge_contextvars, hand_over]
        if structlog.get_config()["processors"] is PROCESSORS:
            structlog.reset_defaults()
    return _finish(before, timeout_s)


def _finish(before: program.ProgramLog | None, timeout_s: float = 5.0, *, kept: Sequence[Sink] = ()) -> bool:
    if before is None:
        return True
    in_time = before.flush(timeout_s)
    before.output.close(kept)
    return in_time


def _say_held_back() -> None:
    now = program.is_set_up()
    if now is not None:
        now.say_held_back()


@atexit.register
def _finish_at_exit() -> None:
    # It stays in use: others may log while they leave.
    _finish(program.is_set_up(), _EXIT_TIMEOUT_S)
