"""What was queued becomes events: made, shown to the processors, and metrics derived of them.

Runs on the worker of the bus, once for all exporters. Whatever fails costs its own item alone, and
is counted.
"""

# The live span and what makes and takes it are one mechanism in two packages.
# pyright: reportPrivateUsage=false

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple, Protocol, TypeVar, cast, runtime_checkable

from mastra_core.errors import with_safe_text
from mastra_core.signals.attributes import SpanType
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
from mastra_core.tracing.error_snapshot import place_of
from mastra_core.tracing.span import Span
from mastra_observability.drops import Drops
from mastra_observability.exporters.channel import Weighed

_T = TypeVar("_T")
_GENERIC = SpanType.GENERIC.value

CHUNK = 64
"""So many events a processor may glance at together: a glance costs mostly by its number, and where it
finds something, so many are looked at one by one."""


class Processor(Protocol):
    """Sees every event before the exporters do."""

    def process(self, event: Event) -> Event | None:
        """The event, a changed copy, or None to drop it on purpose. Raising drops and counts it."""
        ...


@runtime_checkable
class GlancingProcessor(Processor, Protocol):
    """A processor that can tell at a glance of many events that it has nothing to do."""

    def leaves_alone(self, events: Sequence[Event]) -> bool:
        """Whether `process` would hand on each of these as it is; False where it would have to look."""
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
        self._processors = tuple((each, isinstance(each, GlancingProcessor)) for each in processors)
        self._export_span = export_span
        self._makers = dict(makers)
        self._derive = derive
        self._drops = drops

    def describe(self, item: Span | Pending) -> tuple[Signal, int]:
        """The signal of something queued, and its heavy bytes."""
        if isinstance(item, Span):
            return "spans", item._heavy_bytes
        return self._makers[type(item)].signal, item.heavy_bytes

    def take(self, queue: deque[Span | Pending]) -> tuple[list[Weighed], int]:
        """The events of what is queued now, and how many heavy bytes left the queue with it."""
        made: list[Weighed] = []
        heavy = 0
        left = len(queue)
        while left > 0:
            events: list[Event] = []
            announced: set[int] = set()
            for item in popped(queue, min(left, CHUNK)):
                if isinstance(item, Span):
                    heavy += item._heavy_bytes
                    if self._take_span(events, item) and item._is_announced:
                        announced.add(len(events) - 1)
                else:
                    heavy += item.heavy_bytes
                    event = self._made(item)
                    if event is not None:
                        events.append(event)
            left -= CHUNK
            self._pass_on(made, self._process(events), announced)
        return made, heavy

    def announce(self, spans: Sequence[Span]) -> list[Weighed]:
        """The events that tell of spans which are open."""
        made: list[Weighed] = []
        for span in spans:
            event = self._exported(span, "span_started")
            if event is None:
                continue
            kept = self._process([event] if span.is_recording else self._derived(event, has_ids=False))
            # Where a processor drops it, its start is counted at its end.
            span._is_announced = not span.is_recording or kept[0] is not None
            self._pass_on(made, kept)
        return made

    def leave(self) -> list[Weighed]:
        """The events of what was held back until now."""
        return []

    def due_s(self) -> float | None:
        """Seconds until something that is held back may be due; None where nothing is."""
        return None

    def stats(self) -> dict[str, object]:
        """Counts of its own."""
        return {}

    def _take_span(self, events: list[Event], span: Span) -> bool:
        """Add the event of a span; of one that was sampled out only metrics, and False."""
        event = self._exported(span, "span_ended")
        if event is None:
            return False
        if span.is_recording:
            events.append(event)
            return True
        events.extend(self._derived(event, is_announced=span._is_announced, has_ids=False))
        return False

    def _pass_on(
        self, made: list[Weighed], events: Sequence[Event | None], announced: Collection[int] = ()
    ) -> None:
        """Weigh what was kept, and derive metrics of it, which the processors see, too."""
        derived: list[Event] = []
        for position, event in enumerate(events):
            if event is None:
                continue
            made.append((event, weigh(event)))
            if self._derive is not None and _may_be_measured(event):
                derived.extend(self._derived(event, is_announced=position in announced))
        if derived:
            self._pass_on(made, self._process(derived))

    def _exported(self, span: Span, kind: TracingEventType) -> TracingEvent | None:
        """The event of a span; one that cannot be exported is counted and takes no other with it."""
        try:
            return TracingEvent(kind, self._export_span(span))
        except Exception as error:  # noqa: BLE001  # what a user called a span may raise whatever it likes
            self._drops.count("bus", "spans", "invalid", 1, place_of(error))
            return None

    def _made(self, item: Pending) -> Event | None:
        """The event of what was pending; one that cannot be made is counted and takes no other with it."""
        maker = self._makers[type(item)]
        try:
            return maker.make(item)
        except Exception as error:  # noqa: BLE001  # as above
            self._drops.count("bus", maker.signal, "invalid", 1, place_of(error))
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
            self._drops.count("bus", "metrics", "invalid", 1, place_of(error))
            return ()

    def _process(self, events: Sequence[Event]) -> Sequence[Event | None]:
        """What the processors leave of events, None where one dropped it or failed."""
        current: Sequence[Event | None] = events
        for processor, is_glancing in self._processors:
            if not (is_glancing and _is_passed(cast("GlancingProcessor", processor), current)):
                current = [None if event is None else self._processed(processor, event) for event in current]
        return current

    def _processed(self, processor: Processor, event: Event) -> Event | None:
        try:
            result = processor.process(event)
            if result is not None and type(result) not in SIGNAL_OF:
                kind = type(result).__name__  # not what is in it: no filter may have seen that
                text = f"a processor must return an event or None, got {kind}"
                raise with_safe_text(TypeError(text))  # noqa: TRY301
        except BaseException as error:  # noqa: BLE001  # whatever a user's processor raises
            self._drops.count("bus", SIGNAL_OF[type(event)], "processor_failed", 1, place_of(error))
            return None
        return result


def popped(queue: deque[_T], count: int) -> Iterator[_T]:
    """The first so many items, taken out; fewer where callers dropped some meanwhile."""
    with suppress(IndexError):
        for _ in range(count):
            yield queue.popleft()


def _may_be_measured(event: Event) -> bool:
    """Whether metrics may be made of it; most events are spans of no kind that is."""
    if type(event) is TracingEvent:
        return event.span.span_type != _GENERIC
    return type(event) is not LogEvent and type(event) is not MetricEvent


def _is_passed(processor: GlancingProcessor, events: Sequence[Event | None]) -> bool:
    try:
        return processor.leaves_alone([event for event in events if event is not None])
    except Exception:  # noqa: BLE001  # then it looks at each, and what fails is counted
        return False


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
