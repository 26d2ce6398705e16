"""The intake where some traces are held back until they have ended.

What belongs to such a trace comes here first, everything else goes the ordinary way. Metrics wait for
nothing: they count at once, and without ids that might lead nowhere.

    sampled out     what was queued is held as it is, and goes through the processors only if it is kept
    span filter     events are made, processed and judged as they come, and held for their parents' sake
"""

# The live span and what makes and takes it are one mechanism in two packages.
# pyright: reportPrivateUsage=false

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import cast

import msgspec

from mastra_core.ids import format_span_id
from mastra_core.runtime.sampling_config import SpanFilter
from mastra_core.signals.attributes import SpanStatus
from mastra_core.signals.events import (
    SIGNAL_OF,
    Event,
    FeedbackEvent,
    LogEvent,
    ScoreEvent,
    Signal,
    TracingEvent,
)
from mastra_core.signals.span import SpanExported
from mastra_core.tracing.error_snapshot import place_of
from mastra_core.tracing.span import Span
from mastra_observability.annotation_snapshot import PendingAnnotation
from mastra_observability.drops import Drops, log
from mastra_observability.exporters.channel import Weighed
from mastra_observability.held_trace import HeldTrace, Item, State
from mastra_observability.held_weight import weight_of
from mastra_observability.hold import TraceHold
from mastra_observability.intake import CHUNK, Derive, Intake, Maker, Pending, Processor, popped, weigh
from mastra_observability.log_snapshot import PendingLog
from mastra_observability.metrics.extract import MEASURED_TYPES

_MEASURED_TYPES = tuple(MEASURED_TYPES)
"""No set: what a user says for a kind need not have a hash."""


class HoldingIntake(Intake):
    """Makes events, and holds those of some traces back.

    Args:
        processors: as of `Intake`, and so are the next four.
        export_span: the same.
        makers: the same.
        derive: the same.
        drops: the same.
        hold: where traces wait.
        excluded_types: kinds of spans that are left out of traces which are held.
        span_filter: says of a finished span whether to keep it; None keeps all.
    """

    def __init__(
        self,
        processors: Sequence[Processor],
        export_span: Callable[[Span], SpanExported],
        makers: Mapping[type, Maker],
        derive: Derive | None,
        drops: Drops,
        hold: TraceHold,
        excluded_types: Collection[str] = (),
        span_filter: SpanFilter | None = None,
    ) -> None:
        super().__init__(processors, export_span, makers, derive, drops)
        self._hold = hold
        self._excluded_types = tuple(excluded_types)
        self._filter = span_filter
        self._leaves_some_out = span_filter is not None or bool(excluded_types)
        self._has_failed = self._has_given_way = False

    def take(self, queue: deque[Span | Pending]) -> tuple[list[Weighed], int]:
        """The events of what is queued now and goes on, and of what need not wait any longer."""
        made: list[Weighed] = []
        rest: deque[Span | Pending] = deque()
        heavy = 0
        for item in popped(queue, len(queue)):
            held = self._held_of(item)
            if held is None:
                rest.append(item)
            elif isinstance(item, Span):
                heavy += item._heavy_bytes
                self._take_held_span(held, item, made)
            else:
                heavy += item.heavy_bytes if isinstance(item, PendingLog | PendingAnnotation) else 0
                self._take_held_item(held, item, made)
        for held in self._hold.due():
            self._decide_early(held, made)
        ordinary, more_heavy = super().take(rest)
        return made + ordinary, heavy + more_heavy

    def announce(self, spans: Sequence[Span]) -> list[Weighed]:
        """The events that tell of open spans; of a trace that waits only metrics."""
        ordinary: list[Span] = []
        made: list[Weighed] = []
        for span in spans:
            held = self._held_of(span)
            if held is None:
                ordinary.append(span)
                continue
            if self._is_measured(span) and (event := self._exported(span, "span_started")) is not None:
                self._count(self._derived(event, has_ids=False), made)
                span._is_announced = True
            if held.state is State.WAITING:
                self._hold.watch(held, span._started_at_ns)
                held.seen_open.append(span)
                self._make_room(held, made)
            else:
                self._show_open(held, [span], made)
        return made + super().announce(ordinary)

    def leave(self) -> list[Weighed]:
        """The events of the traces that wait, as far as they are kept by what is known of them."""
        made: list[Weighed] = []
        for held in self._hold.waiting():
            self._decide_early(held, made)
        return made

    def due_s(self) -> float | None:
        """Seconds until a trace has waited for long enough."""
        return self._hold.due_s()

    def stats(self) -> dict[str, object]:
        """How much is held, and what became of the traces that were."""
        return {"held_traces": self._hold.stats()}

    # ---------------------------------------------------------------- what arrives

    def _held_of(self, item: Span | Pending) -> HeldTrace | None:
        """The trace that something belongs to, if that is one of those held back."""
        if isinstance(item, Span):
            held = item._trace.held
        elif isinstance(item, PendingLog):
            held = None if item.trace is None else item.trace.held
        elif isinstance(item, PendingAnnotation):
            held = item.held or self._hold.find(item.given.trace_id)
        else:
            return None
        if not isinstance(held, HeldTrace):
            return None
        if held.pid != self._hold.pid:
            held.inherit(self._hold.pid)
        return held

    def _take_held_span(self, held: HeldTrace, span: Span, made: list[Weighed]) -> None:
        """Take a span that ended; with the root the trace has."""
        held.has_error = held.has_error or span._status is SpanStatus.ERROR
        item = self._judged(held, span, made) if held.is_sampled else self._measured(span, made)
        if span._parent_number == 0 and held.state is State.WAITING:
            rule = self._hold.rule
            is_kept = held.is_sampled or (rule is not None and rule.keeps_ended(held, span))
            self._decide(held, [] if item is None else [item], made, is_kept=is_kept)
        elif item is not None:
            self._hold_or_hand_on(held, item, span._started_at_ns, made)
        elif held.state is State.WAITING:
            self._hold.note_left_out(held, span._started_at_ns)
            self._make_room(held, made)
        else:
            held.forget_oldest()

    def _take_held_item(self, held: HeldTrace, pending: Pending, made: list[Weighed]) -> None:
        """Take a log line, a score or feedback."""
        moment_ns = self._hold.now()  # what the line says may be of any time
        if not held.is_sampled and isinstance(pending, PendingLog):
            self._hold_or_hand_on(held, Item(pending, None), moment_ns, made)
            return
        event = raw = self._made(pending)
        if held.is_sampled and event is not None:
            event, raw = self._process([event])[0], None
        if event is not None:
            self._count(self._derived(event, has_ids=False), made)
            self._hold_or_hand_on(held, Item(raw, event), moment_ns, made)

    def _hold_or_hand_on(self, held: HeldTrace, item: Item, moment_ns: int, made: list[Weighed]) -> None:
        if held.state is State.GOES_ON:
            self._hand_on(held, [item], made)
        elif held.state is State.WAITING:
            self._hold.add(held, moment_ns, item, weight_of(item))
            rule = self._hold.rule
            if not held.is_sampled and rule is not None and rule.keeps_always(held):
                self._decide(held, [], made, is_kept=True)
            self._make_room(held, made)

    def _measured(self, span: Span, made: list[Weighed]) -> Item | None:
        """A span of a trace that was sampled out, with its metrics made; None where it cannot be exported."""
        if not self._is_measured(span):
            return Item(span, None)
        event = self._exported(span, "span_ended")
        if event is None:
            return None
        self._count(self._derived(event, is_announced=span._is_announced, has_ids=False), made)
        return Item(span, event)

    def _judged(self, held: HeldTrace, span: Span, made: list[Weighed]) -> Item | None:
        """A span of a trace that goes on, as the processors leave it; None for one that is left out."""
        event = self._exported(span, "span_ended")
        if event is None:
            return None
        processed = self._process([event])[0]
        is_kept = self._is_kept(held, span, processed)
        if processed is None:
            return None
        self._count(self._derived(processed, is_announced=span._is_announced, has_ids=is_kept), made)
        return Item(None, processed) if is_kept else None

    def _count(self, metrics: Sequence[Event], made: list[Weighed]) -> None:
        if metrics:  # most spans have none, and to ask the processors of nothing costs as much as of one
            self._pass_on(made, self._process(metrics))

    def _is_measured(self, span: Span) -> bool:
        return self._derive is not None and span._type in _MEASURED_TYPES

    # ---------------------------------------------------------------- what becomes of a trace

    def _decide(self, held: HeldTrace, last: Sequence[Item], made: list[Weighed], *, is_kept: bool) -> None:
        """Hand on what was held of a trace, and what came last; or drop it all."""
        items = self._hold.close(held, is_kept=is_kept)
        seen_open, held.seen_open = held.seen_open, []
        if is_kept:
            self._hand_on(held, [*items, *last], made)
            self._show_open(held, [span for span in seen_open if not span.is_ended], made)

    def _decide_early(self, held: HeldTrace, made: list[Weighed]) -> None:
        """Decide about a trace that is open, by what is known of it."""
        self._decide(held, [], made, is_kept=self._is_kept_so_far(held))

    def _is_kept_so_far(self, held: HeldTrace) -> bool:
        held.has_error = held.has_error or any(span._status is SpanStatus.ERROR for span in held.seen_open)
        rule = self._hold.rule
        return held.is_sampled or (rule is not None and rule.keeps_open(held, self._hold.now()))

    def _make_room(self, latest: HeldTrace, made: list[Weighed]) -> None:
        while (held := self._hold.overflow(latest)) is not None:
            self._give_way(held, made)

    def _give_way(self, held: HeldTrace, made: list[Weighed]) -> None:
        """Decide about a trace for which there is no room; one of which nothing is held waits unseen."""
        if not held.events:
            self._hold.unwatch(held)
            return
        if held.is_sampled and not self._has_given_way:
            self._has_given_way = True
            log.warning(
                "Traces go on before they end, because too much waits for them; raise `hold`. Spans in "
                "them which something refers to are kept, whatever `span_filter` says. This is told once."
            )
        if not self._is_kept_so_far(held):
            lost = Counter[Signal](map(_signal_of, held.items))
            for signal, count in lost.items():
                self._drops.count("bus", signal, "hold_full", count)
        self._decide_early(held, made)

    def _hand_on(self, held: HeldTrace, items: Sequence[Item], made: list[Weighed]) -> None:
        """Process what was not yet, judge all spans, and then put each below one that is kept."""
        events: list[Event] = []
        for begin in range(0, len(items), CHUNK):
            chunk = [(item.raw, self._unprocessed(item)) for item in items[begin : begin + CHUNK]]
            processed = iter(self._process([event for _, event in chunk if event is not None]))
            for (raw, event), item in zip(chunk, items[begin : begin + CHUNK], strict=True):
                done = item.event if raw is None else None if event is None else next(processed)
                if isinstance(raw, Span) and event is not None and not self._is_kept(held, raw, done):
                    continue
                if done is not None:
                    events.append(done)
        if self._leaves_some_out or held.left_out:
            ended = {event.span.span_id for event in events if isinstance(event, TracingEvent)}
            events = [self._placed(held, event, ended) for event in events]
            held.forget_oldest()
        made.extend((event, weigh(event)) for event in events)

    def _unprocessed(self, item: Item) -> Event | None:
        """The event of what the processors did not see yet."""
        if item.raw is None or item.event is not None:
            return None if item.raw is None else item.event
        if isinstance(item.raw, Span):
            return self._exported(item.raw, "span_ended")
        return self._made(cast("PendingLog", item.raw))

    def _show_open(self, held: HeldTrace, spans: Sequence[Span], made: list[Weighed]) -> None:
        """Announce spans of a trace that goes on; none where they may be left out when they end."""
        if held.state is not State.GOES_ON or self._leaves_some_out:
            return
        events = [event for span in spans if (event := self._exported(span, "span_started")) is not None]
        made.extend((event, weigh(event)) for event in self._process(events) if event is not None)

    # ---------------------------------------------------------------- what is left out

    def _is_kept(self, held: HeldTrace, span: Span, event: Event | None) -> bool:
        """Whether a finished span is kept, which is noted for those that refer to it.

        One that something refers to which went on before is kept, whatever the filter says.
        """
        span_id = format_span_id(span._number)
        is_promised = span_id in held.promised
        held.promised.discard(span_id)
        if event is not None and (is_promised or not self._leaves_out(span, event)):
            return True
        held.leave_out(span_id, format_span_id(span._parent_number) if span._parent_number else None)
        if not span._parent_number:
            held.remote_parent_span_id = span._remote_parent_span_id
        return False

    def _leaves_out(self, span: Span, event: Event) -> bool:
        if span._type in self._excluded_types:
            return True
        if self._filter is None or not isinstance(event, TracingEvent):  # a processor can make another one
            return False
        try:
            return not self._filter(event.span)
        except BaseException as error:  # noqa: BLE001  # what passed here would take its neighbours with it
            if not self._has_failed:
                self._has_failed = True
                said = place_of(error)
                log.warning("`span_filter` raised %s; the span is kept. Further failures are not told.", said)
            return False

    def _placed(self, held: HeldTrace, event: Event, ended: Collection[str]) -> Event:
        """The event, referring to the nearest span that is kept; `ended` are those known to be."""
        if isinstance(event, TracingEvent):
            before = event.span.parent_span_id
            parent_id = self._referred_to(held, before, ended)
            if parent_id == before:
                return event
            span = msgspec.structs.replace(event.span, parent_span_id=parent_id)
            if parent_id is None:
                remote = held.remote_parent_span_id
                span = msgspec.structs.replace(span, remote_parent_span_id=remote)
            return msgspec.structs.replace(event, span=span)
        if isinstance(event, LogEvent):
            span_id = self._referred_to(held, event.log.span_id, ended)
            if span_id == event.log.span_id:
                return event
            return LogEvent(msgspec.structs.replace(event.log, span_id=span_id))
        if isinstance(event, ScoreEvent):
            span_id = self._referred_to(held, event.score.span_id, ended)
            return ScoreEvent(msgspec.structs.replace(event.score, span_id=span_id))
        if isinstance(event, FeedbackEvent):
            span_id = self._referred_to(held, event.feedback.span_id, ended)
            return FeedbackEvent(msgspec.structs.replace(event.feedback, span_id=span_id))
        return event

    @staticmethod
    def _referred_to(held: HeldTrace, span_id: str | None, ended: Collection[str]) -> str | None:
        """The nearest kept span; one that is still open is kept from now on."""
        kept_id = held.kept_id(span_id)
        if kept_id is not None and kept_id not in ended:
            held.promised.add(kept_id)
        return kept_id


def _signal_of(item: Item) -> Signal:
    if item.event is not None:
        return SIGNAL_OF[type(item.event)]
    return "spans" if isinstance(item.raw, Span) else "logs"
