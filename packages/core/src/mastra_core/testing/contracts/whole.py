"""The contract of a store that keeps all signals: what no signal shows alone."""

from __future__ import annotations

import gc
import threading
from pathlib import Path
from typing import Any, ClassVar

from hypothesis.stateful import run_state_machine_as_test

from mastra_core.testing.contracts.config import MACHINE
from mastra_core.testing.contracts.golden_queries import read_traces, store_traces
from mastra_core.testing.contracts.machine import StoreMachine
from mastra_core.testing.contracts.whole_golden import GoldenQueries
from mastra_core.testing.contracts.whole_injections import Injections
from mastra_core.testing.fakes import fake_feedback, fake_score, fake_span


class StoreContract(GoldenQueries, Injections):
    """What every store of all signals must do, besides what the contract of each signal says."""

    def test_a_machine_of_all_steps_agrees_with_the_store_in_memory(self, store: Any) -> None:  # noqa: ANN401
        """Whatever is written, repeated, deleted, pruned and cleared in whatever order: the same answers."""

        class Machine(StoreMachine):
            def open(self) -> Any:  # noqa: ANN401
                return store

        run_state_machine_as_test(Machine, settings=MACHINE)

    def test_what_is_no_text_is_the_id_of_nothing(self, store: Any) -> None:  # noqa: ANN401
        """Such as the trace of a log outside a trace: it never means all rows there are."""
        store.write_spans([fake_span(0)])
        store.write_scores([fake_score(1)])
        store.write_feedback([fake_feedback(1)])
        for what in (None, 5, b"a"):
            assert (
                store.get_trace(what) == store.get_trace_structure(what) == store.get_branch(what, "a") == []
            )
            assert store.get_spans(fake_span(0).trace_id, [what]) == []
            found = [store.get_root_span(what), store.get_span(what, what), store.get_score(what)]
            found += [store.get_feedback(what), store.update_feedback_review(what, "reviewed")]
            assert found == [None] * 5
        assert store.list_feedback().items[0].review_status == fake_feedback(1).review_status
        assert len(store.get_trace(fake_span(0).trace_id)) == store.list_scores().total == 1

    def test_nothing_is_left_behind(self, tmp_path: Path) -> None:
        """A store that was used and closed holds no thread and no file; opening one again adds nothing."""
        self._use(tmp_path)  # what an engine keeps for the whole process it has from here on
        threads, files = set(threading.enumerate()), _open_files()
        for _ in range(3):
            self._use(tmp_path)
        left = set(threading.enumerate()) - threads
        for thread in left:
            thread.join(5)
        assert [thread for thread in left if thread.is_alive()] == []
        assert _open_files() <= files

    def _use(self, folder: Path) -> None:
        store = self.make_store(folder)
        store.clear()
        store_traces(store)
        assert store.list_traces().total == len(read_traces())
        readers = [threading.Thread(target=store.list_logs) for _ in range(3)]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join()
        store.close()
        gc.collect()


def _open_files() -> int:
    """How many files this process has open; 0 where the system does not tell.

    Without those of `/proc`: an engine that measures its own threads has some open for each, and how many
    threads its pool has at a moment is its own affair.
    """
    folder = Path("/proc/self/fd")
    return sum(not _target(link).startswith("/proc/") for link in folder.iterdir()) if folder.is_dir() else 0


def _target(link: Path) -> str:
    """Return what an open file is, or that it was closed meanwhile, as the look at the folder is."""
    try:
        return str(link.readlink())
    except OSError:
        return "/proc/closed"


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
