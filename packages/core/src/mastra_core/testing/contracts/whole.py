"""The contract of a store that keeps all signals: what no signal shows alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from hypothesis.stateful import run_state_machine_as_test

from mastra_core.testing.contracts.config import MACHINE
from mastra_core.testing.contracts.machine import StoreMachine
from mastra_core.testing.contracts.whole_golden import GoldenQueries


class StoreContract(GoldenQueries):
    """What every store of all signals must do, besides what the contract of each signal says."""

    def test_a_machine_of_all_steps_agrees_with_the_store_in_memory(self, store: Any) -> None:  # noqa: ANN401
        """Whatever is written, repeated, deleted, pruned and cleared in whatever order: the same answers."""

        class Machine(StoreMachine):
            def open(self) -> Any:  # noqa: ANN401
                return store

        run_state_machine_as_test(Machine, settings=MACHINE)


class DurableStoreContract(StoreContract):
    """The same for stores whose data outlive them."""

    def test_a_machine_that_reopens_agrees_with_the_store_in_memory(self, tmp_path: Path) -> None:
        """The same steps, with the store closed and made again between any two of them."""
        make = self.make_store

        class Machine(StoreMachine):
            can_reopen: ClassVar[bool] = True

            def open(self) -> Any:  # noqa: ANN401
                return make(tmp_path)

            def teardown(self) -> None:
                self.store.close()

        run_state_machine_as_test(Machine, settings=MACHINE)
