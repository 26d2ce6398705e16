"""Errors that leave a span whose values are hidden."""

from __future__ import annotations

from mastra_core.signals.hidden_words import Hides, mark


def hide_words(error: BaseException, span: Hides) -> None:
    """Mark an error that leaves a span, and what it was raised from, if the span hides inputs or outputs."""
    if span.hides_input or span.hides_output:
        mark(error)
