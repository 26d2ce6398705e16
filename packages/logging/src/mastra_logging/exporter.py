"""The other direction: lines of the runtime, and of everything that is observed, in the program's log."""

from __future__ import annotations

from mastra_core.signals.events import LogEvent
from mastra_core.signals.log import to_level
from mastra_logging.fields import line_of
from mastra_logging.output import Output
from mastra_logging.program import current_program
from mastra_logging.thinning import Thinner


class LogOutputExporter:
    """Prints the lines of `ctx.logger`, `mastra.logger` and the runtime as the program prints its own.

        init_logging(LogConfig.dev())
        Mastra(…, observability=ObservabilityConfig(exporters=[DefaultExporter(), LogOutputExporter()]))

    Lines that the program said through a logging library are left out: that has printed them already.
    Without `init_logging` the defaults hold.
    """

    name = "LogOutputExporter"

    def __init__(self) -> None:
        self._output: Output | None = None
        self._thinner: Thinner | None = None

    def on_log_event(self, event: LogEvent) -> None:
        """Print a line."""
        log = event.log
        output = self._output_now()
        if log.origin is not None or (to_level(log.level) or output.level) < output.level:
            return
        line = line_of(log)
        for item in [line] if self._thinner is None else self._thinner.take(line):
            output.write(item)

    def flush(self) -> None:
        """Say what was held back."""
        if self._output is not None and self._thinner is not None:
            for line in self._thinner.flush():
                self._output.write(line)

    shutdown = flush

    def _output_now(self) -> Output:
        """Where lines go now; `init_logging` may have changed it since the last one."""
        output = current_program().output
        if output is not self._output:
            self.flush()
            self._output, self._thinner = output, output.make_thinner()
        return output
