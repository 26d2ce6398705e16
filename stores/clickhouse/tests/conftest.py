"""The contract's asserts tell what they compared."""

import pytest

pytest.register_assert_rewrite("mastra_core.testing.contracts")
