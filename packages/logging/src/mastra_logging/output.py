"""The output of the program's log: renders lines, writes them, and hands them to sinks.

Nothing raises after the start: what cannot be rendered or written is counted, and told once on the
standard error stream, so that a broken log does not break the program, nor fill another one.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

from mastra_core.clock import Clock, system_clock
from mastra_core.signals.log import LOG_LEVELS, LogLevel
from mastra_logging.config import LogConfig
from mastra_logging.destination import Destination
from mastra_logging.line import LogLine, Sink
from mastra_logging.renderers.json import JsonRenderer
from mastra_logging.renderers.text import TextRenderer
from mastra_logging.sql.exporter import SqlLogExporter
from mastra_logging.thinning import Thinner


class Output:
    """Takes lines.

    Attributes:
        config: what was asked for.
        level: least weight of lines.
        lost_count: lines that could not be written, for each destination.

    Args:
        config: what is asked for.
        clock: what time it is, for thinning.

    Raises:
        ConfigurationError: the file cannot be written, or a sink cannot start.
    """

    def __init__(self, config: LogConfig, clock: Clock = system_clock) -> None:
        self.config = config
        self.level: LogLevel = LOG_LEVELS[config.level]
        self.lost_count = 0
        self._told: set[str] = set()
        self._destination = Destination(config)
        self._sinks: tuple[Sink, ...] = tuple(config.sinks)
        if config.sql_exporter is not None:
            try:
                self._sinks += (SqlLogExporter(config.sql_exporter),)
            except BaseException:
                self._destination.close()
                raise
        self._render: Callable[..., str | bytes]
        if config.format == "json":
            self._render = JsonRenderer(timestamps=config.timestamps is not False)
        else:
            self._render = TextRenderer(timestamps=config.timestamps, is_compact=config.format == "compact")
        self._clock = clock

    def make_thinner(self) -> Thinner | None:
        """A thinner for lines of one source, None where all pass."""
        return None if self.config.thinning is None else Thinner(self.config.thinning, self._clock)

    def write(self, line: LogLine, *, is_of_pipeline: bool = False) -> None:
        """Write a line, and hand it to the sinks unless they said it themselves."""
        try:
            self._destination.write(self._render(line, colors=self._destination.wants_colors()))
        except Exception as error:  # noqa: BLE001  # a full disk, a closed stream, a stream of the user's
            self.report("lines cannot be written", error)
        for sink in () if is_of_pipeline else self._sinks:
            try:
                sink.write(line)
            except Exception as error:  # noqa: BLE001  # sinks of the user's
                self.report(f"{type(sink).__name__} takes no lines", error)

    def renew_locks(self) -> None:
        """In a forked child."""
        self._destination.renew_lock()

    def flush(self, timeout_s: float) -> bool:
        """Have the sinks hand over what waits; False where one did not in time."""
        results = [self._call_sink(sink, partial(sink.flush, timeout_s)) for sink in self._sinks]
        return all(results)

    def close(self, kept: Sequence[Sink] = ()) -> None:
        """Close the file, and the sinks but for those that are kept for what comes after."""
        for sink in self._sinks:
            if not any(sink is other for other in kept):
                self._call_sink(sink, sink.close)
        self._destination.close()

    def _call_sink(self, sink: Sink, call: Callable[[], bool | None]) -> bool:
        try:
            return call() is not False
        except Exception as error:  # noqa: BLE001
            self.report(f"{type(sink).__name__} cannot hand its lines over", error)
            return False

    def report(self, fault: str, error: BaseException) -> None:
        """Count a loss, and tell of the first of each kind."""
        self.lost_count += 1
        if fault in self._told:
            return
        self._told.add(fault)
        if sys.stderr is not None and not (fault.startswith("lines") and self._destination.is_standard_error):
            with suppress(Exception):
                sys.stderr.write(f"mastra_logging: {fault}: {error!r}\n")
