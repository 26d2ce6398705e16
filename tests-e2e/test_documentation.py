"""What the documentation shows is what happens: its programs run and print what stands below them."""

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = sorted(
    page
    for page in [ROOT / "README.md", *ROOT.glob("docs/*.md"), *ROOT.glob("*/*/README.md")]
    if not any(part.startswith(".") for part in page.relative_to(ROOT).parts)
)
BLOCK = re.compile(r"^```(?P<kind>\w+)[^\n]*\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass
class Example:
    """A program in a page, and what the page says it prints; None where it says nothing."""

    page: Path
    number: int
    program: str
    output: str | None

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}#{self.number}"


def examples_of(page: Path) -> list[Example]:
    """The Python programs of a page; a `text` block right behind one is its output."""
    text = page.read_text()
    blocks = list(BLOCK.finditer(text))
    found = []
    for number, block in enumerate(blocks):
        if block["kind"] != "python":
            continue
        following = blocks[number + 1] if number + 1 < len(blocks) else None
        is_output = (
            following is not None
            and following["kind"] == "text"
            and not text[block.end() : following.start()].strip()
        )
        found.append(Example(page, number, block["text"], following["text"] if is_output else None))
    return found


def normalised(output: str) -> str:
    """Output without what differs from run to run: durations, times, ids, and the width they take."""
    output = re.sub(r"\b[0-9a-f]{32}\b", "<trace>", output)
    output = re.sub(r"\b[0-9a-f]{16}\b", "<span>", output)
    output = re.sub(r"trace=[0-9a-f]{8}\b", "trace=<trace>", output)
    output = re.sub(r"\d+(\.\d+)? ?(ms|µs|s)\b", "<duration>", output)
    output = re.sub(r"(_ms\"?[=:])[\d.]+(e-\d+)?", r"\1<duration>", output)
    output = re.sub(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?", "<time>", output)
    output = re.sub(r"\d\d:\d\d:\d\d(\.\d+)?", "<time>", output)
    output = re.sub(r"[─━]{3,}", "───", output)
    # From 3.13 on Python knows the code of a program that was given on the command line.
    output = re.sub(r"(<string>:\d+ in \S+): .*", r"\1", output)
    return "\n".join(re.sub(r" {2,}(?=\S)(?!^)", " ", line.rstrip()) for line in output.strip().splitlines())


@pytest.mark.parametrize("example", [e for page in PAGES for e in examples_of(page)], ids=str)
def test_an_example_runs_and_prints_what_the_page_says(example, tmp_path):
    """Every Python block of a README is a program; what it prints stands below it."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", example.program],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    if example.output is None:
        assert done.stdout == "", "an example that prints something should show what"
    else:
        assert normalised(done.stdout) == normalised(example.output)


def test_every_package_has_an_example():
    """Each README of a package begins with a program that a reader can run."""
    assert len(PAGES) >= 4
    assert all(examples_of(page) for page in PAGES)


def test_the_demo_prints_the_transcript_that_is_shown(tmp_path):
    """The lines of the first page's transcript are the demo's, in their order; `…` stands for more."""
    page = (ROOT / "README.md").read_text()
    shown = next(block["text"] for block in BLOCK.finditer(page) if "Summarising" in block["text"])
    done = subprocess.run(
        [sys.executable, ROOT / "examples" / "critique_revise"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    printed = iter(without_numbers(done.stdout).splitlines())
    for line in without_numbers(shown).splitlines():
        if line.strip(" │") not in {"", "…"}:
            assert line in printed, f"the demo does not print, or not in this place: {line}"
    assert (tmp_path / "demo.duckdb").exists()


def without_numbers(output: str) -> str:
    """Output without what the text that is summarised, and the machine, have a say in."""
    output = re.sub(r"\b[0-9a-f]{32}\b", "<trace>", output)
    output = re.sub(r"\btrace=[0-9a-f]{8}\b", "<trace>", output)
    output = re.sub(r"\d+(\.\d+)? (ms|µs|s)\b", "<duration>", output)
    return "\n".join(
        re.sub(r" {2,}(?=\S)(?!^)", " ", re.sub(r"\d+(\.\d+)?", "N", line)).rstrip()
        for line in output.splitlines()
    )
