"""Lines of the standard library."""

import logging
import threading

import pytest

from mastra_core.bridges import CorrelationFilter, ObservabilityHandler
from mastra_core.signals.log import LogLevel
from mastra_logging import LogOutputExporter, StandardHandler
from mastra_logging.standard import Capture
from mastra_observability import Observability, TestExporter


@pytest.fixture
def log():
    """A logger of somebody's library."""
    return logging.getLogger("lib.part")


def test_records_are_lines_like_any_other(set_up, written, log):
    """Level, message, `extra` as fields, exception, time of the record."""
    set_up(capture_standard=True, location=True)
    log.info("%d rows", 3, extra={"table": "users", "level": "mine"})
    try:
        raise ValueError("no")  # noqa: TRY301
    except ValueError:
        log.exception("failed", stack_info=True)
    first, second = written.objects
    assert (first["level"], first["message"], first["logger"]) == ("info", "3 rows", "lib.part")
    assert (first["table"], first["field_level"]) == ("users", "mine")
    assert first["location"].startswith(__file__)
    assert second["exception"]["type"] == "ValueError"
    assert second["stack"].startswith("Stack (most recent call last)")


def test_unless_asked_for_nothing_is_taken_from_the_root_logger(set_up, written, log):
    """Its handlers are somebody else's."""
    before = [*logging.getLogger().handlers]
    set_up()
    log.error("theirs")
    assert logging.getLogger().handlers == before
    assert written.lines == []


def test_twice_is_harmless(set_up, written, log):
    """No line is doubled, also where the settings change."""
    set_up(capture_standard=True)
    set_up(capture_standard=True, level="error")
    log.warning("no")
    log.error("yes")
    assert written.messages == ["yes"]
    set_up(capture_standard=False)
    log.error("no")
    assert written.messages == ["yes"]


def test_arguments_that_do_not_fit_are_kept(set_up, written):
    """A mistake in a message is no reason to lose it."""
    set_up()
    log = logging.Logger("alone")  # noqa: LOG001  # out of reach of the handlers of pytest
    log.addHandler(StandardHandler())
    log.info("%d", "no number")
    assert written.objects[0]["message"] == "%d"
    assert written.objects[0]["args"] == ["no number"]


def test_records_of_less_weight_are_left_out_also_of_a_handler_that_a_program_adds(set_up, written):
    """It may put the handler where it likes."""
    set_up(level="warn")
    log = logging.Logger("alone")  # noqa: LOG001
    log.addHandler(StandardHandler())
    log.info("no")
    log.warning("yes")
    assert written.messages == ["yes"]


@pytest.mark.parametrize("is_first", [True, False])
def test_beside_a_handler_of_the_pipeline_a_record_is_printed_and_handed_in_once(
    set_up, written, log, is_first
):
    """Wherever it stands; and what a bridge notes on the record is nobody's field."""
    exporter, root = TestExporter(), logging.getLogger()
    bridge = ObservabilityHandler()
    bridge.addFilter(CorrelationFilter())
    if is_first:
        root.addHandler(bridge)
    set_up(capture_standard=True)
    if not is_first:
        root.addHandler(bridge)
    try:
        with Observability(exporters=[exporter, LogOutputExporter()]) as observability:
            with observability.span("s") as span:
                log.info("theirs", extra={"n": 1})
            log.info("outside")
    finally:
        root.removeHandler(bridge)
    assert [line.message for line in exporter.logs] == ["theirs", "outside"]
    assert exporter.logs[0].trace_id == span.trace_id
    first, second = written.objects
    assert (first["message"], first["n"], first["trace_id"]) == ("theirs", 1, span.trace_id)
    assert set(second) == {"timestamp", "level", "message", "logger"}


def test_a_record_that_was_made_by_hand_raises_nothing(set_up, capsys):
    """What is in it may be anything."""
    set_up()
    record = logging.makeLogRecord({"msg": "by hand", "created": None})
    StandardHandler().handle(record)
    assert "a line is lost" in capsys.readouterr().err


def test_what_the_pipeline_says_of_itself_is_printed_and_goes_no_further(set_up, written):
    """Neither into the pipeline again, nor into sinks, which may be a part of it."""

    class Sink:
        def __init__(self):
            self.lines = []

        def write(self, line):
            self.lines.append(line)

        def flush(self, timeout_s):
            return True

        def close(self):
            pass

    exporter = TestExporter()
    observability = Observability(exporters=[exporter])
    sink = Sink()
    set_up(capture_standard=True, observability=observability, sinks=[sink])
    logging.getLogger("mastra.observability").warning("lost")
    thread = threading.Thread(
        target=logging.getLogger("driver").warning, args=("slow",), name="mastra-worker"
    )
    thread.start()
    thread.join()
    logging.getLogger("lib").warning("theirs")
    observability.shutdown()
    assert written.messages == ["lost", "slow", "theirs"]
    assert [log.message for log in exporter.logs] == ["theirs"]
    assert [line.message for line in sink.lines] == ["theirs"]


def test_capturing_leaves_the_level_as_it_was():
    """Also where somebody had set it."""
    root = logging.getLogger()
    before = root.level
    capture = Capture(LogLevel.DEBUG)
    assert root.level == 10
    capture.end()
    assert root.level == before
