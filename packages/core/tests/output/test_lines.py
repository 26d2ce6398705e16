"""Sinks of lines: nothing is split, nothing is held back, and what fails is known to the line."""

import errno
import io
import os
import pathlib
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mastra_core.output.lines import LinesLostError, RotatingFile, StreamSink

LINES = st.lists(st.binary(max_size=30).map(lambda text: text.replace(b"\n", b"") + b"\n"), max_size=12)
BATCHES = st.lists(LINES.filter(bool), max_size=6)


def _read_all(path, backups):
    """The lines of the backups, the oldest first, and of the file."""
    files = [path.with_name(f"{path.name}.{number}") for number in range(backups, 0, -1)]
    return [file.read_bytes() for file in [*files, path] if file.exists()]


@pytest.fixture
def path(tmp_path):
    """A file that is not there yet."""
    return tmp_path / "events.jsonl"


# ---------------------------------------------------------------- files


@given(batches=BATCHES, max_bytes=st.none() | st.integers(1, 100))
@settings(deadline=None, max_examples=60)
def test_no_line_is_lost_split_or_moved_by_rotation(tmp_path_factory, batches, max_bytes):
    """Backups and file together hold every line once, in order, and none is spread over two."""
    path = tmp_path_factory.mktemp("lines") / "events.jsonl"
    file = RotatingFile(path, max_bytes, backups=1000)
    for batch in batches:
        file.write(b"".join(batch))
    file.close()
    contents = _read_all(path, 1000)
    assert b"".join(contents) == b"".join(line for batch in batches for line in batch)
    assert all(content.endswith(b"\n") for content in contents if content)
    if max_bytes is not None:
        assert all(len(content) <= max_bytes or content.count(b"\n") == 1 for content in contents)


def test_a_file_is_filled_before_it_is_rotated(path):
    """Rotation comes when the next line would not fit, neither earlier nor later."""
    file = RotatingFile(path, max_bytes=8, backups=3)
    file.write(b"abc\ndef\nghi\n")
    file.write(b"jkl\n")
    file.close()
    assert _read_all(path, 3) == [b"abc\ndef\n", b"ghi\njkl\n"]


def test_a_line_that_is_too_large_gets_a_file_of_its_own(path):
    """It is neither cut nor dropped."""
    file = RotatingFile(path, max_bytes=5, backups=5)
    file.write(b"ab\n" + b"x" * 50 + b"\n" + b"cd\n")
    file.close()
    assert _read_all(path, 5) == [b"ab\n", b"x" * 50 + b"\n", b"cd\n"]


def test_the_oldest_backup_goes(path):
    """As many backups are kept as were asked for, the newest being number one."""
    file = RotatingFile(path, max_bytes=2, backups=2)
    for letter in b"abcde":
        file.write(bytes([letter]) + b"\n")
    file.close()
    assert [name.name for name in sorted(path.parent.iterdir())] == [
        "events.jsonl",
        "events.jsonl.1",
        "events.jsonl.2",
    ]
    assert _read_all(path, 2) == [b"c\n", b"d\n", b"e\n"]


def test_without_backups_the_file_starts_over(path):
    """Nothing but the newest lines is kept."""
    file = RotatingFile(path, max_bytes=4, backups=0)
    file.write(b"a\nb\nc\n")
    file.close()
    assert _read_all(path, 1) == [b"c\n"]


def test_what_was_there_stays(path):
    """An existing file is appended to, and counts towards the limit."""
    path.write_bytes(b"old\n")
    file = RotatingFile(path, max_bytes=8, backups=1)
    file.write(b"new\n")
    assert path.read_bytes() == b"old\nnew\n"
    file.write(b"x\n")
    file.close()
    assert _read_all(path, 1) == [b"old\nnew\n", b"x\n"]


def test_a_line_that_somebody_left_unfinished_is_ended_first(path):
    """What another program broke off is one bad line, and not the beginning of a good one."""
    path.write_bytes(b'{"broken":')
    file = RotatingFile(path)
    file.write(b"good\n")
    file.close()
    assert path.read_bytes() == b'{"broken":\ngood\n'


def test_whoever_reads_along_sees_whole_lines_at_once(path):
    """What was written has left the program before `write` returns."""
    file = RotatingFile(path)
    with path.open("ab+") as reader:
        reader.seek(0)
        for line in (b"a\n", b"b\nc\n"):
            file.write(line)
            assert reader.read() == line
    file.close()


def test_a_file_that_was_moved_away_is_made_anew(path):
    """As log rotation of the system does it: the next batch goes to the path that was asked for."""
    file = RotatingFile(path)
    file.write(b"a\n")
    path.rename(path.with_name("moved"))
    file.write(b"b\n")
    path.unlink()
    file.write(b"c\n")
    file.close()
    assert path.with_name("moved").read_bytes() == b"a\n"
    assert path.read_bytes() == b"c\n"


def test_lines_of_another_writer_are_neither_overwritten_nor_cut(path):
    """Two programs that append to one file keep their lines whole."""
    one, two = RotatingFile(path), RotatingFile(path)
    for n in range(5):
        one.write(b"one %d\n" % n)
        two.write(b"two %d\n" % n)
    one.close()
    two.close()
    assert sorted(path.read_bytes().splitlines()) == sorted(
        b"%s %d" % (who, n) for who in (b"one", b"two") for n in range(5)
    )


class FullDisk:
    """Takes so many bytes, then has no space left until it is given some."""

    def __init__(self, monkeypatch, room):
        self.room = room
        disk = self

        class File(io.FileIO):
            def write(self, data):
                if not data:
                    return 0
                if disk.room <= 0:
                    raise OSError(errno.ENOSPC, "No space left on device")
                taken = super().write(bytes(data[: disk.room]))
                disk.room -= taken
                return taken

        monkeypatch.setattr("mastra_core.output.lines.io.FileIO", File)


def test_after_a_full_disk_there_is_no_half_line_and_writing_goes_on(path, monkeypatch):
    """What did not fit is taken back and reported; with room again, the next batch is written."""
    disk = FullDisk(monkeypatch, room=7)
    file = RotatingFile(path)
    file.write(b"abc\n")
    with pytest.raises(LinesLostError, match="No space left"):
        file.write(b"def\nghi\n")
    assert path.read_bytes() == b"abc\n"
    disk.room = 100
    file.write(b"jkl\n")
    file.close()
    assert path.read_bytes() == b"abc\njkl\n"


def test_what_was_written_before_the_disk_was_full_is_known(path, monkeypatch):
    """Of a batch that is spread over rotated files, the lines that arrived are told from the others."""
    FullDisk(monkeypatch, room=9)
    file = RotatingFile(path, max_bytes=4, backups=5)
    with pytest.raises(LinesLostError) as caught:
        file.write(b"abc\ndef\nghi\njkl\n")
    assert caught.value.written == 2
    assert b"".join(_read_all(path, 5)) == b"abc\ndef\n"


def test_a_write_that_takes_part_is_continued(path, monkeypatch):
    """The system may take fewer bytes than it was given; the rest follows."""

    class Slow(io.FileIO):
        def write(self, data):
            return super().write(bytes(data[:2]))

    monkeypatch.setattr("mastra_core.output.lines.io.FileIO", Slow)
    file = RotatingFile(path)
    file.write(b"abcdefg\n")
    file.close()
    assert path.read_bytes() == b"abcdefg\n"


def test_a_file_that_cannot_be_rotated_grows_rather_than_lose_lines(path, monkeypatch, caplog):
    """The limit is broken before a line is, and that is said once."""

    def refuse(self, target):
        raise PermissionError("not here")

    monkeypatch.setattr(pathlib.Path, "replace", refuse)
    file = RotatingFile(path, max_bytes=4, backups=1)
    for line in (b"abc\n", b"def\n", b"ghi\n"):
        file.write(line)
    file.close()
    assert path.read_bytes() == b"abc\ndef\nghi\n"
    assert [record.getMessage() for record in caplog.records] == [
        f"{path} could not be rotated and keeps growing: not here"
    ]


def test_a_folder_that_is_gone_loses_lines_until_it_is_back(path):
    """Nothing raises but the loss, and the file is made anew when that is possible."""
    folder = path.parent / "sub"
    folder.mkdir()
    file = RotatingFile(folder / "events")
    file.write(b"a\n")
    (folder / "events").unlink()
    folder.rmdir()
    with pytest.raises(LinesLostError) as caught:
        file.write(b"b\n")
    assert caught.value.written == 0
    folder.mkdir()
    file.write(b"c\n")
    file.close()
    assert (folder / "events").read_bytes() == b"c\n"


def test_closing_twice_is_harmless_and_writing_opens_again(path):
    """A file is closed between batches without loss."""
    file = RotatingFile(path)
    file.close()
    file.write(b"a\n")
    file.close()
    file.close()
    file.write(b"b\n")
    file.close()
    assert path.read_bytes() == b"a\nb\n"


@pytest.mark.skipif(not pathlib.Path("/dev/null").exists(), reason="a device of POSIX systems")
def test_a_device_can_be_written_to():
    """What is no file in the usual sense has no last line to look at."""
    file = RotatingFile(pathlib.Path("/dev/null"))
    file.write(b"a\n")
    file.close()


# ---------------------------------------------------------------- streams


def test_text_and_binary_streams_get_the_same_lines():
    """A stream of either kind is written to and flushed, and stays open."""
    text, binary = io.StringIO(), io.BytesIO()
    wrapped = io.TextIOWrapper(io.BytesIO(), encoding="latin-1")
    for stream in (text, binary, wrapped):
        sink = StreamSink(stream)
        sink.write("é→\n".encode())
        sink.close()
        assert not stream.closed
    assert text.getvalue() == "é→\n"
    assert binary.getvalue() == wrapped.buffer.getvalue() == "é→\n".encode()


def test_lines_come_after_what_the_program_had_written_before():
    """Text that waits in the stream goes out first."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    stream.write("before ")
    StreamSink(stream).write(b"line\n")
    assert stream.buffer.getvalue() == b"before line\n"


def test_standard_output_is_the_one_of_the_moment(capsys, monkeypatch):
    """A program that redirects its output redirects the lines as well."""
    sink = StreamSink()
    sink.write(b"one\n")
    assert capsys.readouterr().out == "one\n"
    other = io.StringIO()
    monkeypatch.setattr(sys, "stdout", other)
    sink.write(b"two\n")
    assert other.getvalue() == "two\n"


def test_a_program_without_standard_output_loses_lines_and_nothing_else(monkeypatch):
    """As with programs that have no console."""
    monkeypatch.setattr(sys, "stdout", None)
    with pytest.raises(LinesLostError, match="no standard output"):
        StreamSink().write(b"x\n")


def test_a_closed_stream_loses_lines_and_nothing_else():
    """Whatever a stream raises is the loss of the lines."""
    stream = io.StringIO()
    stream.close()
    with pytest.raises(LinesLostError):
        StreamSink(stream).write(b"x\n")


PROGRAM = """
import sys
from mastra_core.output.lines import LinesLostError, StreamSink

sink = StreamSink({target})
print("ready", file=sys.stderr, flush=True)
sys.stdin.readline()
for _ in range(3):
    try:
        sink.write(b"x" * 100_000 + b"\\n")
    except LinesLostError as error:
        print("lost", "BrokenPipe" in str(error), file=sys.stderr)
"""


@pytest.mark.skipif(os.name != "posix", reason="pipes of POSIX systems")
@pytest.mark.parametrize("target", ["", "sys.stdout"], ids=["default", "handed in"])
def test_a_broken_pipe_is_a_loss_and_leaves_no_traceback(target):
    """A reader that goes away, as `head` does, costs the lines; the program ends well and in silence."""
    program = PROGRAM.format(target=target)
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr.readline() == "ready\n"
        process.stdout.close()
        process.stdin.write("go\n")
        process.stdin.flush()
        assert process.stderr.read().splitlines() == ["lost True"] * 3
        assert process.wait() == 0


@pytest.mark.skipif(os.name != "posix", reason="pipes of POSIX systems")
def test_a_pipe_that_does_not_block_still_gets_whole_lines():
    """Where another program made our output non-blocking, a full pipe is waited for."""
    program = """
import os, sys
from mastra_core.output.lines import StreamSink

os.set_blocking(1, False)
for n in range(5):
    StreamSink().write(str(n).encode() * 100_000 + b"\\n")
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, check=True)
    assert done.stdout.split() == [str(n).encode() * 100_000 for n in range(5)]
