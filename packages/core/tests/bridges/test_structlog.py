"""Lines of structlog: into the pipeline, and with the ids of the current span."""

import io
import json
import logging
import time

import pytest
import structlog
from structlog.stdlib import ProcessorFormatter

from mastra_core.bridges import (
    CorrelationFilter,
    ObservabilityHandler,
    SendToObservability,
    add_correlation,
    send_to_observability,
)
from mastra_core.signals.log import LogLevel
from mastra_core.tracing.no_op_span import UnsampledSpan


@pytest.fixture(autouse=True)
def structlog_as_it_was():
    """Each test has its own set-up of structlog, and leaves none, nor handlers on the root logger."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def native():
    """A set-up as in structlog's first pages, with JSON at its end; gives logger and output."""
    out = io.StringIO()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            add_correlation,
            send_to_observability,
            structlog.processors.dict_tracebacks,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(0),
        logger_factory=structlog.PrintLoggerFactory(out),
    )
    return structlog.get_logger(), lambda: [json.loads(line) for line in out.getvalue().splitlines()]


def test_a_line_goes_both_ways(native, said, tracer):
    """Into the pipeline, and unchanged to the program's own output, which has the ids."""
    log, lines = native
    with tracer.span("work") as work:
        work.bind(workflow_id="w-1")
        log.bind(rows=10).warning("slow", ms=12)
    (line,), (printed,) = said, lines()
    assert (line.level, line.message, line.origin) == ("warn", "slow", "structlog")
    assert line.data == {"rows": 10, "ms": 12, "workflow_id": "w-1"}
    assert printed.pop("timestamp").startswith("20")
    assert printed == {
        "event": "slow",
        "level": "warning",
        "rows": 10,
        "ms": 12,
        "workflow_id": "w-1",
        "trace_id": work.trace_id,
        "span_id": work.span_id,
    }


@pytest.mark.parametrize(
    ("method", "level"),
    [("debug", "debug"), ("info", "info"), ("warning", "warn"), ("error", "error"), ("critical", "fatal")],
)
def test_levels_are_those_of_the_methods(native, said, method, level):
    """Each has its word."""
    log, _ = native
    getattr(log, method)("said")
    assert [line.level for line in said] == [level]


def test_an_exception_goes_along(native, said):
    """However structlog is told of it; without one there is none."""
    log, _ = native
    try:
        raise ValueError("no")  # noqa: TRY301
    except ValueError as error:
        log.exception("failed")
        log.error("failed", exc_info=True)  # noqa: G201
        log.error("failed", exc_info=error)  # noqa: TRY400
        log.error("failed", exc_info=(ValueError, error, None))  # noqa: TRY400
    log.error("failed", exc_info=False)
    log.error("failed", exc_info=None)
    assert [type(line.error) for line in said] == [ValueError] * 4 + [type(None)] * 2
    assert all("exc_info" not in line.data for line in said)


def test_the_time_is_the_one_that_was_stamped(said, tracer):
    """Text or seconds; what cannot be a stamp of now is a field of the user's own."""
    now = time.time()
    stamps = [now, structlog.processors.TimeStamper("iso", utc=True)(None, "", {})["timestamp"]]
    for stamp in [*stamps, "2001-01-01T00:00:00Z", 12.5, "noon", 5]:
        send_to_observability(None, "info", {"event": "said", "timestamp": stamp})
    assert [line.data for line in said] == [
        {},
        {},
        *({"timestamp": stamp} for stamp in ("2001-01-01T00:00:00Z", 12.5, "noon", 5)),
    ]
    assert all(abs(line.timestamp_ns / 1e9 - now) < 5 for line in said[:2])
    assert all(line.timestamp_ns is None for line in said[2:])


def test_fields_that_are_called_like_a_part_of_the_line_are_kept(said, tracer):
    """Level, logger and ids of the user's own are fields; those that processors add are not."""
    with tracer.span("work") as work:
        send_to_observability(None, "info", {"event": "a", "level": "deep", "logger": 5, "trace_id": "mine"})
        send_to_observability(
            None,
            "info",
            {"event": "b", "level": "info", "logger": "app", "trace_id": work.trace_id, "message": "m"},
        )
    assert said[0].data == {"level": "deep", "logger": 5, "trace_id": "mine"}
    assert said[1].data == {"message": "m"}
    assert [line.logger for line in said] == [None, "app"]


def test_correlation_keeps_what_the_user_has_said(tracer):
    """Nothing that is there is overwritten, and outside a trace nothing is added."""
    with tracer.span("work") as work:
        event = add_correlation(None, "info", {"event": "e", "trace_id": "mine"})
        assert event == {"event": "e", "trace_id": "mine", "span_id": work.span_id}
    with UnsampledSpan():
        assert add_correlation(None, "info", {"event": "e"}) == {"event": "e"}
    assert add_correlation(None, "info", {"event": "e"}) == {"event": "e"}


def test_arguments_by_position_are_put_into_the_message(said, tracer):
    """As the formatter of structlog would; where they do not fit, both are kept."""
    for event in ("%d rows", "no place", "%d %d"):
        send_to_observability(None, "info", {"event": event, "positional_args": (3,)})
    assert [(line.message, line.data) for line in said] == [
        ("3 rows", {}),
        ("no place", {"positional_args": (3,)}),
        ("%d %d", {"positional_args": (3,)}),
    ]


def test_what_nobody_records_is_passed_on_alone(native, said, tracer):
    """Below the root level, and inside a trace that was sampled out, the program's output goes on."""
    log, lines = native
    tracer.logger.least = LogLevel.ERROR
    log.info("quiet")
    with UnsampledSpan():
        log.error("sampled out")
    assert said == []
    assert [line["event"] for line in lines()] == ["quiet", "sampled out"]


def test_a_logger_that_fails_harms_nobody(tracer):
    """The line goes on as it is."""

    class Failing:
        def __getattr__(self, name):
            raise RuntimeError(name)

    event = {"event": "said"}
    assert SendToObservability(logger=Failing())(None, "info", event) is event


def test_an_explicit_logger_gets_the_lines(said, tracer, keeping_logger):
    """Instead of the active one."""
    mine = keeping_logger()
    SendToObservability(logger=mine)(None, "info", {"event": "said"})
    assert (len(mine.lines), said) == (1, [])


# -------------------------------------------------------------------- over the standard library


SHARED = [
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso"),
    add_correlation,
    send_to_observability,
]
ENDS = {
    "formatter": [ProcessorFormatter.wrap_for_formatter],
    "rendered": [structlog.processors.JSONRenderer()],
    "keywords": [structlog.stdlib.render_to_log_kwargs],
}
WRAPPERS = {
    "stdlib": structlog.stdlib.BoundLogger,
    "filtering": structlog.make_filtering_bound_logger(0),
    "generic": structlog.BoundLogger,
}


def set_up(end="formatter", wrapper="stdlib", *, first=(), last=(), foreign=(), processors=()):
    """structlog over the standard library, a formatter on the root logger, and handlers around it."""
    out = io.StringIO()
    structlog.configure(
        processors=[*SHARED, *ENDS[end]],
        wrapper_class=WRAPPERS[wrapper],
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
    handler = logging.StreamHandler(out)
    if end == "formatter":
        handler.setFormatter(
            ProcessorFormatter(
                foreign_pre_chain=foreign,
                processors=[*processors, ProcessorFormatter.remove_processors_meta,
                            structlog.processors.JSONRenderer(default=str)],
            )
        )  # fmt: skip
    root = logging.getLogger()
    root.handlers[:] = [*first, handler, *last]
    root.setLevel(1)
    return out


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("wrapper", WRAPPERS)
@pytest.mark.parametrize("place", ["first", "last", "both"])
def test_a_line_that_goes_on_into_the_standard_library_arrives_once(said, tracer, end, wrapper, place):
    """With a processor of ours and a handler of ours, wherever; lines of the library itself arrive, too."""
    places = {"first": ("first",), "last": ("last",), "both": ("first", "last")}[place]
    out = set_up(end, wrapper, **{one: [ObservabilityHandler()] for one in places})
    log, other = structlog.get_logger("app.web"), logging.getLogger("app.web")
    for _ in range(3):
        log.info("mine", n=1)
        other.info("theirs")
    log.warning("last")
    assert [(line.message, line.logger) for line in said] == [
        *[("mine", "app.web"), ("theirs", "app.web")] * 3,
        ("last", "app.web"),
    ]
    assert len(out.getvalue().splitlines()) == 7


def test_a_line_that_was_stopped_on_its_way_hides_no_other(said, tracer):
    """The library may leave out what structlog handed in; its next line is not taken for that."""
    set_up(last=[ObservabilityHandler()])
    log, other = structlog.get_logger("app.web"), logging.getLogger("app.web")
    other.setLevel(logging.ERROR)
    log.info("stopped")
    other.setLevel(logging.NOTSET)
    other.info("theirs")
    assert [line.message for line in said] == ["stopped", "theirs"]


@pytest.mark.parametrize("place", ["first", "last"])
def test_records_that_structlog_formats_arrive_once(said, tracer, place):
    """The processor stands in the chain for records of the library, and in that for all; a handler of ours
    sees the same records."""
    chain = [structlog.stdlib.add_log_level, send_to_observability]
    set_up(foreign=chain, processors=[send_to_observability], **{place: [ObservabilityHandler()]})
    for _ in range(3):
        logging.getLogger("app.web").warning("theirs %d", 5, extra={"n": 1})
        structlog.get_logger("app.web").info("mine")
    assert [(line.message, line.level) for line in said] == [("theirs 5", "warn"), ("mine", "info")] * 3


@pytest.mark.parametrize("place", ["first", "last"])
def test_a_record_is_the_same_line_whoever_hands_it_in(said, tracer, place):
    """structlog's formatter hands on neither `extra=` nor the name of the logger, unless told to."""
    set_up(foreign=[send_to_observability], **{place: [ObservabilityHandler()]})
    logging.getLogger("app.web").warning("theirs", extra={"n": 1, "level": "mine"})
    (line,) = said
    assert (line.logger, line.level, line.data) == ("app.web", "warn", {"n": 1, "level": "mine"})


def test_two_formatters_share_a_chain(said, tracer):
    """One for the terminal and one for a file, as is usual: each record is handed in once."""
    set_up(foreign=[send_to_observability])
    second = logging.StreamHandler(io.StringIO())
    second.setFormatter(
        ProcessorFormatter(
            foreign_pre_chain=[send_to_observability],
            processor=structlog.processors.JSONRenderer(default=str),
        )
    )
    logging.getLogger().addHandler(second)
    for _ in range(3):
        logging.getLogger("app.web").warning("theirs")
    assert [line.message for line in said] == ["theirs"] * 3


def test_without_a_processor_the_handler_reads_structlogs_lines(said, tracer):
    """Where structlog leaves rendering to its formatter, the record holds the fields."""
    set_up(last=[ObservabilityHandler()])
    structlog.configure(
        processors=[structlog.stdlib.add_log_level, ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
    structlog.get_logger("app.web").warning("slow", ms=12)
    (line,) = said
    assert (line.message, line.level, line.logger, line.data) == ("slow", "warn", "app.web", {"ms": 12})


async def test_lines_from_an_asynchronous_logger_arrive_once(said, tracer):
    """structlog hands them to a thread, and the ids come along."""
    out = set_up(last=[ObservabilityHandler()])
    log = structlog.stdlib.get_logger("app.web")
    with tracer.span("work") as work:
        await log.ainfo("said")
    assert [line.message for line in said] == ["said"]
    assert json.loads(out.getvalue())["trace_id"] == work.trace_id


def test_the_filter_and_the_processor_agree(said, tracer):
    """Both put the same ids on a line, and neither makes fields of them."""
    handler = ObservabilityHandler()
    handler.addFilter(CorrelationFilter())
    set_up("keywords", last=[handler])
    with tracer.span("work"):
        structlog.get_logger("app.web").info("mine")
        logging.getLogger("app.web").info("theirs")
    assert [line.data for line in said] == [{}, {}]
