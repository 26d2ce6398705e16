"""What test files of stores hold on to: sharing a store, excuses, the number of examples."""

import pytest

from mastra_core.testing.contracts.config import examples_asked

pytest_plugins = ["pytester"]

OPENED = """
import pytest
from mastra_core.errors import StoreClosedError
from mastra_core.storage.memory import InMemoryStore
from mastra_core.testing import fake_span
from mastra_core.testing.contracts.base import StoreTests

folders = []
stores = []

class Tests(StoreTests):
    def make_store(self, folder):
        folders.append(folder)
        stores.append(InMemoryStore())
        return stores[-1]

    @pytest.mark.parametrize("number", [0, 1])
    def test_is_empty(self, store, number):
        assert store.list_traces().total == 0
        store.write_spans([fake_span(number)])

    def test_is_wrong(self, store):
        assert store.list_traces().total == 1

    def test_closes(self, store):
        store.close()

    def test_is_empty_again(self, store):
        assert store.list_traces().total == 0
"""


@pytest.fixture
def run(pytester):
    """Runs the tests of a file below those of `OPENED`, in this process."""

    def run(text):
        pytester.makepyfile(OPENED + text)
        return pytester.runpytest_inprocess(
            "-p", "no:cacheprovider", "-p", "no:asyncio", "-rx", "-k", "Mine or last"
        )

    return run


def test_a_class_may_share_one_store(run):
    """It is empty at each test, made anew after a test that closed it, and closed behind the last."""
    result = run("""
class TestMine(Tests):
    is_shared = True
    test_is_wrong = None

def test_last():
    assert len(stores) == 2 and len(set(folders)) == 1
    for store in stores:
        with pytest.raises(StoreClosedError):
            store.list_traces()
""")
    result.assert_outcomes(passed=5)


def test_without_sharing_each_test_has_its_own(run):
    """A store for each test, each in its own folder, closed behind the test."""
    result = run("""
class TestMine(Tests):
    test_is_wrong = None

def test_last():
    assert len(stores) == len(set(folders)) == 4
    for store in stores:
        with pytest.raises(StoreClosedError):
            store.list_traces()
""")
    result.assert_outcomes(passed=5)


def test_an_excused_test_is_expected_to_fail(run):
    """It runs, its failure is told with the reason, and the rest counts as before."""
    result = run("""
class TestMine(Tests):
    excuses = {"test_is_wrong": "cannot count"}
""")
    result.assert_outcomes(passed=4, xfailed=1)
    result.stdout.fnmatch_lines(["*test_is_wrong*cannot count*"])


def test_an_excuse_that_is_not_needed_fails(run):
    """A store that learnt to pass has to give its excuse back; of parameters one can be excused alone."""
    result = run("""
class TestMine(Tests):
    excuses = {"test_is_empty[1]": "thinks so", "test_is_wrong": "cannot count"}
""")
    result.assert_outcomes(passed=3, xfailed=1, failed=1)
    result.stdout.fnmatch_lines(["*XPASS(strict)*thinks so*"])


@pytest.mark.parametrize(
    ("excuses", "why"),
    [({"test_none": "x"}, "names 'test_none', which is no test"), ({"test_closes": " "}, "must say why")],
)
def test_an_excuse_names_a_test_and_a_reason(run, excuses, why):
    """Anything else is refused where the class is made, before any test runs."""
    result = run(f"""
class TestMine(Tests):
    excuses = {excuses!r}
""")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"*TypeError*{why}*"])


def test_the_number_of_examples_is_a_whole_number():
    """50 where nothing is said; anything but a number of at least one is refused by name."""
    assert (examples_asked(None), examples_asked("1"), examples_asked("20000")) == (10, 1, 20_000)
    for wrong in ("", "0x", "-1", "1.5", "²"):
        with pytest.raises(ValueError, match="`MASTRA_CONTRACT_EXAMPLES` must be a whole number"):
            examples_asked(wrong)
