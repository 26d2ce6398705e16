"""Which traces are kept. Decided once, at the root, for all that the trace will hold."""

from __future__ import annotations

from asyncio import CancelledError
from collections.abc import Callable, Mapping
from typing import Any

from mastra_core.runtime.sampling_config import SamplingConfig, SamplingRequest
from mastra_core.tracing.error_snapshot import place_of
from mastra_core.tracing.options import TracingOptions
from mastra_observability.drops import log

_RANDOM_BITS = 56


Sampler = Callable[
    [int, str, str, TracingOptions | None, Mapping[str, Any] | None, Mapping[str, Any] | None], bool
]
"""Takes trace id, name, kind, options, attributes and request context of a root; True keeps it."""


def make_sampler(config: SamplingConfig) -> Sampler | None:
    """The sampler of a configuration; None keeps every trace, at no cost."""
    if config.custom is not None:
        return _custom(config.custom)
    if config.ratio >= 1:
        return None
    return never if config.ratio <= 0 else _ratio(config.ratio)


def never(*_: object) -> bool:
    """Keep nothing."""
    return False


def _ratio(share: float) -> Sampler:
    """Keep a share of all traces, the same ones in every service that keeps the same share.

    Compares the 56 rightmost bits of the trace id, which W3C Trace Context level 2 promises to be
    random, with the share of their range.
    """
    bound = round(share * 2**_RANDOM_BITS)
    mask = 2**_RANDOM_BITS - 1

    def keep(trace_id: int, *_: object) -> bool:
        is_kept: bool = (trace_id & mask) < bound
        return is_kept

    return keep


def _custom(decide: Callable[[SamplingRequest], bool]) -> Sampler:
    """Ask the user's function; where it raises the trace is kept, which is told once."""
    has_failed = False

    def keep(_trace_id: int, name: str, span_type: str, *rest: Any) -> bool:  # noqa: ANN401  # as in Sampler
        options, attributes, request_context = rest
        nonlocal has_failed
        try:
            return bool(
                decide(SamplingRequest(name, span_type, options, attributes or {}, request_context or {}))
            )
        # A sampler must not break the program. It runs in the user's thread, so Ctrl+C and an exit pass.
        except (Exception, CancelledError) as error:  # noqa: BLE001
            if not has_failed:
                has_failed = True
                said = place_of(error)
                log.warning("The sampler raised %s; the trace is kept. Further failures are not told.", said)
            return True

    return keep
