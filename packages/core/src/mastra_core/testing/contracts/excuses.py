"""What a store's test file says it cannot do: opt-outs with a reason, applied as strict `xfail`.

    class TestSpans(SpanStoreContract):
        excuses = {"test_l2_a_reader_sees_a_batch_whole_or_not_at_all": "no transactions; issue 12"}

The contract believes no store's word about itself, so an excuse stands in the test file, where a
reviewer sees it. An excused test runs; where it passes it fails, so that no excuse outlives its reason.
"""

from __future__ import annotations

from collections.abc import Mapping

import pytest


def check_excuses(tests: type, excuses: Mapping[str, str]) -> None:
    """Refuse excuses for tests that do not exist, and those without a reason.

    Raises:
        TypeError: says which, when the class is made.
    """
    for name, reason in excuses.items():
        if not callable(getattr(tests, name.partition("[")[0], None)):
            raise TypeError(f"`{tests.__name__}.excuses` names {name!r}, which is no test of it")
        if not reason.strip():
            raise TypeError(f"`{tests.__name__}.excuses` must say why {name!r} cannot pass")


def apply_excuse(request: pytest.FixtureRequest, excuses: Mapping[str, str]) -> None:
    """Expect the test to fail where its class excuses it."""
    whole = request.node.name
    reason = excuses.get(whole) or excuses.get(whole.partition("[")[0])
    if reason is not None:
        request.applymarker(pytest.mark.xfail(reason=reason, strict=True))
