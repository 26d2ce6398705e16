"""The logger: structlog's, with typed methods, fields under any name, and exceptions."""

import logging
import pickle

import pytest
import structlog
from structlog.contextvars import bound_contextvars

from mastra_logging import add_bound, get_logger, workflow_span


@pytest.mark.parametrize(
    ("method", "level"),
    [
        ("trace", "trace"),
        ("debug", "debug"),
        ("info", "info"),
        ("msg", "info"),
        ("warn", "warn"),
        ("warning", "warn"),
        ("error", "error"),
        ("fatal", "fatal"),
        ("critical", "fatal"),
    ],
)
async def test_each_level_has_a_method_and_one_to_be_awaited(set_up, written, method, level):
    """Those of structlog are all there; without an awaitable one, libraries that use it would fail."""
    set_up()
    getattr(get_logger("app"), method)("said", rows=1)
    await getattr(structlog.get_logger("app"), f"a{method}")("said", rows=1)
    for line in written.objects:
        del line["timestamp"]
    assert [line["level"] for line in written.objects] == [level, level]
    assert written.objects[0]["logger"] == written.objects[1]["logger"] == "app"
    assert written.objects[0]["rows"] == 1


@pytest.mark.parametrize(
    ("least", "said"),
    [("trace", 6), ("debug", 5), ("info", 4), ("warn", 3), ("error", 2), ("fatal", 1)],
)
def test_lines_of_less_weight_than_the_level_are_left_out(set_up, written, least, said):
    """All methods, and `log`, which takes words and numbers."""
    set_up(level=least)
    log = get_logger()
    for level in ("trace", "debug", "info", "warn", "error", "fatal"):
        getattr(log, level)("x")
        log.log(level, "x")
    for number in (5, 10, 20, 30, 40, 50):
        log.log(number, "x")
    assert len(written.lines) == 3 * said
    assert log.get_effective_level() == {"trace": 5, "fatal": 50}.get(least, log.get_effective_level())
    assert log.is_enabled_for("fatal")
    assert log.is_enabled_for(logging.DEBUG) is (said >= 5)


def test_fields_may_be_called_whatever_they_like(set_up, written):
    """Also like parameters of Python, of structlog, and of the line itself: both values stay."""
    set_up()
    names = ["self", "event", "message", "level", "timestamp", "logger", "trace_id", "method_name", "args"]
    get_logger("app").info("said", **{name: name.upper() for name in names})
    line = written.objects[0]
    assert (line["message"], line["level"], line["logger"]) == ("said", "info", "app")
    assert "trace_id" not in line
    for name in names:
        assert line.get(f"field_{name}", line.get(name)) == name.upper()


def test_bound_fields_are_on_every_line(set_up, written):
    """Of the logger, of structlog's context, of the call; the call's count."""
    set_up()
    log = get_logger("app", customer="c-7", event="bound").bind(rows=1)
    with bound_contextvars(request="r-1", rows=0):
        log.info("said", rows=2)
        log.bind(level=3).unbind("customer").info("said")
    first, second = written.objects
    assert (first["customer"], first["request"], first["rows"], first["field_event"]) == (
        "c-7",
        "r-1",
        2,
        "bound",
    )
    assert (second["rows"], second["field_level"]) == (1, 3)
    assert "customer" not in second


def test_positional_arguments_are_put_into_the_message(set_up, written):
    """With `%`, as in the standard library; a mistake keeps both."""
    set_up()
    log = get_logger()
    log.info("%s of %d", "one", 3)
    log.info("%(part)s", {"part": "named"})
    log.info("%d", "no number")
    log.info("100%")
    assert written.messages == ["one of 3", "named", "%d", "100%"]
    assert written.objects[2]["args"] == ["no number"]


class Unprintable:
    """An object that raises at whatever is asked."""

    def __str__(self):
        raise RuntimeError("no")

    __repr__ = __str__

    @property
    def __class__(self):
        raise RuntimeError("no")


def test_a_message_may_be_anything(set_up, written):
    """What is no text is described."""
    set_up()
    for message in (None, 3, {"a": 1}, Unprintable(), "\ud800"):
        get_logger().info(message, value=Unprintable(), error=Unprintable(), exc_info=Unprintable())
    assert written.messages == ["", "3", "{'a': 1}", "<unprintable Unprintable>", "\\ud800"]


@pytest.mark.parametrize("how", ["exc_info", "error", "tuple", "true", "exception"])
def test_an_exception_is_logged_with_its_stack(set_up, written, how):
    """As the field `error` or `exc_info`, or the one that is being handled."""
    set_up()
    log = get_logger()
    try:
        raise ValueError("no such topic")  # noqa: TRY301
    except ValueError as error:
        if how == "exception":
            log.exception("failed", rows=1)
        elif how == "error":
            log.error("failed", error=error, rows=1)  # noqa: TRY400
        else:
            given = {"exc_info": error, "tuple": (type(error), error, error.__traceback__), "true": True}[how]
            log.error("failed", exc_info=given, rows=1)  # noqa: TRY400
    line = written.objects[0]
    assert line["exception"]["type"] == "ValueError"
    assert line["exception"]["stack"][-1].endswith('raise ValueError("no such topic")  # noqa: TRY301')
    assert line["rows"] == 1
    assert not {"exc_info", "error"} & set(line)


def test_without_an_exception_there_is_none(set_up, written):
    """`exc_info` that finds nothing goes; what is no exception is a field."""
    set_up()
    log = get_logger()
    log.info("a", exc_info=True)  # noqa: LOG014
    log.info("b", exc_info=None)
    log.info("c", exc_info=(1, 2), error="text")
    for line in written.objects:
        assert "exception" not in line
    assert [line.get("exc_info") for line in written.objects] == [None, None, [1, 2]]
    assert written.objects[2]["error"] == "text"


def test_processors_see_every_line_and_may_change_it_or_take_it_out(set_up, written, capsys):
    """Before it is written anywhere; one that fails lets nothing through, and is told of once."""

    def hide(logger, method_name, event_dict):
        if event_dict["event"] == "secret":
            raise structlog.DropEvent
        if event_dict["event"] == "broken":
            raise RuntimeError("no")
        return {**event_dict, "password": "***"}

    set_up(processors=[hide])
    for message in ("secret", "broken", "broken", "said"):
        get_logger().info(message, password="hunter2")
    assert written.messages == ["said"]
    assert written.objects[0]["password"] == "***"
    assert capsys.readouterr().err.count("a processor failed, its lines are lost: RuntimeError('no')") == 1


def test_structlogs_own_means_of_testing_work(set_up, written):
    """`capture_logs` sees what is said, and nothing is written meanwhile."""
    set_up()
    log = get_logger("app")
    with structlog.testing.capture_logs() as captured:
        log.warn("said", rows=1)
    log.warn("after")
    assert captured == [{"event": "said", "log_level": "warning", "rows": 1}]
    assert written.messages == ["after"]


def test_a_logger_can_be_sent_to_another_process():
    """As structlog's can."""
    log = pickle.loads(pickle.dumps(get_logger("app", rows=1)))
    assert structlog.get_context(log) == {"rows": 1}


def test_the_place_is_that_of_the_caller(set_up, written):
    """Not one in a logging library; relative to the working directory, if it is inside."""
    set_up(location=True)
    get_logger().info("here")
    structlog.get_logger().info("here")
    with workflow_span("wf-1", "w"):
        pass
    places = [line["location"].rpartition(":") for line in written.objects]
    assert {place[0] for place in places} == {__file__}
    numbers = [int(place[2]) for place in places]
    assert numbers[1] - numbers[0] == 1


def test_a_program_with_a_set_up_of_its_own_can_have_what_is_bound():
    """`add_bound` is a processor; what is there already keeps its value."""
    with workflow_span("wf-1", "w"):
        event = add_bound(None, "info", {"event": "said", "workflow_name": "mine"})
    assert event == {"event": "said", "workflow_name": "mine", "workflow_id": "wf-1"}
