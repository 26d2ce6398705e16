"""Labels kept few: a metric is as many series as there are different sets of labels.

What would make a series of every call is taken away from an observation, which is itself kept:

- labels whose key is blocked (`user_id`, `userId`, `USER-ID`), whose value looks like a UUID, is too
  long, or is no text and no number;
- further labels, where there are too many;
- all labels, where the metric has had so many different sets that its budget is spent. One set stands
  for all further ones: `overflow="true"`.

The first time a label is taken away for a reason is said in the log `mastra.observability`, later ones
are only counted. Runs on the bus's worker; memory is bounded, whatever labels a program makes up.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

from mastra_core.runtime.metrics_config import MetricsConfig
from mastra_core.signals.payload import clean_text
from mastra_observability.drops import log

OVERFLOW = {"overflow": "true"}
"""The labels of observations for which a metric has no room."""

MAX_SERIES = 100_000
"""Sets of labels that are remembered, of all metrics together."""

MAX_COUNTERS = 1_000
"""Labels and metrics that losses are counted for; those of further ones are counted together."""

_OTHERS = "…"
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\A[0-9a-f]{32}\Z", re.IGNORECASE)
_UUID_CHARS = 32
_NO_WORD = re.compile(r"[\W_]+")

_REASONS = {
    "blocked": "its key is blocked (`blocked_labels`)",
    "uuid": "its value looks like a UUID (`block_uuids`)",
    "too_long": "its value is longer than `max_label_value_chars`",
    "too_many": "there are more than `max_labels`",
    "not_text": "a label must be a text by a text (numbers and booleans become texts)",
}


class LabelGuard:
    """Takes away labels that would make too many series, and counts them.

    Args:
        config: what is too many.
    """

    def __init__(self, config: MetricsConfig) -> None:
        self._config = config
        self._blocked = frozenset(map(_bare, config.blocked_labels))
        self._is_blocked: dict[str, bool] = {}
        self._series: dict[str, set[int]] = {}
        self._series_count = 0
        self._removed = Counter[tuple[str, str]]()
        self._overflowed = Counter[str]()

    def apply(self, metric: str, labels: Mapping[Any, object]) -> dict[str, str]:
        """The labels that are kept, as texts."""
        kept: dict[str, str] = {}
        for key, value in labels.items():
            text = value if type(value) is str else _text_of(value)
            if text is None or not isinstance(key, str) or not key:
                self._remove(metric, key, "not_text")
            elif reason := self._reason_against(key, text):
                self._remove(metric, key, reason)
            elif len(kept) >= self._config.max_labels:
                self._remove(metric, key, "too_many")
            else:
                kept[clean_text(str.__str__(key))] = clean_text(text)
        return kept if not kept or self._has_room(metric, kept) else dict(OVERFLOW)

    def stats(self) -> dict[str, object]:
        """What was taken away, by label and reason; and of which metrics all labels, how often."""
        return {
            "removed": [
                {"label": label, "reason": reason, "count": count}
                for (label, reason), count in list(self._removed.items())
            ],
            "overflowed": dict(self._overflowed),
            "series": {name: len(sets) for name, sets in list(self._series.items())},
        }

    def reset_after_fork(self) -> None:
        """In a forked child: what was taken away before is the parent's to tell."""
        self._removed.clear()
        self._overflowed.clear()

    def _reason_against(self, key: str, text: str) -> str | None:
        is_blocked = self._is_blocked.get(key)
        if is_blocked is None:
            is_blocked = _bare(key) in self._blocked
            if len(self._is_blocked) < MAX_COUNTERS:
                self._is_blocked[key] = is_blocked
        if is_blocked:
            return "blocked"
        if len(text) > self._config.max_label_value_chars:
            return "too_long"
        if len(text) >= _UUID_CHARS and self._config.block_uuids and _UUID.search(text):
            return "uuid"
        return None

    def _has_room(self, metric: str, labels: dict[str, str]) -> bool:
        """Whether the set is a known one, or there is room for one more."""
        known = self._series.get(metric)
        # Of sets only the hashes: 64 bits, of which two are hardly ever the same among thousands.
        mark = hash(frozenset(labels.items()))
        if known is not None and mark in known:
            return True
        is_full = known is not None and len(known) >= self._config.max_series_per_metric
        if is_full or self._series_count >= MAX_SERIES:
            self._overflow(metric)
            return False
        if known is None:
            known = self._series[metric] = set()
        known.add(mark)
        self._series_count += 1
        return True

    def _overflow(self, metric: str) -> None:
        name = metric if metric in self._overflowed or len(self._overflowed) < MAX_COUNTERS else _OTHERS
        self._overflowed[name] += 1
        if self._overflowed[name] == 1:
            log.warning(
                "Metric %r has %d different sets of labels; `max_series_per_metric` and the room for all "
                "metrics allow no more. Observations with further ones are kept with the label "
                'overflow="true". How many is counted in `stats()["labels"]`.',
                metric,
                len(self._series.get(metric, ())),
            )

    def _remove(self, metric: str, key: object, reason: str) -> None:
        label = clean_text(key)[:100] if isinstance(key, str) else repr(type(key))
        counted = (label, reason)
        if counted not in self._removed and len(self._removed) >= MAX_COUNTERS:
            counted = (_OTHERS, reason)
        self._removed[counted] += 1
        if self._removed[counted] == 1:
            log.warning(
                "Label %r is taken away from metric %r, which is kept: %s. "
                'Further ones are only counted, in `stats()["labels"]`.',
                label,
                metric,
                _REASONS[reason],
            )


def _bare(key: str) -> str:
    """A key without case, dashes and the like."""
    return _NO_WORD.sub("", key).lower()


def _text_of(value: object) -> str | None:
    """The text of a scalar, None where it is none."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int.__repr__(value) if value.bit_length() < 128 else None
    return float.__repr__(value) if isinstance(value, float) else None
