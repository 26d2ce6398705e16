"""Several named configurations: which of them a trace belongs to.

Each is an instance of its own, with its own bus and exporters. It is chosen once, where a trace begins, by
the request context; spans, logs, metrics, scores and feedback inside go where the trace goes. Outside any
trace it is the default one.
"""

# The live span and what makes and takes it are one mechanism in two packages.
# pyright: reportPrivateUsage=false

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from mastra_core.errors import ConfigurationError
from mastra_core.runtime.config import DEFAULT_CONFIG, ConfigSelector, ObservabilityConfig
from mastra_core.signals.payload import text_of
from mastra_core.storage.protocols import Store
from mastra_core.tracing.current import get_current
from mastra_core.tracing.error_snapshot import place_of
from mastra_core.tracing.logger import LoggerContext
from mastra_core.tracing.metrics import Labels, MetricsContext
from mastra_core.tracing.no_op_span import UnsampledSpan
from mastra_core.tracing.span import Span
from mastra_observability.drops import log
from mastra_observability.exporters.default import DefaultExporter
from mastra_observability.exporters.spool_config import SpoolConfig

if TYPE_CHECKING:
    from mastra_observability.instance import Observability

REMEMBERED_TRACES: Final = 5_000
"""Traces, at least, whose instance is remembered for scores and feedback that name ids alone."""


class Selection:
    """The instances of several configurations, and what chooses among them.

    Args:
        default: for traces that are nobody else's, and for everything outside of traces.
        others: the other ones by name.
        selector: as in `ObservabilityConfig`.
    """

    def __init__(
        self, default: Observability, others: Mapping[str, Observability], selector: str | ConfigSelector
    ) -> None:
        self.instances: dict[str, Observability] = {DEFAULT_CONFIG: default, **others}
        self._default = default
        self._members = {id(one): one for one in self.instances.values()}
        self._selector = selector
        self._told: set[str] = set()
        self._recent: dict[str, Observability] = {}
        self._older: dict[str, Observability] = {}

    def owner_of(self, span: Span | None) -> Observability:
        """The instance of a span; of one without content, that of the span which is current."""
        for known in (span, get_current()):
            owner = None if known is None else self._members.get(id(known.tracer))
            if owner is not None:
                return owner
        return self._default

    def owner_of_trace(self, trace_id: object) -> Observability:
        """The instance that a trace began in, of this process and not long ago; else the default one."""
        if not isinstance(trace_id, str):
            return self._default
        return self._recent.get(trace_id) or self._older.get(trace_id) or self._default

    def owner(self, parent: Span | None, request_context: Mapping[str, Any] | None) -> Observability:
        """The instance of a span that is about to be made, inside of another or not."""
        return self._begin(request_context) if parent is None else self.owner_of(parent)

    def start(
        self, owner: Observability, parent: Span | None, name: str, span_type: str, said: Mapping[str, Any]
    ) -> Span:
        """Have a span made by its owner, and remember who that is where a trace begins."""
        span = owner.span(name, span_type, parent=parent, **said)
        if parent is None:
            self._note(span, owner)
        return span

    def _begin(self, request_context: Mapping[str, Any] | None) -> Observability:
        """The instance of a trace that begins now. Never raises; what goes wrong is told once."""
        try:
            name = self._name_for({} if request_context is None else request_context)
            if name is None:
                return self._default
            found = self.instances.get(name)
        except Exception as error:  # noqa: BLE001  # a selector must not break the program
            self._tell("raised", "the selector of configurations raised", place_of(error))
            return self._default
        if found is None:
            self._tell("unknown", f"there are {', '.join(self.instances)}, but no", text_of(name))
        return found or self._default

    def _name_for(self, request_context: Mapping[str, Any]) -> str | None:
        selector = self._selector
        return request_context.get(selector) if isinstance(selector, str) else selector(request_context)

    def _note(self, span: Span, owner: Observability) -> None:
        if isinstance(span, UnsampledSpan):
            span._tracer = owner  # noqa: SLF001  # metrics inside count there
        elif span.trace_id is not None:
            if len(self._recent) >= REMEMBERED_TRACES:
                self._older, self._recent = self._recent, {}
            self._recent[span.trace_id] = owner

    def _tell(self, what: str, why: str, which: str) -> None:
        if what not in self._told:
            self._told.add(what)
            log.warning("A trace goes to the configuration `default`, %s %s. This is told once.", why, which)


def make_others(
    config: ObservabilityConfig,
    store: Store | None,
    make: Callable[[ObservabilityConfig, object], Observability],
) -> dict[str, Observability]:
    """An instance of each named configuration; those with the same storage share one store.

    Args:
        config: all of them.
        store: of the configuration around them, which those without another storage share.
        make: takes a configuration, and a store or its URL.

    Raises:
        ConfigurationError: two with different storages share the folder of a spool.
    """
    _check_spools(config)
    stores: list[tuple[object, Store | None]] = [(config.storage, store)]
    others: dict[str, Observability] = {}
    try:
        for name, named in config.configs.items():
            opened = [shared for storage, shared in stores if storage == named.storage]
            others[name] = made = make(named, opened[0] if opened else named.storage)
            if not opened:
                stores.append((named.storage, made.store))
    except BaseException as error:
        for one in others.values():
            one.shutdown()
        if not isinstance(error, ConfigurationError):
            raise
        wrong = next(name for name in config.configs if name not in others)
        message = str(error).replace("`observability.", f"`observability.configs.{wrong}.")
        raise ConfigurationError(message) from error
    return others


def _check_spools(config: ObservabilityConfig) -> None:
    """Raise where what one left in its spool would be taken over into the storage of another."""
    storages: dict[Path, tuple[str, object]] = {}
    for name, one in {DEFAULT_CONFIG: config, **config.configs}.items():
        for folder in _spools_of(one):
            other, storage = storages.setdefault(folder, (name, one.storage))
            if storage != one.storage:
                raise ConfigurationError(
                    f"Field `observability.configs.{name}.exporters` has the spool {str(folder)!r} of "
                    f"configuration `{other}`, which has another storage; give each a folder of its own"
                )


def _spools_of(config: ObservabilityConfig) -> Iterator[Path]:
    for exporter in config.exporters or ():
        folder: object = None
        if isinstance(exporter, DefaultExporter):
            folder = exporter.spool_folder
        elif isinstance(exporter, Mapping):
            folder = cast("Mapping[str, object]", exporter).get("spool")
        if isinstance(folder, Mapping):
            folder = cast("Mapping[str, object]", folder).get("folder")
        elif isinstance(folder, SpoolConfig):
            folder = folder.folder
        if isinstance(folder, str | Path):
            yield Path(folder).expanduser().absolute()


class SelectingLogger:
    """Logs where the current trace is logged; outside any, by the default configuration."""

    def __init__(self, selection: Selection) -> None:
        self._selection = selection

    def _logger(self) -> LoggerContext:
        return self._selection.owner_of(None).own_logger

    def trace(self, message: str, /, **data: Any) -> None:  # noqa: ANN401  # any field
        """Log at level `trace`."""
        self._logger().trace(message, **data)

    def debug(self, message: str, /, **data: Any) -> None:  # noqa: ANN401
        """Log at level `debug`."""
        self._logger().debug(message, **data)

    def info(self, message: str, /, **data: Any) -> None:  # noqa: ANN401
        """Log at level `info`."""
        self._logger().info(message, **data)

    def warn(self, message: str, /, **data: Any) -> None:  # noqa: ANN401
        """Log at level `warn`."""
        self._logger().warn(message, **data)

    def error(self, message: str, /, **data: Any) -> None:  # noqa: ANN401
        """Log at level `error`."""
        self._logger().error(message, **data)

    def fatal(self, message: str, /, **data: Any) -> None:  # noqa: ANN401
        """Log at level `fatal`."""
        self._logger().fatal(message, **data)

    def log(self, level: str | int, message: str, data: Mapping[str, Any] | None = None, **said: Any) -> None:  # noqa: ANN401
        """Log with everything said apart."""
        self._logger().log(level, message, data, **said)

    def is_enabled(self, level: str | int) -> bool:
        """Whether a line of this level, logged here and now, is kept by anybody."""
        return self._logger().is_enabled(level)


class SelectingMetrics:
    """Measures where the current trace is measured; outside any, by the default configuration."""

    def __init__(self, selection: Selection) -> None:
        self._selection = selection

    def counter(self, name: str, *, unit: str | None = None) -> SelectingInstrument:
        """The counter of this name."""
        return SelectingInstrument(self._selection, name, unit)

    gauge = histogram = counter


class SelectingInstrument:
    """The instrument of a name in whichever instance the current trace has."""

    def __init__(self, selection: Selection, name: str, unit: str | None) -> None:
        self._selection = selection
        self._name = name
        self._unit = unit

    def _metrics(self) -> MetricsContext:
        return self._selection.owner_of(None).own_metrics

    def add(self, value: float = 1, labels: Labels | None = None) -> None:
        """Count `value` more, zero or greater."""
        self._metrics().counter(self._name, unit=self._unit).add(value, labels)

    def set(self, value: float, labels: Labels | None = None) -> None:
        """Observe the present value."""
        self._metrics().gauge(self._name, unit=self._unit).set(value, labels)

    def record(self, value: float, labels: Labels | None = None) -> None:
        """Observe one value."""
        self._metrics().histogram(self._name, unit=self._unit).record(value, labels)
