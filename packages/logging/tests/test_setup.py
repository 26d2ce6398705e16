"""Setting the log up, twice, anew, and taking it down."""

import asyncio
import io
import logging
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import structlog

from mastra_core import ConfigurationError
from mastra_core.bridges import add_correlation, send_to_observability
from mastra_core.signals.log import LogLevel
from mastra_logging import (
    LogConfig,
    flush_logging,
    get_logger,
    init_logging,
    program,
    setup,
    shutdown_logging,
    workflow_span,
)
from mastra_logging.sql import read_logs
from mastra_observability import Observability, TestExporter


class Terminal(io.StringIO):
    """A stream that a person looks at."""

    def isatty(self):
        return True


# ---------------------------------------------------------------- once, twice, anew


def test_the_same_set_up_again_changes_nothing(set_up, written):
    """No line is doubled, and nothing is opened anew."""
    set_up()
    set_up()
    get_logger().info("one")
    assert written.messages == ["one"]


def test_another_set_up_replaces_the_first_also_for_loggers_that_are_there(set_up, written):
    """Level, form and place change at once; structlog's own loggers go along, too."""
    loggers = get_logger("app"), structlog.get_logger("theirs")
    set_up()
    for log in loggers:
        log.debug("first")
    other = io.StringIO()
    set_up(level="error", stream=other, format="compact", timestamps=False)
    for log in loggers:
        log.debug("no")
        log.error("second")
    assert written.messages == ["first", "first"]
    assert other.getvalue() == "ERROR app: second\nERROR theirs: second\n"


def test_a_set_up_that_fails_leaves_the_one_before(set_up, written, tmp_path):
    """Wrong settings are told at the start, and break nothing."""
    set_up()
    with pytest.raises(ConfigurationError, match=r"`logging.file`.*nowhere.*does not exist, create it first"):
        init_logging(LogConfig(file=tmp_path / "nowhere" / "app.log"))
    get_logger().info("still here")
    assert written.messages == ["still here"]


def test_a_file_that_is_none_is_refused(tmp_path):
    """The message names the setting and the value."""
    with pytest.raises(ConfigurationError, match=r"`logging.file` must be a file that can be written, got"):
        init_logging(LogConfig(file=tmp_path))


def test_without_settings_those_of_the_environment_hold(monkeypatch, capsys):
    """`init_logging()` reads what is there."""
    monkeypatch.setenv("MASTRA_LOG_LEVEL", "error")
    monkeypatch.setenv("MASTRA_LOG_STREAM", "stdout")
    assert init_logging().level == "error"
    get_logger().warn("no")
    get_logger().error("yes")
    assert "yes" in capsys.readouterr().out


def test_without_a_set_up_the_defaults_hold(capsys):
    """At level info, to the standard error stream; nothing of structlog's is touched."""
    log = get_logger("app")
    log.debug("no")
    log.info("yes", rows=3)
    assert log.get_effective_level() == 20
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert "INFO  app: yes" in captured.err
    assert not structlog.is_configured()


def test_without_a_set_up_wrong_settings_are_told_and_the_defaults_hold(monkeypatch, capsys):
    """A line of the log is no place to fail at."""
    monkeypatch.setenv("MASTRA_LOG_LEVEL", "loud")
    get_logger().info("yes")
    err = capsys.readouterr().err
    assert "the settings are wrong" in err
    assert "'loud'" in err
    assert "INFO  yes" in err


def test_many_threads_that_log_first_set_one_log_up(monkeypatch):
    """Whoever is first."""
    made = []
    monkeypatch.setattr("mastra_logging.program.Output", lambda config: made.append(config) or _Quiet())
    barrier = threading.Barrier(4)

    def log():
        barrier.wait()
        get_logger().info("first")

    threads = [threading.Thread(target=log) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1


class _Quiet:
    level = 50

    def make_thinner(self):
        return None

    def flush(self, timeout_s):
        return True

    def close(self, kept):
        pass


def test_after_a_shutdown_everything_is_as_it_was(set_up, written):
    """structlog and the root logger are left alone again; twice is harmless."""
    root = logging.getLogger()
    before = root.level, [*root.handlers]
    set_up(capture_standard=True)
    assert logging.getLogger("lib").isEnabledFor(logging.DEBUG)
    assert shutdown_logging()
    assert shutdown_logging()
    assert flush_logging()
    assert (root.level, [*root.handlers]) == before
    assert not structlog.is_configured()


def test_structlog_set_up_by_somebody_else_afterwards_is_not_reset(set_up):
    """Whoever came later keeps what he has; asking again takes it over again."""
    set_up()
    theirs = [structlog.processors.KeyValueRenderer()]
    structlog.configure(processors=theirs)
    shutdown_logging()
    assert structlog.get_config()["processors"] is theirs
    set_up()
    assert structlog.get_config()["processors"] is not theirs


# ---------------------------------------------------------------- where lines go


@pytest.mark.parametrize(
    ("environment", "colors", "is_colored"),
    [
        ({}, None, True),
        ({"NO_COLOR": "1"}, None, False),
        ({"TERM": "dumb"}, None, False),
        ({"NO_COLOR": "1"}, True, True),
        ({}, False, False),
    ],
)
def test_colours_are_for_terminals_unless_asked_otherwise(monkeypatch, environment, colors, is_colored):
    """`NO_COLOR` counts, and a setting counts more."""
    monkeypatch.setenv("TERM", "xterm")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    terminal = Terminal()
    init_logging(LogConfig(stream=terminal, colors=colors))
    get_logger().info("yes")
    assert ("\x1b[" in terminal.getvalue()) is is_colored


@pytest.mark.parametrize(("forced", "is_colored"), [("", False), ("1", True)])
def test_what_is_no_terminal_gets_no_colours_unless_forced(monkeypatch, written, forced, is_colored):
    """`FORCE_COLOR` is for the likes of CI; a file never gets any by itself."""
    monkeypatch.setenv("FORCE_COLOR", forced)
    init_logging(LogConfig(stream=written))
    get_logger().info("yes")
    assert ("\x1b[" in written.getvalue()) is is_colored
    init_logging(LogConfig(file="app.log"))
    get_logger().info("yes")
    assert "\x1b[" not in Path("app.log").read_text()


def test_json_never_has_colours():
    """It is for programs."""
    terminal = Terminal()
    init_logging(LogConfig(stream=terminal, format="json", colors=True))
    get_logger().info("yes")
    assert "\x1b[" not in terminal.getvalue()


def test_a_file_is_appended_to_and_rotated(tmp_path):
    """By size; each line is whole."""
    file = tmp_path / "app.log"
    file.write_text("before\n")
    init_logging(LogConfig(file=file, format="compact", timestamps=False, max_file_bytes=31, backups=2))
    for number in range(4):
        get_logger().info(f"line {number}")
    assert [name.read_text() for name in sorted(tmp_path.glob("app.log*"))] == [
        "INFO line 2\nINFO line 3\n",
        "before\nINFO line 0\nINFO line 1\n",
    ]


def test_what_a_stream_cannot_encode_is_escaped():
    """A terminal without the characters is no reason to lose a line."""
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    init_logging(LogConfig(stream=stream, format="compact", timestamps=False))
    get_logger().info("Größe", city="Zürich")
    assert raw.getvalue() == b"INFO Gr\\xf6\\xdfe city=Z\\xfcrich\n"


def test_a_program_without_a_console_logs_into_the_void(monkeypatch):
    """Nothing fails."""
    monkeypatch.setattr(sys, "stderr", None)
    init_logging(LogConfig())
    get_logger().info("nobody")


# ---------------------------------------------------------------- faults later


class Broken(io.StringIO):
    """A stream that takes nothing."""

    def write(self, text):
        raise OSError("full")


class Sink:
    """A sink that keeps lines."""

    def __init__(self):
        self.lines, self.calls = [], []

    def write(self, line):
        self.lines.append(line)

    def flush(self, timeout_s):
        self.calls.append(("flush", timeout_s))
        return True

    def close(self):
        self.calls.append("close")


class BrokenSink(Sink):
    """A sink that fails at everything."""

    def write(self, line):
        raise RuntimeError("away")

    def flush(self, timeout_s):
        raise RuntimeError("away")


def test_a_fault_while_logging_never_reaches_the_caller_and_is_told_once(capsys):
    """Of a stream, of a sink; the other places get the line."""
    kept = Sink()
    init_logging(LogConfig(stream=Broken(), sinks=[BrokenSink(), kept]))
    for number in range(3):
        get_logger().info(f"line {number}")
    assert [line.message for line in kept.lines] == ["line 0", "line 1", "line 2"]
    err = capsys.readouterr().err
    assert err.count("lines cannot be written: OSError('full')") == 1
    assert err.count("BrokenSink takes no lines: RuntimeError('away')") == 1
    assert flush_logging() is False
    assert "BrokenSink cannot hand its lines over" in capsys.readouterr().err


def test_sinks_are_flushed_and_closed_when_their_set_up_ends(set_up):
    """By another set-up, by a shutdown, and at the end of the program."""
    sink = Sink()
    set_up(sinks=[sink])
    assert flush_logging(0.5)
    set_up(sinks=[])
    assert sink.calls == [("flush", 0.5), ("flush", 5.0), "close"]


def test_a_sink_that_logs_does_not_go_round_in_circles(set_up, written):
    """What it says is printed, and handed to no sink again."""

    class Talking(Sink):
        def write(self, line):
            super().write(line)
            get_logger("sink").info("took one")

    sink = Talking()
    set_up(sinks=[sink])
    get_logger("app").info("one")
    assert [line.message for line in sink.lines] == ["one"]
    assert written.messages == ["one", "took one"]


# ---------------------------------------------------------------- processes and threads


def test_what_was_held_back_is_written_when_the_program_ends():
    """Counts of thinned lines, and what sinks keep."""
    program = (
        "from mastra_logging import *\n"
        "init_logging(LogConfig(stream='stdout', format='compact', timestamps=False,"
        " thinning={'first': 1, 'then_one_in': 1000}))\n"
        "for _ in range(5): get_logger().info('busy')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert done.stdout == ("INFO busy\nINFO repeated lines left out suppressed=4 repeated_message=busy\n")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no processes are forked here")
def test_a_forked_child_logs_also_where_a_thread_of_the_parent_held_the_locks():
    """The locks of the child are its own."""
    program = (
        "import os, threading\n"
        "from mastra_logging import *\n"
        "from mastra_logging import program\n"
        "init_logging(LogConfig(stream='stdout', format='compact', timestamps=False, thinning={}))\n"
        "now = program.current_program()\n"
        "held = [program.lock, now.output._destination._lock, now._thinner._lock]\n"
        "ready = threading.Event()\n"
        "def hold():\n"
        "    for lock in held: lock.acquire()\n"
        "    ready.set(); threading.Event().wait()\n"
        "threading.Thread(target=hold, daemon=True).start()\n"
        "ready.wait()\n"
        "if os.fork() == 0:\n"
        "    get_logger().info('child'); init_logging(LogConfig(level='debug')); os._exit(0)\n"
        "os.wait(); os._exit(0)\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert done.stdout == "INFO child\n"


def test_lines_of_many_threads_and_tasks_are_whole(set_up, written):
    """Thousands at once, none in another."""
    set_up()
    log = get_logger("app")
    text = "x" * 200

    def in_thread(number):
        for count in range(100):
            log.info(text, thread=number, count=count)

    async def in_task(number):
        for count in range(100):
            await log.ainfo(text, task=number, count=count)
            await asyncio.sleep(0)

    async def in_tasks():
        await asyncio.gather(*(in_task(number) for number in range(10)))

    threads = [threading.Thread(target=in_thread, args=(number,)) for number in range(10)]
    for thread in threads:
        thread.start()
    asyncio.run(in_tasks())
    for thread in threads:
        thread.join()
    said = {(line.get("thread"), line.get("task"), line["count"]) for line in written.objects}
    assert len(said) == len(written.objects) == 2000


def test_a_line_that_cannot_be_put_together_is_lost_alone(set_up, written, capsys, monkeypatch):
    """Counted and told, as everything that is lost."""
    set_up(location=True)
    monkeypatch.setattr("mastra_logging.program._caller", lambda: 1 / 0)
    get_logger().info("lost")
    monkeypatch.undo()
    get_logger().info("kept")
    assert written.messages == ["kept"]
    assert "a line is lost: ZeroDivisionError" in capsys.readouterr().err


def test_places_are_whole_paths_where_the_working_directory_is_gone(set_up, written, monkeypatch):
    """It was removed, for instance."""

    def gone():
        raise FileNotFoundError

    set_up(location=True)
    monkeypatch.setattr("mastra_logging.program.Path.cwd", gone)
    get_logger().info("here")
    assert written.objects[0]["location"].startswith(f"{__file__}:")


def test_places_inside_the_working_directory_are_relative(set_up, written, monkeypatch):
    """Short, and the same on every machine."""
    monkeypatch.chdir(Path(__file__).parent)
    set_up(location=True)
    get_logger().info("here")
    assert written.objects[0]["location"].startswith("test_setup.py:")


def test_locks_are_renewed_in_place(set_up, written):
    """What a forked child does first; it can log afterwards."""
    set_up(thinning={"first": 1})
    before = program.lock
    program._after_fork()
    assert program.lock is not before
    get_logger().info("said")
    assert written.messages == ["said"]


def test_leaving_a_program_flushes_and_closes_without_ending_the_log(set_up, written):
    """Others may log while they leave."""
    sink = Sink()
    set_up(sinks=[sink])
    setup._finish_at_exit()
    assert sink.calls == [("flush", 1.5), "close"]
    get_logger().info("late")
    assert written.messages == ["late"]


def test_a_bridge_among_the_processors_doubles_nothing(set_up, written):
    """Whoever comes from a set-up of his own brings it along; lines go into the pipeline by themselves."""
    exporter = TestExporter()
    set_up(processors=[add_correlation, send_to_observability])
    with Observability(exporters=[exporter]), workflow_span("wf-1", "w"):
        get_logger("app").info("once")
    assert [line.message for line in exporter.logs if line.logger == "app"] == ["once"]
    assert [line["message"] for line in written.objects if "logger" in line] == ["once"]


@pytest.mark.parametrize("config", ["debug", {"level": "debug"}, 10])
def test_what_is_no_config_is_refused_with_a_word_of_what_is(config):
    """Nothing is set up by it."""
    with pytest.raises(ConfigurationError, match=r"must be a LogConfig, got .*LogConfig\(level="):
        init_logging(config)
    assert program.is_set_up() is None


def test_a_line_that_is_late_for_a_change_of_the_set_up_is_written_all_the_same(tmp_path):
    """A thread may be at it when another one sets up anew; and no file stays open for it."""
    first = tmp_path / "first.log"
    init_logging(LogConfig(file=first, format="json"))
    late = program.current_program()
    init_logging(LogConfig(file=tmp_path / "second.log", format="json"))
    late.say(LogLevel.INFO, "late", {})
    assert '"late"' in first.read_text()
    assert late.output.lost_count == 0
    assert late.output._destination._file._file is None


def test_a_sink_that_stays_is_not_closed_by_another_set_up(set_up):
    """As where only the level changes; one that goes is closed."""
    kept, gone = Sink(), Sink()
    set_up(level="info", sinks=[kept, gone])
    set_up(level="debug", sinks=[kept])
    assert "close" not in kept.calls
    assert "close" in gone.calls
    get_logger("app").debug("still there")
    assert [line.message for line in kept.lines] == ["still there"]


def test_what_was_thinned_out_is_counted_in_the_database_too_when_a_program_ends(tmp_path):
    """The database is closed at the end as well, and after that."""
    code = (
        "from mastra_logging import LogConfig, get_logger, init_logging\n"
        "init_logging(LogConfig(sql_exporter='sqlite:///end.db', thinning={'first': 1}))\n"
        "for _ in range(5): get_logger().info('same')\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path, capture_output=True)
    stored = read_logs(f"sqlite:///{tmp_path}/end.db")
    assert [(row.message, row.fields.get("suppressed")) for row in stored] == [
        ("same", None),
        ("repeated lines left out", 4),
    ]
