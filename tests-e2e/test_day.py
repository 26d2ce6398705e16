"""The simulated day of `benchmarks/day.py`, ten seconds long; `hatch run day` is the hour."""

import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


@pytest.fixture(scope="module")
def day():
    """The program, imported."""
    sys.path.insert(0, str(BENCHMARKS))
    try:
        import day  # its folder is no package
    finally:
        sys.path.remove(str(BENCHMARKS))
    return day


def hours(day, **grown):
    """A day in which nothing grows, but for what is said: how much more of it there is in each hour."""
    usual = day.Hour(**{field.name: 100 for field in fields(day.Hour)})
    usual = replace(usual, queued=0, dropped=0, log_mb=60)
    return [
        replace(usual, **{name: 100 + more * number for name, more in grown.items()})
        for number in range(day.HOURS)
    ]


def test_a_day_in_which_nothing_grows_is_as_it_must_be(day):
    """What is the same in every hour is no fault."""
    assert day.faults_of(hours(day)) == []


@pytest.mark.one_python
@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("resident_mb", 5),
        ("objects", 500),
        ("open_spans", 20),
        ("file_mb", 10),
        ("log_mb", 5),
        ("open_files", 1),
        ("threads", 1),
    ],
)
def test_what_grows_by_the_hour_is_named(day, name, more):
    """A little more in each hour is much more after a day."""
    (fault,) = day.faults_of(hours(day, **{name: more}))
    assert fault.startswith(f"{name} grew from")


def test_what_is_lost_or_left_waiting_is_named(day):
    """What is lost also where it is one item, once."""
    lived = hours(day)
    lived[3] = replace(lived[3], dropped=1)
    lived[9] = replace(lived[9], queued=200)
    assert day.faults_of(lived) == ["hour 9 ended with 200 events queued", "hour 3 lost 1 items"]


@pytest.mark.one_python
@pytest.mark.timeout(240)
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read as Linux tells it")
def test_a_day_of_an_agent_service_leaves_nothing_behind():
    """All five signals, errors, bursts, retention and a spool: no memory, file, thread or object more."""
    asked = ["--minutes", "0.15", "--requests", "300", "--spool"]
    done = subprocess.run(
        [sys.executable, BENCHMARKS / "day.py", *asked],
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "nothing grew, and nothing was lost" in done.stdout
