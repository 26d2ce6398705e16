"""From a live span to its exported form; on a worker.

Merges the pieces of JSON that the caller left, formats the error, lifts the columns that people
filter and sum by, and applies the payload limits.
"""

# The live span and what makes and takes it are one mechanism in two packages.
# pyright: reportPrivateUsage=false

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from mastra_core.ids import format_span_id
from mastra_core.signals.attributes import SPAN_TYPES, SpanStatus, SpanType
from mastra_core.signals.payload import Json, clean_text, encode
from mastra_core.signals.process import current_process
from mastra_core.signals.span import SpanExported
from mastra_core.tracing.span import Span
from mastra_observability.metrics.cost import CostEstimator
from mastra_observability.metrics.tokens import Tokens, as_number, read_tokens
from mastra_observability.processors.limits import PayloadLimiter


class _ModelAttributes(msgspec.Struct):
    """What columns are made of, and costs; of any type, because a user may say what he likes."""

    model: Any = None
    provider: Any = None
    estimated_cost_usd: Any = None
    usage: Any = None


_NO_MODEL = _ModelAttributes()
_NO_TOKENS = Tokens()
_decode_model = msgspec.json.Decoder(_ModelAttributes).decode
_decode_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode

_READ_LATER = frozenset(
    {
        "attempt",
        "estimated_cost_usd",
        "input_cost_usd",
        "model",
        "output_cost_usd",
        "provider",
        "retries",
        "step_count",
        "time_to_first_token_ms",
        "usage",
    }
)
"""Attributes that metrics are made of: a large neighbour must not cost them their place."""

_READ_LATER_BYTES = 4_096

_MAX_KNOWN = 1_024
_MAX_KNOWN_CHARS = 256
"""So many names are remembered as they were cleaned, and none longer."""

# Plain texts: the value of an enumeration costs 150 ns to look up, comparing with its member 60.
_GENERIC = SpanType.GENERIC.value
_GENERATION = SpanType.MODEL_GENERATION.value
_MODEL_SPANS = {_GENERATION, SpanType.MODEL_STEP.value}
_RUNNING = SpanStatus.RUNNING.value
_SUCCESS = SpanStatus.SUCCESS.value


class SpanSnapshot:
    """Turns spans into their exported form.

    Args:
        limiter: cuts payloads that are too large.
        costs: prices the tokens of models.
    """

    def __init__(self, limiter: PayloadLimiter, costs: CostEstimator | None = None) -> None:
        self._limit = limiter.apply
        self._cut_text = limiter.cut_text
        self._costs = costs or CostEstimator(None)
        # Spans have few names and come with their siblings.
        self._clean_names: dict[str, str] = {}
        self._parent: tuple[int, str | None] = (0, None)

    def __call__(self, span: Span) -> SpanExported:
        """The exported form of an ended span, or of one that is still open."""
        limit = self._limit
        trace = span._trace
        attributes = span._attributes
        if attributes is not None and (type(attributes) is not bytes or attributes[:1] != b"{"):
            attributes = merge(attributes)
        span_type = span._type
        if span_type not in SPAN_TYPES:
            # A kind of a user's own: stored as generic, its name kept.
            attributes = merge([encode({"span_type": str(span_type)})], (attributes,) if attributes else None)
            span_type = _GENERIC
        metadata = span._metadata
        if metadata is not None or trace.metadata is not None:
            metadata = merge(metadata, trace.metadata)
        error = span._error
        model = _NO_MODEL
        if attributes is not None and span_type in _MODEL_SPANS:
            model = _decode_model(attributes)
            if span._ended_at_ns:
                attributes = self._priced(span, attributes, model)
        # The tokens of a generation are those of its steps together. Only the generation has them
        # in columns of their own, so that a sum over the column is right.
        is_generation = span_type == _GENERATION
        tokens = read_tokens(model.usage) if is_generation else _NO_TOKENS
        started_at_ns, ended_at_ns = span._started_at_ns, span._ended_at_ns or None
        if ended_at_ns is not None and ended_at_ns < started_at_ns:
            ended_at_ns = started_at_ns  # a clock that was set back does not make a span end before it began
        if span._status is not None:
            status = span._status.value
        else:
            status = _RUNNING if ended_at_ns is None else _SUCCESS
        payload_in, payload_out = span._input, span._output
        name, parent = span._name, self._parent
        clean_name = self._clean_names.get(name) if type(name) is str else None
        parent_number = span._parent_number
        if parent[0] != parent_number:
            parent = self._parent = (parent_number, format_span_id(parent_number) if parent_number else None)
        return SpanExported(
            trace.trace_id,
            format_span_id(span._number),
            parent[1],
            self._clean_name(name) if clean_name is None else clean_name,
            str(span_type),
            span._is_event,
            started_at_ns,
            ended_at_ns,
            status,
            None if error is None else Json(limit(encode(error.describe()))),
            None if error is None else error.message,
            None if payload_in is None else Json(limit(payload_in)),
            None if payload_out is None else Json(limit(payload_out)),
            None if attributes is None else Json(self._limited(attributes)),
            None if span._links is None else Json(span._links),
            None,
            None if metadata is None else Json(limit(metadata)),
            span._remote_parent_span_id,
            _text(model.model),
            _text(model.provider),
            tokens.input_tokens,
            tokens.output_tokens,
            as_number(model.estimated_cost_usd) if is_generation else None,
            current_process() if ended_at_ns is None else None,
            span._correlation,
        )

    def _clean_name(self, name: object) -> str:
        clean = self._cut_text(clean_text(str(name)))
        if type(name) is str and len(name) <= _MAX_KNOWN_CHARS:
            if len(self._clean_names) >= _MAX_KNOWN:
                self._clean_names = {}
            self._clean_names[name] = clean
        return clean

    def _priced(self, span: Span, attributes: bytes, model: _ModelAttributes) -> bytes:
        """The attributes of a model span that ended, with what it cost, as `model` has it then, too."""
        added = self._costs.added(
            msgspec.structs.asdict(model),
            number=span._number,
            parent_number=span._parent_number,
            is_generation=span._type == SpanType.MODEL_GENERATION,
            at_ns=span._ended_at_ns,
        )
        if not added:
            return attributes
        model.estimated_cost_usd = added.get("estimated_cost_usd", model.estimated_cost_usd)
        return merge([encode(added)], (attributes,)) or attributes

    def _limited(self, attributes: bytes) -> bytes:
        """The attributes as they are, or cut, but for what is read later."""
        limited = self._limit(attributes)
        if limited is attributes:
            return attributes
        small = {
            name: value
            for name, value in _decode_object(attributes).items()
            if name in _READ_LATER and len(memoryview(value)) <= _READ_LATER_BYTES
        }
        return msgspec.json.encode({**_decode_object(limited), **small}) if small else limited


def merge(pieces: bytes | list[bytes] | None, base: Sequence[bytes] | None = None) -> bytes | None:
    """One JSON object of several; of a key that occurs twice the later piece wins."""
    if base is None and (pieces is None or isinstance(pieces, bytes)):
        return None if pieces is None else as_object(pieces)
    own = [] if pieces is None else [pieces] if isinstance(pieces, bytes) else list(pieces)
    merged: dict[str, msgspec.Raw] = {}
    for piece in (*(base or ()), *own):
        merged.update(_decode_object(as_object(piece)))
    return msgspec.json.encode(merged)


def as_object(piece: bytes) -> bytes:
    """Attributes and metadata are objects, whatever a user passed for one."""
    return piece if piece.startswith(b"{") else b'{"value":' + piece + b"}"


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
