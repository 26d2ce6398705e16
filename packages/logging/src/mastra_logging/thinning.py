"""Thinning of repeated lines: the first few a second of each message pass, then one in many.

What is held back is counted, and said in a line of its own once a second at most, when the next line
comes or at a flush: no timer runs for it. Lines are the same where level, logger and message are.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Final

from mastra_core.clock import Clock
from mastra_core.signals.log import LOG_LEVELS, LogLevel
from mastra_logging.config import ThinningConfig
from mastra_logging.line import LogLine

SUPPRESSED: Final = "repeated lines left out"
"""Message of the line that says how many there were: its fields are `suppressed` and `repeated_message`."""

_WINDOW_NS: Final = 1_000_000_000
_MAX_KEY_CHARS: Final = 500

_Key = tuple[str, str, str]


class _Seen:
    """A message in the present second."""

    __slots__ = ("began_ns", "count", "suppressed")

    def __init__(self, began_ns: int) -> None:
        self.began_ns = began_ns
        self.count = 0
        self.suppressed = 0


class Thinner:
    """Decides which lines pass. Safe to be used by several threads.

    Args:
        config: how many.
        clock: what time it is.
    """

    def __init__(self, config: ThinningConfig, clock: Clock) -> None:
        self._config = config
        self._now = clock
        self._up_to = LOG_LEVELS[config.up_to]
        self._seen: OrderedDict[_Key, _Seen] = OrderedDict()
        self._next_look_ns = 0
        self.renew_lock()

    def renew_lock(self) -> None:
        """In a forked child: the lock may be held by a thread that is not there."""
        self._lock = threading.Lock()

    def take(self, line: LogLine) -> list[LogLine]:
        """What is to be written now: counts of the seconds that are over, then the line if it passes."""
        with self._lock:
            now = self._now()
            lines = self._look(now)
            if self._admits(line, now, lines):
                lines.append(line)
        return lines

    def flush(self) -> list[LogLine]:
        """The counts that were not said yet."""
        with self._lock:
            now = self._now()
            lines = [_say(key, seen, now) for key, seen in self._seen.items() if seen.suppressed]
            for seen in self._seen.values():
                seen.suppressed = 0
        return lines

    def _admits(self, line: LogLine, now: int, lines: list[LogLine]) -> bool:
        if LOG_LEVELS.get(line.level, LogLevel.FATAL) > self._up_to:
            return True
        key = (line.level, line.logger, line.message[:_MAX_KEY_CHARS])
        seen = self._seen.get(key)
        if seen is None:
            if len(self._seen) >= self._config.max_messages:
                oldest, count = self._seen.popitem(last=False)
                if count.suppressed:
                    lines.append(_say(oldest, count, now))
            seen = self._seen[key] = _Seen(now)
        else:
            self._seen.move_to_end(key)
            if _is_over(seen, now):
                if seen.suppressed:
                    lines.append(_say(key, seen, now))
                seen.began_ns, seen.count, seen.suppressed = now, 0, 0
        seen.count += 1
        beyond = seen.count - self._config.first
        if beyond <= 0 or beyond % self._config.then_one_in == 0:
            return True
        seen.suppressed += 1
        return False

    def _look(self, now: int) -> list[LogLine]:
        """Once a second: say and forget the messages whose second is over."""
        if self._next_look_ns - _WINDOW_NS <= now < self._next_look_ns:
            return []
        self._next_look_ns = now + _WINDOW_NS
        over = [key for key, seen in self._seen.items() if _is_over(seen, now)]
        gone = [(key, self._seen.pop(key)) for key in over]
        return [_say(key, seen, now) for key, seen in gone if seen.suppressed]


def _is_over(seen: _Seen, now: int) -> bool:
    return not 0 <= now - seen.began_ns < _WINDOW_NS  # also where the clock was set back


def _say(key: _Key, seen: _Seen, now: int) -> LogLine:
    level, logger, message = key
    return LogLine(
        now, level, logger, SUPPRESSED, {"suppressed": seen.suppressed, "repeated_message": message}
    )
