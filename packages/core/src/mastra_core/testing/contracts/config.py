"""How much the contract tries; said in the environment, once for all stores.

    variable                    meaning                                                   default
    MASTRA_CONTRACT_EXAMPLES    examples that each property of agreement draws            10
    MASTRA_CONTRACT_SEEDED      1 for the same examples at every run, 0 for others        as Hypothesis

`.ci/run` asks for 200 on the main Python and for 10 on the others, of ClickHouse for 10 and 2, and
`hatch run contract-nightly` for 20 000 of each property. Properties that are no agreement draw at
most 20, those that open files or write everything twice at most 8: they state one law each, and what
they could find the agreement finds as well.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

_EXAMPLES = "MASTRA_CONTRACT_EXAMPLES"
_SEEDED = "MASTRA_CONTRACT_SEEDED"


def examples_asked(text: str | None) -> int:
    """The number of a variable's text; 10 where it is not set.

    Raises:
        ValueError: it is no whole number of at least one.
    """
    if text is None:
        return 10
    if not (text.isascii() and text.isdigit() and int(text)):
        raise ValueError(f"`{_EXAMPLES}` must be a whole number of at least 1, got {text!r}")
    return int(text)


def _base() -> settings:
    # The store of a test is cleared before each example, and each store's tests run the same functions.
    # How long it takes to draw says something of the machine, which may be busy with other things.
    checks = [HealthCheck.function_scoped_fixture, HealthCheck.differing_executors, HealthCheck.too_slow]
    plain = settings(deadline=None, suppress_health_check=checks, print_blob=True)
    seeded = os.environ.get(_SEEDED)
    return plain if seeded is None else settings(plain, derandomize=seeded == "1")


_MOST = examples_asked(os.environ.get(_EXAMPLES))

AGREEMENT = settings(_base(), max_examples=_MOST)
"""Of properties that compare any data and any questions with the store in memory."""

PROPERTY = settings(AGREEMENT, max_examples=min(20, _MOST))
"""Of properties that state one law."""

COSTLY = settings(AGREEMENT, max_examples=min(8, _MOST))
"""Of properties whose examples open files."""

MACHINE = settings(AGREEMENT, max_examples=max(1, _MOST // 10), stateful_step_count=12)
"""Of state machines, an example of which is a dozen steps that are each looked at."""
