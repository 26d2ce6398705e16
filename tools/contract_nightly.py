"""Compare every store with the one in memory on many more examples than CI has time for.

    hatch run contract-nightly                           20 000 examples of each property, some hours
    hatch run contract-nightly --examples 500            a look at whether it runs
    hatch run contract-nightly -k "agrees and Spans"     some of the properties, as pytest selects

Each property is drawn in rounds, each round in a process of its own with a seed that is printed, and
every round tells when it is done: Hypothesis remembers all that it drew, and slows down with it. A
difference prints the smallest example that shows it. To pin one, give the property that example with
`@example(…)`, or better: make it a row of the golden queries.
"""

import argparse
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass

from workspace import ROOT

PROPERTIES = "(agree or machine) and not InFile"
"""What is drawn at random without end; a store in a file and in memory is the same engine."""


class NightlyError(Exception):
    """There is nothing to run."""


@dataclass(frozen=True)
class Round:
    """Some examples of one property.

    Attributes:
        test: its id, as pytest prints it.
        examples: how many.
        seed: of the random numbers.
    """

    test: str
    examples: int
    seed: int

    @property
    def name(self) -> str:
        """The class and the test."""
        return self.test.partition("::")[2]


@dataclass(frozen=True)
class Result:
    """What a round found; `output` is what pytest printed."""

    round: Round
    is_right: bool
    seconds: float
    output: str


def find_files() -> list[str]:
    """The contract's test files of all stores."""
    paths = ROOT.glob("stores/*/tests/test_contract*.py")
    found = sorted(path.relative_to(ROOT).as_posix() for path in paths)
    if not found:
        raise NightlyError("there is no stores/*/tests/test_contract*.py")
    return found


def pytest_command() -> list[str]:
    """What runs pytest quietly from the root."""
    return [sys.executable, "-m", "pytest", "-q", "--rootdir", str(ROOT), "-p", "no:cacheprovider"]


def find_tests(files: Sequence[str], selection: str) -> list[str]:
    """The ids of the properties that a selection means."""
    command = [*pytest_command(), "--collect-only", "-k", selection, *files]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    tests = [line for line in done.stdout.splitlines() if "::" in line]
    if done.returncode or not tests:
        said = done.stdout + done.stderr
        raise NightlyError(f"no test matches {selection!r} in {', '.join(files)}:\n{said}")
    return tests


def rounds(tests: Sequence[str], examples: int, most: int) -> Iterator[Round]:
    """All rounds, those of one property far from each other, so that a difference shows early."""
    for start in range(0, examples, most):
        for test in tests:
            yield Round(test, min(most, examples - start), secrets.randbelow(2**32))


def run_round(one: Round) -> Result:
    """Draw the examples of a round in a process of its own."""
    began = time.monotonic()
    environment = os.environ | {
        "MASTRA_CONTRACT_EXAMPLES": str(one.examples),
        "MASTRA_CONTRACT_SEEDED": "0",
    }
    done = subprocess.run(
        [*pytest_command(), "-o", "timeout=0", f"--hypothesis-seed={one.seed}", one.test],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return Result(one, done.returncode == 0, time.monotonic() - began, done.stdout)


def tell(result: Result, done: int, total: int, began: float) -> None:
    """One line about a round, and all that it printed where it found something."""
    left_s = (time.monotonic() - began) / done * (total - done)
    one = result.round
    outcome = "no difference" if result.is_right else "A DIFFERENCE"
    print(
        f"[{done}/{total}] {one.name}: {one.examples} examples, {outcome}, {result.seconds:.0f} s, "
        f"seed {one.seed}; about {left_s / 60:.0f} min left",
        flush=True,
    )
    if not result.is_right:
        print(result.output, flush=True)


def run(asked: argparse.Namespace) -> int:
    """Run all rounds; the number of those that found a difference."""
    todo = list(rounds(find_tests(asked.files or find_files(), asked.k), asked.examples, asked.round))
    began = time.monotonic()
    found = 0
    with ThreadPoolExecutor(asked.workers) as pool:
        running = [pool.submit(run_round, one) for one in todo]
        for done, future in enumerate(as_completed(running), 1):
            result = future.result()
            found += not result.is_right
            tell(result, done, len(todo), began)
    drawn = sum(one.examples for one in todo)
    took = f"{time.monotonic() - began:.0f} s"
    print(f"{drawn} examples, {found} of {len(todo)} rounds with a difference, {took}")
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the command line asks for; 1 where there is a difference."""
    as_it_is = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=as_it_is)
    parser.add_argument("files", nargs="*", help="test files; the contracts of all stores if not given")
    parser.add_argument("-k", default=PROPERTIES, help=f"which properties; {PROPERTIES!r} if not given")
    parser.add_argument("--examples", type=int, default=20_000, help="of each property (%(default)s)")
    parser.add_argument("--round", type=int, default=1_000, help="examples in one process (%(default)s)")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes (%(default)s)")
    try:
        return 1 if run(parser.parse_args(arguments)) else 0
    except NightlyError as error:
        print(f"contract-nightly: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
