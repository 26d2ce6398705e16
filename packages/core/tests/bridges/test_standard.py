"""Lines of the standard library: into the pipeline, and with the ids of the current span."""

import copy
import io
import logging
import logging.handlers
import queue

import pytest

from mastra_core.bridges import CorrelationFilter, ObservabilityHandler
from mastra_core.signals.log import LogLevel
from mastra_core.tracing.no_op_span import UnsampledSpan


@pytest.fixture
def log():
    """A logger of the program's, which has no other handlers than the test gives it."""
    logger = logging.getLogger("app.db")
    logger.setLevel(1)
    logger.propagate = False
    yield logger
    for one in (logger, logging.getLogger("app")):
        one.handlers.clear()
        one.filters.clear()
        one.propagate = True
        one.setLevel(logging.NOTSET)


def give(log, handler):
    """Add a handler; those that pytest has put on a logger that passes nothing on are taken away."""
    log.handlers[:] = [one for one in log.handlers if not type(one).__module__.startswith("_pytest")]
    log.addHandler(handler)


def test_a_record_is_handed_in_whole(log, said):
    """Level, message with its arguments, name, time, and what was given with `extra=` as fields."""
    give(log, ObservabilityHandler())
    log.warning("%d rows of %s", 3, "t", extra={"table": "t", "level": "mine", "trace_id": "mine"})
    (line,) = said
    assert (line.level, line.message, line.logger) == ("warn", "3 rows of t", "app.db")
    assert line.data == {"table": "t", "level": "mine", "trace_id": "mine"}
    assert line.origin is None
    assert line.timestamp_ns > 1_700_000_000_000_000_000


@pytest.mark.parametrize(
    ("number", "level"), [(5, "trace"), (10, "debug"), (20, "info"), (35, "warn"), (9_999, "fatal")]
)
def test_levels_are_those_of_the_numbers(log, said, number, level):
    """Also of numbers in between."""
    give(log, ObservabilityHandler())
    log.log(number, "said")
    assert [line.level for line in said] == [level]


def test_an_exception_goes_along(log, said):
    """With the record, as the exception it is."""
    give(log, ObservabilityHandler())
    try:
        raise ValueError("no")  # noqa: TRY301
    except ValueError as error:
        log.exception("failed")
        log.error("failed", exc_info=error)  # noqa: TRY400
        log.error("failed", stack_info=True)  # noqa: TRY400
    assert [type(line.error) for line in said] == [ValueError, ValueError, type(None)]
    assert "test_standard" in said[2].data["stack_info"]


def test_the_handler_has_a_level_and_filters_like_any_other(log, said):
    """A set-up leaves out what it wants to."""
    handler = ObservabilityHandler("WARNING")
    handler.addFilter(lambda record: record.getMessage() != "no")
    give(log, handler)
    log.info("quiet")
    log.warning("no")
    log.warning("yes")
    assert [line.message for line in said] == ["yes"]


def test_what_nobody_records_is_not_read(log, said, tracer):
    """The arguments of a line below the root level are left alone."""
    tracer.logger.least = LogLevel.ERROR

    class Costly:
        def __str__(self):
            raise AssertionError("was asked")

    give(log, ObservabilityHandler())
    log.info("%s", Costly())
    assert said == []


def test_two_handlers_on_the_way_up_hand_a_record_in_once(log, said):
    """On the logger and on one above it, and also behind a queue."""
    waiting = queue.SimpleQueue()
    log.propagate = True
    logging.getLogger("app").propagate = False
    give(log, ObservabilityHandler())
    give(log, logging.handlers.QueueHandler(waiting))
    give(logging.getLogger("app"), ObservabilityHandler())
    listener = logging.handlers.QueueListener(waiting, ObservabilityHandler())
    log.info("once")
    log.info("twice")
    listener.start()
    listener.stop()
    assert [line.message for line in said] == ["once", "twice"]


def test_a_copy_that_was_made_before_is_known_too(log, said):
    """Some handlers pass a copy of the record on."""

    class Copying(logging.Handler):
        def emit(self, record):
            ObservabilityHandler().handle(copy.copy(record))

    give(log, Copying())
    give(log, ObservabilityHandler())
    for _ in range(3):
        log.info("said")
    assert len(said) == 3


def test_each_of_two_pipelines_gets_the_record(log, keeping_logger):
    """Once each, where they are named."""
    one, other = keeping_logger(), keeping_logger()
    for logger in (one, other, one):
        give(log, ObservabilityHandler(logger=logger))
    log.info("said")
    assert (len(one.lines), len(other.lines)) == (1, 1)


def test_what_a_queue_made_of_an_exception_is_kept_as_text(log, said):
    """`QueueHandler` formats the exception, and takes it away."""
    waiting = queue.SimpleQueue()
    give(log, logging.handlers.QueueHandler(waiting))
    try:
        raise ValueError("no")  # noqa: TRY301
    except ValueError:
        log.exception("failed")
    record = waiting.get()
    record.exc_text = record.exc_text or "ValueError: no"
    ObservabilityHandler().handle(record)
    assert "ValueError: no" in said[0].data["exception"]


def test_a_line_that_somebody_puts_out_has_an_origin(log, said):
    """Another handler gets it too; handlers of this kind, and those that do nothing, put nothing out."""
    give(log, ObservabilityHandler())
    give(log, logging.NullHandler())
    log.info("alone")
    give(log, logging.StreamHandler(io.StringIO()))
    log.info("put out")
    assert [line.origin for line in said] == [None, "logging"]


class Nasty:
    """Whatever is asked of it raises, or logs itself."""

    def __init__(self, log=None):
        self.log = log

    def __repr__(self):
        if self.log is not None:
            self.log.info("asked: %s", self)
        raise RuntimeError("no")

    __str__ = __repr__


@pytest.mark.parametrize("case", range(7))
def test_a_line_that_cannot_be_formatted_is_handed_in_anyway(log, said, case):
    """Nothing is raised into the program, and nothing is printed."""
    message, arguments = [
        ("%d", ("x",)),
        ("%s %s", ("x",)),
        ("none", ("x",)),
        ("%s", (Nasty(),)),
        (Nasty(), ()),
        (5, ()),
        ({"a": 1}, ()),
    ][case]
    give(log, ObservabilityHandler())
    log.info(message, *arguments)
    (line,) = said
    assert isinstance(line.message, str)
    if arguments:
        assert line.data["args"] == arguments


def test_a_value_that_logs_while_it_is_looked_at_starts_no_circle(log, said):
    """What is said while a line is handed in is about that, and is left out."""
    give(log, ObservabilityHandler())
    log.info("%s", Nasty(log))
    assert len(said) == 1


def test_a_logger_that_fails_harms_nobody(log, capsys):
    """Not the program, and not the handlers after it."""

    class Failing:
        def __getattr__(self, name):
            raise RuntimeError(name)

    stream = io.StringIO()
    give(log, ObservabilityHandler(logger=Failing()))
    give(log, logging.StreamHandler(stream))
    log.info("said")
    assert stream.getvalue() == "said\n"
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("name", ["mastra.observability", "mastra.observability.bus", "mastra_duckdb.writer"])
def test_what_the_pipeline_says_of_itself_is_not_fed_back(said, name):
    """It stays in the standard library alone; a program's names that only look alike are the program's."""
    handler = ObservabilityHandler()
    for one in (name, name.replace("mastra", "mastras")):
        handler.handle(logging.LogRecord(one, 30, "file", 1, "said", (), None))
    assert [line.logger for line in said] == [name.replace("mastra", "mastras")]


def test_inside_a_trace_that_is_sampled_out_nothing_is_handed_in(log, said):
    """So it is on the threads of the pipeline."""
    give(log, ObservabilityHandler())
    with UnsampledSpan():
        log.error("said")
    assert said == []


# -------------------------------------------------------------------- the filter


FORMAT = "%(message)s trace=%(trace_id)s span=%(span_id)s session=%(session_id)s"


@pytest.fixture
def stream(log):
    """What a formatter that asks for ids writes."""
    handler = logging.StreamHandler(io.StringIO())
    handler.setFormatter(logging.Formatter(FORMAT))
    handler.addFilter(CorrelationFilter())
    give(log, handler)
    return handler.stream


def test_the_filter_adds_the_ids_of_the_current_span(log, stream, tracer):
    """For formatters; where there is none, a dash stands for it, so that no formatter fails."""
    with tracer.span("work") as work:
        log.info("in")
    with UnsampledSpan():
        log.info("sampled out")
    log.info("out")
    assert stream.getvalue().splitlines() == [
        f"in trace={work.trace_id} span={work.span_id} session=-",
        "sampled out trace=- span=- session=-",
        "out trace=- span=- session=-",
    ]


def test_the_filter_keeps_ids_of_the_users_own(log, stream, tracer):
    """What is there already is not overwritten, whether a span is current or not."""
    with tracer.span("work"):
        log.info("in", extra={"trace_id": "mine"})
    log.info("out", extra={"trace_id": "mine", "span_id": "mine", "session_id": "mine"})
    first, second = stream.getvalue().splitlines()
    assert "trace=mine" in first
    assert "span=mine" not in first
    assert second == "out trace=mine span=mine session=mine"


@pytest.mark.parametrize("absent", ["", "none"])
def test_what_stands_for_an_absent_id_can_be_chosen(absent):
    """Any text."""
    record = logging.makeLogRecord({})
    assert CorrelationFilter(absent).filter(record)
    assert (record.trace_id, record.span_id, record.session_id) == (absent,) * 3


def test_ids_that_the_filter_added_are_no_fields(log, stream, said, tracer):
    """The line has them by itself; a field of the user's own stays one."""
    give(log, ObservabilityHandler())
    with tracer.span("work") as work:
        log.info("in")
        log.info("in", extra={"trace_id": "mine"})
        log.info("in", extra={"trace_id": work.trace_id})
    log.info("out")
    assert [line.data for line in said] == [{}, {"trace_id": "mine"}, {}, {}]


def test_a_set_up_by_dictionary_works(said, tracer):
    """As `logging.config` has it, beside handlers of the program's own."""
    from logging.config import dictConfig

    dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "filters": {"ids": {"()": "mastra_core.bridges.CorrelationFilter", "absent": ""}},
            "formatters": {"plain": {"format": FORMAT}},
            "handlers": {
                "out": {
                    "class": "logging.StreamHandler",
                    "stream": "ext://sys.stdout",
                    "formatter": "plain",
                    "filters": ["ids"],
                },
                "observability": {"class": "mastra_core.bridges.ObservabilityHandler", "level": "INFO"},
            },
            "loggers": {
                "app.config": {"handlers": ["out", "observability"], "level": "DEBUG", "propagate": False}
            },
        }
    )
    log = logging.getLogger("app.config")
    try:
        with tracer.span("work"):
            log.info("said")
            log.debug("quiet")
    finally:
        log.handlers.clear()
        log.propagate = True
    assert [(line.message, line.origin) for line in said] == [("said", "logging")]
