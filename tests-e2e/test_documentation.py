"""What the documentation shows is what happens: its programs run and print what stands below them."""

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

pytestmark = pytest.mark.one_python  # it is about the pages; what they call has tests on every Python

ROOT = Path(__file__).parent.parent
RUNNER = Path(__file__).parent / "forking_runner.py"
PAGES = sorted(
    page
    for page in [ROOT / "README.md", *ROOT.glob("docs/*.md"), *ROOT.glob("*/*/README.md")]
    if not any(part.startswith(".") for part in page.relative_to(ROOT).parts)
)
BLOCK = re.compile(
    r"^```(?P<kind>\w+)(?: title=\"(?P<title>[^\"]+)\")?\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
COMMAND = re.compile(r"^\$ python (?P<arguments>.*\.py)\n(?P<output>[^$]*)", re.MULTILINE)
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
LINK = re.compile(r"\]\((?P<file>[^)\s#:]*)(?:#(?P<anchor>[^)\s]+))?\)")


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
    """The Python programs of a page; a `text` block right behind one is its output.

    Those with a title are files of a story, see below.
    """
    text = page.read_text()
    blocks = list(BLOCK.finditer(text))
    found = []
    for number, block in enumerate(blocks):
        if block["kind"] != "python" or block["title"]:
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
    return "\n".join(re.sub(r" {2,}(?=\S)(?!^)", " ", line.rstrip()) for line in output.strip().splitlines())


@pytest.fixture(scope="session")
def runner():
    """A process that runs programs, and fails on warnings."""
    with subprocess.Popen(
        [sys.executable, "-W", "error", RUNNER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process
        process.stdin.close()


@pytest.mark.parametrize("example", [e for page in PAGES for e in examples_of(page)], ids=str)
def test_an_example_runs_and_prints_what_the_page_says(example, runner, tmp_path):
    """Every Python block of a page is a program; what it prints stands below it."""
    (tmp_path / "work").mkdir()
    (tmp_path / "program.py").write_text(example.program)
    print(json.dumps(str(tmp_path)), file=runner.stdin, flush=True)
    code = runner.stdout.readline()
    printed, errors = (tmp_path / "stdout").read_text(), (tmp_path / "stderr").read_text()
    assert (code, errors) == ("0\n", "")
    if example.output is None:
        assert printed == "", "an example that prints something should show what"
    else:
        assert normalised(printed) == normalised(example.output)


@pytest.mark.parametrize(
    "page", [page for page in PAGES if 'python title="' in page.read_text()], ids=lambda page: page.stem
)
def test_a_story_runs_as_a_reader_would_run_it(page, tmp_path):
    """Blocks with a title are files; the page's commands run them in turn, and print what it shows."""
    commands = 0
    without_pytest = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    for block in BLOCK.finditer(page.read_text()):
        if block["title"]:
            (tmp_path / block["title"]).write_text(block["text"])
        elif block["kind"] == "console":
            for command in COMMAND.finditer(block["text"]):
                done = subprocess.run(
                    [sys.executable, *command["arguments"].split()],
                    cwd=tmp_path,
                    # A reader's pytest has not the plugins of ours.
                    env={**without_pytest, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
                    capture_output=True,
                    text=True,
                    timeout=120,
                    check=False,
                )
                assert (done.returncode, done.stderr) == (0, "")
                assert normalised(done.stdout) == normalised(command["output"])
                commands += 1
    assert commands == len(list(tmp_path.glob("*.py"))), "a file of the story is never run"


def test_every_package_has_an_example():
    """Each README begins with a program that a reader can run."""
    readmes = [page for page in PAGES if page.name == "README.md"]
    assert len(readmes) >= 6
    assert all(examples_of(page) for page in readmes)


def anchors_of(page: Path) -> set[str]:
    """What a link may name behind `#`: the headings, in small letters and without marks."""
    headings = HEADING.findall(BLOCK.sub("", page.read_text()))
    return {re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page):
    """A link to a file of the repository finds the file, and the heading where it names one.

    The names in the reference are known to the site alone, whose build looks at them.
    """
    for link in LINK.finditer(BLOCK.sub("", page.read_text())):
        target = (page.parent / link["file"]).resolve() if link["file"] else page
        assert target.exists(), f"{link[0]} leads nowhere"
        if link["anchor"] and target.parent.name != "reference":
            assert link["anchor"] in anchors_of(target), f"{link[0]}: there is no such heading"


def test_the_demo_prints_the_transcript_that_is_shown(tmp_path):
    """The lines of the first page's transcript are the demo's, in their order; `…` stands for more."""
    page = (ROOT / "README.md").read_text()
    shown = next(block["text"] for block in BLOCK.finditer(page) if "Summarising" in block["text"])
    done = subprocess.run(
        [sys.executable, ROOT / "examples" / "critique_revise"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
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
