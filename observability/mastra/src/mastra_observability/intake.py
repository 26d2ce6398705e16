"""What was queued becomes events: made, shown to the processors, and metrics derived of them.

Runs on the worker of the bus, once for all exporters. Whatever fails costs its own item alone, and
is counted.
"""

# The live span and what makes and takes it are one mechanism in two packages.
# pyright: reportPrivateUsage=false

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, cast

from mastra_core.signals.events import (
    SIGNAL_OF,
    Event,
    LogEvent,
    MetricEvent,
    Signal,
    TracingEvent,
    TracingEventType,
)
from mastra_core.signals.span import SpanExported
from mastra_core.tracing.span import Span
from mastra_observability.drops import Drops
from mastra_observability.exporters.channel import Weighed


class Processor(Protocol):
    """Sees every event before the exporters do."""

    def process(self, event: Event) -> Event | None:
        """The event, a changed copy, or None to drop it on purpose. Raising drops and counts it."""
        ...


class Pending(Protocol):
    """What was queued by a context as it was handed over, and becomes an event on the worker."""

    heavy_bytes: int
    """What it counts against the bytes that may wait; 0 for what is small."""


class Maker(NamedTuple):
    """How pending things of a kind become events.

    Attributes:
        signal: what they are.
        make: makes one, or None where it refuses and counts it; what it raises costs that one alone.
    """

    signal: Signal
    make: Callable[[Any], Event | None]


class Derive(Protocol):
    """Makes metrics of other events."""

    def __call__(
        self, event: Event, *, is_announced: bool = False, has_ids: bool = True
    ) -> Sequence[MetricEvent]:
        """The metrics of an event; of a span whether its start was announced, and whether it has ids."""
        ...


class Intake:
    """Makes events.

    Args:
        processors: in the order in which they see events.
        export_span: turns a span into its exported form.
        makers: for everything else that is queued pending, by its type.
        derive: makes metrics of what the processors let through; None makes none.
        drops: the books.
    """

    def __init__(
        self,
        processors: Sequence[Processor],
        export_span: Callable[[Span], SpanExported],
        makers: Mapping[type, Maker],
        derive: Derive | None,
        drops: Drops,
    ) -> None:
        self._processors = tuple(processors)
        self._export_span = export_span
        self._makers = dict(makers)
        self._derive = derive
        self._drops = drops

    def take(self, queue: deque[Span | Pending | Event]) -> tuple[list[Weighed], int]:
        """The events of what is queued now, and how many heavy bytes left the queue with it."""
        made: list[Weighed] = []
        heavy = 0
        for _ in range(len(queue)):
            item = queue.popleft()
            if isinstance(item, Span):
                heavy += item._heavy_bytes
                self._take_span(made, item)
            elif (maker := self._makers.get(type(item))) is not None:
                heavy += cast("Pending", item).heavy_bytes
                event = self._made(item, maker)
                if event is not None:
                    self._pass_on(made, event)
            else:
                self._pass_on(made, cast("Event", item))
        return made, heavy

    def announce(self, spans: Sequence[Span]) -> list[Weighed]:
        """The events that tell of spans which are open."""
        made: list[Weighed] = []
        for span in spans:
            event = self._exported(span, "span_started")
            if event is None:
                continue
            if span.is_recording:
                # Where a processor drops it, its start is counted at its end.
                span._is_announced = self._pass_on(made, event)
            else:
                span._is_announced = True
                self._measure(made, event, is_announced=False)
        return made

    def _take_span(self, made: list[Weighed], span: Span) -> None:
        event = self._exported(span, "span_ended")
        if event is None:
            return
        if span.is_recording:
            self._pass_on(made, event, is_announced=span._is_announced)
        else:
            self._measure(made, event, is_announced=span._is_announced)

    def _measure(self, made: list[Weighed], event: Event, *, is_announced: bool) -> None:
        """Of a span that was sampled out only metrics are made."""
        for metric in self._derived(event, is_announced=is_announced, has_ids=False):
            self._pass_on(made, metric)

    def _pass_on(self, made: list[Weighed], event: Event, *, is_announced: bool = False) -> bool:
        """Let the processors see an event, and derive metrics of it; whether it was kept."""
        kept = self._process(event) if self._processors else event
        if kept is None:
            return False
        kind = type(kept)
        if kind is MetricEvent:
            made.append((kept, 0))
            return True
        made.append((kept, weigh(kept)))
        if self._derive is not None and kind is not LogEvent:
            for metric in self._derived(kept, is_announced=is_announced):
                self._pass_on(made, metric)
        return True

    def _exported(self, span: Span, kind: TracingEventType) -> TracingEvent | None:
        """The event of a span; one that cannot be exported is counted and takes no other with it."""
        try:
            return TracingEvent(kind, self._export_span(span))
        except Exception as error:  # noqa: BLE001  # what a user called a span may raise whatever it likes
            self._drops.count("bus", "spans", "invalid", 1, repr(error))
            return None

    def _made(self, item: object, maker: Maker) -> Event | None:
        """The event of what was pending; one that cannot be made is counted and takes no other with it."""
        try:
            return maker.make(item)
        except Exception as error:  # noqa: BLE001  # as above
            self._drops.count("bus", maker.signal, "invalid", 1, repr(error))
            return None

    def _derived(
        self, event: Event, *, is_announced: bool = False, has_ids: bool = True
    ) -> Sequence[MetricEvent]:
        """The metrics of an event; where they cannot be made, that is counted and the event is kept."""
        if self._derive is None:
            return ()
        try:
            return self._derive(event, is_announced=is_announced, has_ids=has_ids)
        except Exception as error:  # noqa: BLE001  # a processor may have put in whatever it likes
            self._drops.count("bus", "metrics", "invalid", 1, repr(error))
            return ()

    def _process(self, event: Event) -> Event | None:
        current = event
        for processor in self._processors:
            try:
                result = processor.process(current)
                if result is None:
                    return None
                current = result
                if type(current) not in SIGNAL_OF:
                    raise TypeError(f"a processor must return an event or None, got {current!r}")  # noqa: TRY301
            except BaseException as error:  # noqa: BLE001  # whatever a user's processor raises
                self._drops.count("bus", SIGNAL_OF[type(event)], "processor_failed", 1, repr(error))
                return None
        return current


def weigh(event: Event) -> int:
    """Bytes of the payloads of an event."""
    if isinstance(event, TracingEvent):
        span = event.span
        size = 0
        if (payload := span.input) is not None:
            size += len(payload)
        if (payload := span.output) is not None:
            size += len(payload)
        if (payload := span.attributes) is not None:
            size += len(payload)
        return size
    if isinstance(event, LogEvent):
        log = event.log
        return len(log.message) + (0 if log.data is None else len(log.data))
    return 0
