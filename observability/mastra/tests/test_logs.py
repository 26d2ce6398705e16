"""Log lines, from the call to what exporters are handed."""

import asyncio
import dataclasses
import io
import json
import math
import sys
import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mastra_core.clock import system_clock
from mastra_core.signals.events import LogEvent
from mastra_core.signals.log import LOG_LEVELS
from mastra_core.signals.payload import decode
from mastra_core.tracing.span import HUGE_BYTES
from mastra_observability import BaseExporter, JsonExporter, Observability, TestExporter


@pytest.fixture
def logs(make):
    """An instance that records every level, and what it exported: `obs, lines = logs`."""
    exporter = TestExporter()
    obs = make(exporters=[exporter], log_level="trace", service_name="tests", user_id="u-7")

    def lines():
        assert obs.flush()
        return exporter.logs

    return obs, lines


def data_of(log):
    """The fields of a line."""
    return decode(log.data)


# -------------------------------------------------------------------- what is recorded


@pytest.mark.parametrize("level", list(LOG_LEVELS))
def test_each_level_has_its_method(logs, level):
    """A method a level, with message and fields."""
    obs, lines = logs
    getattr(obs.logger, level)("counting", chars=20, name="river")
    (line,) = lines()
    assert (line.level, line.message, data_of(line)) == (level, "counting", {"chars": 20, "name": "river"})


def test_a_line_outside_a_trace_has_no_ids_but_says_who_speaks(logs):
    """It is correlated with the service alone."""
    obs, lines = logs
    obs.logger.info("started")
    (line,) = lines()
    assert (line.trace_id, line.span_id, line.data) == (None, None, None)
    assert (line.correlation.service_name, line.correlation.user_id) == ("tests", "u-7")
    assert len(line.log_id) == 32


def test_a_line_belongs_to_the_current_span(logs):
    """It has its ids and the whole of its correlation, whichever span that is."""
    obs, lines = logs
    with obs.span("outer", session_id="s-1") as outer, obs.span("inner") as inner:
        obs.logger.info("in")
    obs.logger.info("out")
    said_in, said_out = lines()
    assert (said_in.trace_id, said_in.span_id) == (outer.trace_id, inner.span_id)
    assert said_in.correlation == inner.correlation
    assert said_in.correlation.session_id == "s-1"
    assert said_out.trace_id is None


def test_lines_follow_tasks_and_threads(logs):
    """In tasks and `to_thread` the current span is the one around."""
    obs, lines = logs

    async def main():
        async def work(name):
            with obs.span(name):
                await asyncio.sleep(0)
                obs.logger.info(name)
                await asyncio.to_thread(obs.logger.info, name)

        await asyncio.gather(*(work(f"w{i}") for i in range(10)))

    asyncio.run(main())
    found = lines()
    assert len(found) == 20
    assert len({(line.message, line.span_id) for line in found}) == 10


def test_the_logger_of_a_context_knows_its_work_in_any_thread(logs):
    """In a thread that was started by hand nothing is current; the line belongs to the work anyway."""
    obs, lines = logs
    with obs.span("work") as work:
        logger = obs.context(work).logger
        thread = threading.Thread(target=logger.info, args=("in a thread",))
        thread.start()
        thread.join()
        with work.child("inside") as inside:
            logger.info("inside")
        with obs.span("elsewhere", parent=None), obs.tracer.span("other trace"):
            pass
    with obs.span("another trace"):
        logger.info("late")
    in_thread, in_child, late = lines()
    assert in_thread.span_id == work.span_id
    assert in_child.span_id == inside.span_id
    assert (late.trace_id, late.span_id) == (work.trace_id, work.span_id)


def test_what_is_bound_to_a_span_is_on_every_line_inside(logs):
    """Also inside its children; the line's own field of the same name is kept, wherever it stands."""
    obs, lines = logs
    with obs.span("work") as work:
        work.bind(workflow_id="w-1", attempt=2)
        obs.logger.info("bare")
        with obs.span("child"):
            obs.logger.info("more", step="x")
        obs.logger.info("own", attempt=3)
        obs.logger.info("deep", inner={"attempt": 9})
        work.bind(attempt=None)
        obs.logger.info("taken away")
    assert [data_of(line) for line in lines()] == [
        {"workflow_id": "w-1", "attempt": 2},
        {"workflow_id": "w-1", "attempt": 2, "step": "x"},
        {"workflow_id": "w-1", "attempt": 3},
        {"workflow_id": "w-1", "attempt": 2, "inner": {"attempt": 9}},
        {"workflow_id": "w-1"},
    ]


def test_what_was_handed_over_stays_as_it_was(logs):
    """Changing a field, or what is bound, afterwards changes nothing that was logged."""
    obs, lines = logs
    fields, bound = {"n": [1]}, [1]
    with obs.span("work") as work:
        work.bind(bound=bound)
        obs.logger.info("line", fields=fields)
        fields["n"].append(2)
        bound.append(2)
        work.bind(late=True)
    (line,) = lines()
    assert data_of(line) == {"bound": [1], "fields": {"n": [1]}}


@pytest.mark.parametrize(
    "name", ["message", "level", "trace_id", "span_id", "self", "data", "logger", "timestamp", "origin"]
)
def test_a_field_may_have_any_name(logs, name):
    """A field that is called like a part of the line keeps its value, and the line keeps its part."""
    obs, lines = logs
    with obs.span("work") as work:
        obs.logger.warn("said", **{name: "mine"})
        obs.logger.log("warn", "said", {name: "mine"})
    for line in lines():
        assert (line.message, line.level, line.trace_id) == ("said", "warn", work.trace_id)
        assert data_of(line) == {name: "mine"}


def test_a_whole_call_says_everything_apart(logs):
    """Level as a word or a number, time, name of the logger, origin."""
    obs, lines = logs
    for level in ("warning", "WARN", 30, 35, "critical", 60, 7, "no such level", None):
        obs.logger.log(level, "said", logger="app.db", timestamp_ns=17, origin="structlog")
    found = lines()
    assert [line.level for line in found] == [
        *("warn", "warn", "warn", "warn", "fatal", "fatal", "trace", "info", "info"),
    ]
    assert {(line.logger, line.timestamp_ns, line.origin) for line in found} == {("app.db", 17, "structlog")}


@pytest.mark.parametrize("moment", [-1, 2**63, 1.5, "now", True])
def test_a_time_that_cannot_be_one_is_now(logs, clock, moment):
    """The clock is asked."""
    obs, lines = logs
    obs.logger.log("info", "said", timestamp_ns=moment)
    (line,) = lines()
    assert line.timestamp_ns >= 1_790_000_000_000_000_000


# -------------------------------------------------------------------- sampling


@pytest.mark.parametrize("sampling", ["never", lambda request: False])
def test_inside_a_trace_that_is_sampled_out_nothing_is_logged(make, capture, sampling):
    """The line follows the decision of its trace; outside one it is recorded, without ids."""
    obs = make(exporters=[capture], sampling=sampling)
    with obs.span("root") as root, obs.span("child"):
        obs.logger.error("in")
        obs.context(root).logger.error("in")
        assert not obs.logger.is_enabled("error")
    logger = obs.context(root).logger
    logger.error("late")
    thread = threading.Thread(target=logger.error, args=("in a thread",))
    thread.start()
    thread.join()
    assert not logger.is_enabled("fatal")
    obs.logger.error("out")
    assert obs.flush()
    (event,) = capture.events
    assert (event.log.message, event.log.trace_id, event.log.span_id) == ("out", None, None)


def test_a_recorded_trace_inside_does_not_lend_its_ids(make, capture):
    """The logger of a work that is sampled out stays silent also where another trace is current."""
    obs = make(exporters=[capture], sampling=lambda request: request.name == "kept")
    with obs.span("out") as out:
        silent = obs.context(out).logger
    with obs.span("kept"):
        silent.error("no")
        obs.logger.error("yes")
    assert obs.flush()
    assert [event.log.message for event in capture.events if isinstance(event, LogEvent)] == ["yes"]


# -------------------------------------------------------------------- exceptions


def failing():
    """Raise an error that has a cause."""
    raise ValueError("no such day") from KeyError("day")


@pytest.mark.parametrize("way", ["error", "exc_info", "handled", "tuple", "log"])
def test_an_exception_is_recorded_with_its_stack(logs, way):
    """Type, message, stack and cause, as the field `exception`, whichever way it is said."""
    obs, lines = logs
    try:
        failing()
    except ValueError as error:
        match way:
            case "error":
                obs.logger.error("failed", error=error, day=3)  # noqa: TRY400
            case "exc_info":
                obs.logger.error("failed", exc_info=error, day=3)  # noqa: TRY400
            case "handled":
                obs.logger.error("failed", exc_info=True, day=3)  # noqa: G201
            case "tuple":
                obs.logger.error("failed", exc_info=sys.exc_info(), day=3)  # noqa: G201
            case _:
                obs.logger.log("error", "failed", {"day": 3}, error=error)
    (line,) = lines()
    data = data_of(line)
    assert data.keys() == {"day", "exception"}
    assert (data["exception"]["type"], data["exception"]["message"]) == ("ValueError", "no such day")
    assert "in failing" in data["exception"]["stack"][-1]
    assert data["exception"]["cause"]["type"] == "KeyError"


def test_a_field_called_exception_stays_beside_the_exception(logs):
    """Both values are kept, the recorded exception under the name that all lines have for it."""
    obs, lines = logs
    obs.logger.error("failed", error=OSError("full"), exception="mine")
    obs.logger.error("failed", exception="mine")
    both, alone = (data_of(line) for line in lines())
    assert both == {"exception": {"type": "OSError", "message": "full"}, "exception_": "mine"}
    assert alone == {"exception": "mine"}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"exc_info": None}, None),
        ({"exc_info": False, "n": 1}, {"n": 1}),
        ({"exc_info": True}, None),  # nothing is being handled
        ({"exc_info": (None, None, None)}, None),
        ({"exc_info": "text"}, {"exc_info": "text"}),
        ({"exc_info": (1, 2, 3)}, {"exc_info": [1, 2, 3]}),
        ({"error": "text"}, {"error": "text"}),
    ],
)
def test_without_an_exception_there_is_no_such_field(logs, fields, expected):
    """What is no exception is a field like any other, or nothing."""
    obs, lines = logs
    obs.logger.info("said", **fields)
    (line,) = lines()
    assert data_of(line) == expected


# -------------------------------------------------------------------- payloads of every kind


class Hostile:
    """Nothing can be had of it."""

    def __getattribute__(self, name):
        raise RuntimeError(name)

    def __repr__(self):
        raise RuntimeError("repr")

    __str__ = __repr__


class HostileError(Exception):
    @property
    def __cause__(self):
        raise RuntimeError("cause")

    def __str__(self):
        raise RuntimeError("str")


class NoMapping(dict):
    def keys(self):
        raise RuntimeError("keys")

    def __iter__(self):
        raise RuntimeError("iter")


@dataclasses.dataclass
class Point:
    x: int


def cyclic():
    """A dictionary that holds itself."""
    cycle = {}
    cycle["self"] = cycle
    return cycle


def as_key(value):
    """A dictionary with the value as a key, or one that does not work where it cannot be one."""
    try:
        return {value: 1}
    except Exception:  # noqa: BLE001
        return NoMapping({1: value})


ODD = {
    "cycle": cyclic(),
    "bytes": b"\xff",
    "set": {1},
    "dataclass": Point(1),
    "surrogate": "\ud800",
    "nan": math.nan,
    "infinity": math.inf,
    "huge number": 10**5_000,
    "hostile": Hostile(),
    "hostile error": HostileError(),
    "type": Hostile,
    "deep": json.loads("[" * 900 + "]" * 900),
    "generator": (i for i in range(3)),
}


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("place", ["field", "error", "exc_info", "message", "key", "data", "logger", "bound"])
def test_no_value_can_break_a_line(logs, name, place):
    """Whatever is handed over, wherever: the call returns, and the line is one of JSON."""
    obs, lines = logs
    value = ODD[name]
    with obs.span("work") as work:
        match place:
            case "message":
                obs.logger.info(value, n=1)
            case "key":
                obs.logger.log("info", "said", as_key(value))
            case "data":
                obs.logger.log("info", "said", value)
            case "logger":
                obs.logger.log("info", "said", logger=value)
            case "bound":
                work.bind(bound=value)
                obs.logger.info("said")
            case _:
                obs.logger.info("said", **{place: value})
    (line,) = lines()
    assert isinstance(data_of(line), dict | None)
    stream = io.StringIO()
    JsonExporter(stream).export([LogEvent(line)])
    (written,) = stream.getvalue().splitlines()
    assert json.loads(written)["log"]["level"] == "info"


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters())
    | st.binary(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters()), inner, max_size=3),
    max_leaves=8,
)
TEXT = st.text(st.characters())


@settings(max_examples=300, deadline=None)
@given(
    lines=st.lists(st.tuples(TEXT, st.dictionaries(TEXT, anything, max_size=4), st.booleans()), max_size=4)
)
def test_every_line_arrives_with_its_message_and_all_its_fields(lines):
    """Of any texts and fields: as many lines, in order, and under each name what JSON makes of the value."""
    exporter = TestExporter()
    obs = Observability(exporters=[exporter], log_level="trace")
    with obs.span("work") as work:
        work.bind(bound="b")
        for message, fields, fails in lines:
            obs.logger.log("info", message, fields, error=OSError("full") if fails else None)
    assert obs.shutdown()
    assert len(exporter.logs) == len(lines)
    for line, (message, fields, fails) in zip(exporter.logs, lines, strict=True):
        assert line.message == message.encode("utf-8", "backslashreplace").decode()
        data = data_of(line)
        wanted = {name.encode("utf-8", "backslashreplace").decode() for name in fields} | {"bound"}
        if fails:
            wanted |= {"exception"} | ({"exception_"} if "exception" in fields else set())
            assert data["exception"]["type"] == "OSError"
        assert data.keys() == wanted
        if "bound" not in fields:
            assert data["bound"] == "b"


def test_large_lines_are_cut_with_a_mark(make):
    """Message and fields obey the payload limits."""
    exporter = TestExporter()
    obs = make(exporters=[exporter], payload={"max_string_chars": 100, "max_items": 3})
    obs.logger.info("m" * 1_000, text="t" * 1_000, items=list(range(10)))
    assert obs.flush()
    (line,) = exporter.logs
    assert "900 of 1000 characters cut" in line.message
    data = data_of(line)
    assert "cut" in data["text"]
    assert data["items"][3] == "<7 of 10 items cut>"


def test_a_giant_line_does_not_take_the_room_of_everything_else(make, capture):
    """What is beyond all measure is cut at once, and its size is told."""
    obs = make(exporters=[capture], payload={"max_bytes": 1_000_000, "max_string_chars": 1_000_000})
    obs.logger.info("m" * (HUGE_BYTES + 1), text="t" * (HUGE_BYTES + 1))
    assert obs.flush()
    (event,) = capture.events
    assert f"[of {HUGE_BYTES + 1} characters]" in event.log.message
    assert data_of(event.log)["original_bytes"] > HUGE_BYTES
    assert obs.stats()["dropped"] == []


# -------------------------------------------------------------------- the way


class Gated(BaseExporter):
    """Hangs until it is let go."""

    name = "gated"

    def __init__(self):
        self.gate, self.is_inside, self.messages = threading.Event(), threading.Event(), []

    def on_log_event(self, event):
        self.is_inside.set()
        self.gate.wait(20)
        self.messages.append(event.log.message)


def dropped(obs):
    """Losses by exporter, signal and reason."""
    return {(d["exporter"], d["signal"], d["reason"]): d["count"] for d in obs.stats()["dropped"]}


def test_lines_and_spans_arrive_in_the_order_in_which_they_were_made(make, capture):
    """One queue carries all."""
    obs = make(exporters=[capture])
    for i in range(1_000):
        obs.logger.info(f"line {i}")  # noqa: G004
        obs.span(f"span {i}").end()
    assert obs.flush()
    found = [e.log.message if isinstance(e, LogEvent) else e.span.name for e in capture.events]
    assert found == [f"{kind} {i}" for i in range(1_000) for kind in ("line", "span")]
    accounts = obs.stats()["exporters"]["capture"]
    assert accounts["accepted"] == accounts["exported"] == {"logs": 1_000, "spans": 1_000}


def test_the_queue_before_an_exporter_is_bounded_by_the_bytes_of_lines(make, capture, monkeypatch):
    """Lines too large to wait are dropped and counted, on the bus and before an exporter."""
    monkeypatch.setattr("mastra_observability.instance.MAX_QUEUE_BYTES", 200_000)
    gated = Gated()
    obs = make(exporters=[gated])
    obs.logger.info("first")
    obs.flush(0)
    assert gated.is_inside.wait(20)
    for _ in range(60):  # on the bus and before the exporter 200 000 bytes may wait
        obs.logger.info("x" * 10_000)
        obs.flush(0)
    obs.logger.info("y" * 300_000)
    gated.gate.set()
    assert obs.flush()
    lost = dropped(obs)
    assert lost["bus", "logs", "too_large"] == 1
    assert lost.get(("gated", "logs", "queue_full"), 0) + lost.get(("bus", "logs", "queue_full"), 0) >= 20
    assert obs._bus._heavy_bytes == 0
    assert len(gated.messages) + sum(lost.values()) == 62


def test_after_shutdown_a_line_is_counted_and_harms_nobody(make, capture):
    """It is lost, and that is known."""
    obs = make(exporters=[capture])
    obs.shutdown()
    obs.logger.info("late")
    assert capture.events == []
    assert dropped(obs) == {("bus", "logs", "shutdown"): 1}


def test_processors_see_lines_and_may_change_or_drop_them(make, capture):
    """What they return is what every exporter gets."""

    class Censor:
        def process(self, event):
            if event.log.message == "secret":
                return None
            return LogEvent(type(event.log)(*(getattr(event.log, f) for f in ("log_id", "timestamp_ns")),
                                            "warn", event.log.message.upper()))  # fmt: skip

    obs = make(exporters=[capture], processors=[Censor()])
    obs.logger.info("secret")
    obs.logger.info("open")
    assert obs.flush()
    assert [(e.log.level, e.log.message) for e in capture.events] == [("warn", "OPEN")]


def test_an_exporter_that_logs_while_it_exports_is_not_fed_its_own_lines(make, capture):
    """What is logged or traced on the threads of the pipeline reaches no exporter."""

    class Talking(BaseExporter):
        async def on_log_event(self, event):
            obs.logger.info("exported", message=event.log.message)
            await asyncio.to_thread(obs.logger.info, "in a thread")
            with obs.span("exporting"):
                obs.logger.info("inside")

    class TalkingToo:
        def process(self, event):
            obs.logger.info("processed")
            return event

    obs = make(exporters=[Talking(), capture], processors=[TalkingToo()],
               on_dropped=lambda event: obs.logger.info("dropped"))  # fmt: skip
    obs.logger.info("once")
    assert obs.flush()
    assert obs.flush()
    assert [event.log.message for event in capture.events] == ["once"]


def test_a_callback_that_logs_about_a_loss_is_not_called_for_that(make):
    """Its line would be lost for the same reason, and it would be told so without end."""
    told = []

    def on_dropped(event):
        told.append(event)
        obs.logger.error("lost something")

    obs = make(exporters=[TestExporter()], on_dropped=on_dropped)
    obs.shutdown()
    obs.logger.info("late")
    assert len(told) == 1


def test_lines_have_the_time_of_their_call(make, capture):
    """Not that of the worker."""
    obs = make(exporters=[capture], clock=system_clock)
    before = time.time_ns()
    obs.logger.info("now")
    after = time.time_ns()
    assert obs.flush()
    assert before <= capture.events[0].log.timestamp_ns <= after


def test_lines_reach_a_store(make):
    """With a storage and nothing else said, lines are stored and can be listed."""
    obs = make(exporters=None, storage="memory://")
    with obs.span("work") as work:
        obs.logger.warn("slow", ms=12)
    assert obs.flush()
    (record,) = obs.store.list_logs().items
    assert (record.message, record.level, record.data) == ("slow", "warn", {"ms": 12})
    assert (record.trace_id, record.span_id) == (work.trace_id, work.span_id)
