import os
import socket
import subprocess
import sys

import pytest

from mastra_core.signals.process import current_process, is_process_gone

pytestmark = pytest.mark.skipif(os.name != "posix", reason="processes are told apart on POSIX systems alone")

WAITING = (
    "from mastra_core.signals.process import current_process; print(current_process(), flush=True); input()"
)


@pytest.fixture
def child():
    """A process that waits, after having said its name."""
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-c", WAITING],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield process
        process.kill()


def test_this_process_is_not_gone():
    """Whoever asks is alive, and so is its parent's terminal session or test runner."""
    assert not is_process_gone(current_process())


def test_a_live_process_is_not_gone(child):
    """A span of a running child is running."""
    assert not is_process_gone(child.stdout.readline().strip())


def test_a_killed_process_is_gone(child):
    """Once a process was killed, its spans are known to be interrupted."""
    name = child.stdout.readline().strip()
    child.kill()
    child.wait()
    assert is_process_gone(name)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="births are told by Linux")
def test_a_killed_process_that_nobody_asked_after_is_gone(child):
    """A zombie runs nothing any more, though its number is still taken."""
    name = child.stdout.readline().strip()
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert is_process_gone(name)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="births are told by Linux")
def test_a_number_that_is_used_again_is_another_process():
    """The same number with another birth is not the process that was meant."""
    place, _, birth = current_process().rpartition("/")
    assert is_process_gone(f"{place}/{int(birth) - 1}")


def test_a_process_without_a_known_birth_counts_as_alive():
    """Where only the number is known, and somebody has it, nothing is certain."""
    assert not is_process_gone(f"{socket.gethostname()}/{os.getpid()}/")


def test_a_process_of_another_user_counts_as_alive():
    """A process that may not be signalled, like the first of the system, is there."""
    assert not is_process_gone(f"{socket.gethostname()}/1/")


def test_of_another_host_nothing_is_known():
    """A name from elsewhere is never called gone, whatever its number means here."""
    assert not is_process_gone(f"not-{socket.gethostname()}/{2**22 + 1}/1")


@pytest.mark.parametrize(
    "name",
    ["", "/", "//", "host", "nonsense/1", f"{socket.gethostname()}/x/1", f"{socket.gethostname()}/-1/1",
     f"{socket.gethostname()}/{10**30}/1", f"{socket.gethostname()}//"],
)  # fmt: skip
def test_a_name_that_cannot_be_read_counts_as_alive(name):
    """A damaged name proves nothing, and raises nothing."""
    assert not is_process_gone(name)


def test_a_number_that_nobody_has_is_gone():
    """A number beyond all that the system gives is nobody's."""
    assert is_process_gone(f"{socket.gethostname()}/{2**22 + 1}/1")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_has_its_own_name():
    """A name that was asked for before `fork` is not inherited."""
    program = """
import os
from mastra_core.signals.process import current_process

mine = current_process()
read, write = os.pipe()
child = os.fork()
if child == 0:
    os.write(write, current_process().encode())
    os._exit(0)
os.waitpid(child, 0)
its = os.read(read, 1000).decode()
print(mine.split("/")[1] == str(os.getpid()), its.split("/")[1] == str(child))
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["True", "True"]
