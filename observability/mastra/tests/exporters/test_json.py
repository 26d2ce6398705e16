"""JsonExporter: every event is a line, every line is an event, and a trace comes back as it was."""

import io
import json
import os
import pathlib
import subprocess
import sys

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mastra_core.errors import ConfigurationError
from mastra_core.signals.attributes import SpanStatus, SpanType
from mastra_core.signals.correlation import Correlation
from mastra_core.signals.events import TracingEvent
from mastra_core.signals.payload import Json, encode
from mastra_core.signals.span import SpanExported
from mastra_core.tracing.recorded import RecordedTrace
from mastra_observability import Observability
from mastra_observability.exporters import JsonExporter

TEXT = st.text(max_size=8)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=4,
)
ANYTHING = VALUES | st.sampled_from([float("nan"), "\ud800", b"\x00", {1, 2}, ValueError("no"), object()])
PAYLOADS = ANYTHING.map(lambda value: Json(encode(value)))
OBJECTS = st.dictionaries(TEXT, ANYTHING, max_size=3).map(lambda value: Json(encode(value)))
IDS = st.integers(1, 2**64 - 1).map(lambda number: f"{number:016x}")
SPANS = st.lists(
    st.builds(
        SpanExported,
        st.just("a" * 32),
        IDS,
        st.none() | IDS,
        TEXT,
        st.sampled_from([kind.value for kind in SpanType]),
        st.booleans(),
        st.integers(0, 2**62),
        st.integers(0, 2**62),
        st.sampled_from([status.value for status in SpanStatus]),
        st.none() | OBJECTS,
        st.none() | TEXT,
        st.none() | PAYLOADS,
        st.none() | PAYLOADS,
        st.none() | OBJECTS,
        metadata=st.none() | OBJECTS,
        remote_parent_span_id=st.none() | IDS,
        model=st.none() | TEXT,
        input_tokens=st.none() | st.integers(0, 2**62),
        estimated_cost_usd=st.none() | st.floats(0, 1e12),
        correlation=st.builds(
            Correlation,
            user_id=st.none() | TEXT,
            session_id=st.none() | TEXT,
            tags=st.lists(TEXT, max_size=2).map(tuple),
        ),
    ),
    max_size=8,
    unique_by=lambda span: span.span_id,
)


@pytest.fixture
def path(tmp_path):
    """A file that is not there yet."""
    return tmp_path / "events.jsonl"


def _lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


# ---------------------------------------------------------------- what is written


def test_every_signal_is_a_line_that_begins_with_its_name(path, events):
    """All five are supported, a line each, in the order in which they came."""
    exporter = JsonExporter(path)
    assert exporter.signals == {"spans", "logs", "metrics", "scores", "feedback"}
    exporter.export(events.one_of_each())
    exporter.shutdown()
    assert [line["signal"] for line in _lines(path)] == ["span", "log", "metric", "score", "feedback"]
    assert path.read_bytes().count(b"\n") == 5


def test_a_line_says_all_that_the_event_does(path, events):
    """Times in nanoseconds, payloads as JSON and not as text, the context, and nothing that is absent."""
    event = events.span(
        1, input={"a": [1]}, status="error", error_message="no", correlation=Correlation(session_id="s-1")
    )
    exporter = JsonExporter(path)
    exporter.export([event, events.log("hi", data={"n": 1})])
    exporter.shutdown()
    span, log = _lines(path)
    assert span == {
        "signal": "span",
        "type": "span_ended",
        "span": {
            "trace_id": events.trace_id,
            "span_id": "0000000000000001",
            "parent_span_id": None,
            "name": "span 1",
            "span_type": "generic",
            "is_event": False,
            "started_at_ns": events.now_ns + 1000,
            "ended_at_ns": events.now_ns + 1_001_000,
            "status": "error",
            "error_message": "no",
            "input": {"a": [1]},
            "correlation": {"session_id": "s-1"},
        },
    }
    assert (log["log"]["message"], log["log"]["data"]) == ("hi", {"n": 1})


@given(spans=SPANS, max_bytes=st.none() | st.integers(1, 2000))
@settings(deadline=None, max_examples=60)
def test_a_trace_comes_back_as_it_was(tmp_path_factory, spans, max_bytes):
    """Whatever was exported, in any batches and files: reading it gives the same records."""
    path = tmp_path_factory.mktemp("json") / "events.jsonl"
    exporter = JsonExporter(path, max_bytes=max_bytes, backups=100)
    events = [TracingEvent("span_ended", span) for span in spans]
    for start in range(0, len(events), 3):
        exporter.export(events[start : start + 3])
    exporter.shutdown()
    for number in range(1, 100):
        backup = path.with_name(f"events.jsonl.{number}")
        if backup.exists():
            path.write_bytes(backup.read_bytes() + path.read_bytes())
    read = RecordedTrace.from_json_file(path)
    assert [span.record for span in read.spans] == [
        span.record for span in RecordedTrace.from_exported(spans).spans
    ]


def test_a_span_seen_open_is_written_and_gives_way_to_its_end(path, events):
    """A reader of the file sees it running, and once it has ended, ended."""
    exporter = JsonExporter(path)
    exporter.export([events.span(1, ms=None)])
    assert RecordedTrace.from_json_file(path).root_span.status is SpanStatus.RUNNING
    exporter.export([events.span(1)])
    exporter.shutdown()
    trace = RecordedTrace.from_json_file(path)
    assert (len(trace), trace.root_span.status) == (1, SpanStatus.SUCCESS)


def test_the_spans_of_a_program_come_back_from_its_file(path):
    """From the public face to the file and back: the tree, the payloads, the error and the session."""
    observability = Observability(service_name="batch", exporters=[JsonExporter(path)])
    with observability.span("nightly", input={"day": 1}, session_id="s-1") as root:
        with pytest.raises(ValueError, match="no"), observability.span("step"):
            raise ValueError("no")
        root.update(output=[1, None])
        root.add_score("relevance", 0.5)
    assert observability.shutdown(5)
    trace = RecordedTrace.from_json_file(path, root.trace_id)
    assert [(depth, span.name) for depth, span in trace.walk()] == [(0, "nightly"), (1, "step")]
    assert (trace.root_span.input, trace.root_span.output) == ({"day": 1}, [1, None])
    assert {span.session_id for span in trace.spans} == {"s-1"}
    assert trace.spans[1].error["type"] == "ValueError"
    assert [line["signal"] for line in _lines(path)].count("score") == 1


def test_each_handler_writes_its_event(path, events):
    """An exporter that is used by hand, event by event, writes the same lines."""
    exporter = JsonExporter(path)
    span, log, metric, score, feedback = events.one_of_each()
    exporter.on_tracing_event(span)
    exporter.on_log_event(log)
    exporter.on_metric_event(metric)
    exporter.on_score_event(score)
    exporter.on_feedback_event(feedback)
    exporter.shutdown()
    assert [line["signal"] for line in _lines(path)] == ["span", "log", "metric", "score", "feedback"]


def test_a_batch_is_one_write(path, events, monkeypatch):
    """However many events, the system is called once."""
    exporter = JsonExporter(path)
    writes = []
    monkeypatch.setattr(exporter._sink, "_append", lambda file, data: writes.append(data))
    exporter.export([events.log(str(n)) for n in range(500)])
    exporter.shutdown()
    assert len(writes) == 1
    assert writes[0].count(b"\n") == 500


def test_an_empty_batch_writes_nothing(path):
    """Nothing is nothing."""
    exporter = JsonExporter(path)
    exporter.export([])
    exporter.flush()
    exporter.shutdown()
    assert path.read_bytes() == b""


def test_a_payload_that_is_laid_out_over_lines_becomes_one_line(path, events):
    """JSON made elsewhere may hold line breaks between its tokens; a line of the file holds none."""
    span = msgspec.structs.replace(
        events.span(1).span, input=Json(b'{\n  "a": "b\\nc",\r\n  "d": [1,\n2]\n}')
    )
    exporter = JsonExporter(path)
    exporter.export([TracingEvent("span_ended", span), events.log()])
    exporter.shutdown()
    first, second = path.read_bytes().splitlines()
    assert json.loads(first)["span"]["input"] == {"a": "b\nc", "d": [1, 2]}
    assert json.loads(second)["signal"] == "log"


# ---------------------------------------------------------------- where it is written


def test_without_a_target_lines_go_to_standard_output(capsys, events):
    """In UTF-8, flushed with each batch."""
    exporter = JsonExporter()
    exporter.export([events.log("é")])
    exporter.shutdown()
    assert json.loads(capsys.readouterr().out)["log"]["message"] == "é"


@pytest.mark.parametrize("make", [io.StringIO, io.BytesIO])
def test_a_stream_is_written_to_and_left_open(make, events):
    """Text or binary: what was handed in is not ours to close."""
    stream = make()
    exporter = JsonExporter(stream)
    exporter.export(events.one_of_each())
    exporter.shutdown()
    assert not stream.closed
    assert len(stream.getvalue().splitlines()) == 5


def test_a_file_is_closed_and_appended_to_later(path, events):
    """After shutdown nothing is open, and another exporter goes on where this one ended."""
    for _ in range(2):
        exporter = JsonExporter(str(path))
        exporter.export([events.log()])
        exporter.shutdown()
        exporter.shutdown()
    assert len(_lines(path)) == 2
    assert exporter._sink._file is None


def test_the_home_folder_can_be_meant(tmp_path, monkeypatch, events):
    """`~` is the user's folder, as in a shell."""
    monkeypatch.setenv("HOME", str(tmp_path))
    exporter = JsonExporter("~/events.jsonl")
    exporter.export([events.log()])
    exporter.shutdown()
    assert (tmp_path / "events.jsonl").exists()


def test_a_file_is_rotated_by_size(path, events):
    """Backups are numbered, the newest being one, and every line is whole."""
    exporter = JsonExporter(path, max_bytes=1000, backups=2)
    for n in range(100):
        exporter.export([events.log(f"message {n}")])
    exporter.shutdown()
    files = [path, path.with_name("events.jsonl.1"), path.with_name("events.jsonl.2")]
    assert sorted(path.parent.iterdir()) == files
    assert all(file.stat().st_size <= 1000 for file in files)
    messages = [line["log"]["message"] for file in reversed(files) for line in _lines(file)]
    assert messages == [f"message {n}" for n in range(100 - len(messages), 100)]


# ---------------------------------------------------------------- what is refused


def _refused(*arguments, **settings):
    with pytest.raises(ConfigurationError) as caught:
        JsonExporter(*arguments, **settings)
    return str(caught.value)


def test_a_missing_folder_is_refused_at_construction(tmp_path):
    """The error names the field and the path, and says what to do."""
    target = tmp_path / "missing" / "events.jsonl"
    message = _refused(target)
    assert message.startswith(
        f"Field `target` of JsonExporter must be a file that can be written, got {str(target)!r}"
    )
    assert message.endswith(f"the folder {str(target.parent)!r} does not exist, create it first")


def test_a_folder_is_no_file(tmp_path):
    """A path that is a folder is refused at construction."""
    assert "Field `target`" in _refused(tmp_path)
    assert "Field `target`" in _refused("")


@pytest.mark.skipif(
    os.name != "posix" or os.geteuid() == 0, reason="permissions say nothing to an administrator"
)
def test_a_file_that_may_not_be_written_is_refused(path):
    """A file without permission is refused at construction."""
    path.write_bytes(b"")
    path.chmod(0o400)
    assert "Permission denied" in _refused(path)


@pytest.mark.parametrize(
    "target", [3, object(), ["x"], {"a": 1}], ids=["number", "object", "list", "dictionary"]
)
def test_what_is_neither_path_nor_stream_is_refused(target):
    """The error shows what was got and what is allowed."""
    message = _refused(target)
    assert message.startswith(
        "Field `target` of JsonExporter must be a path, a stream or None for standard output"
    )
    assert type(target).__name__ in message


@pytest.mark.parametrize(
    ("settings", "field"),
    [({"max_bytes": 0}, "max_bytes"), ({"max_bytes": -1}, "max_bytes"), ({"backups": -1}, "backups")],
    ids=str,
)
def test_numbers_without_a_meaning_are_refused(path, settings, field):
    """The error names the field and the value."""
    message = _refused(path, **settings)
    assert message.startswith(f"Field `{field}` of JsonExporter")
    assert str(settings[field]) in message


def test_a_stream_cannot_be_rotated():
    """A limit without a file is a mistake, and said so."""
    assert "needs a file to rotate" in _refused(None, max_bytes=100)
    assert "needs a file to rotate" in _refused(io.StringIO(), max_bytes=100)


def test_a_file_that_is_refused_is_not_made(tmp_path):
    """Wrong settings leave nothing behind."""
    _refused(tmp_path / "events.jsonl", max_bytes=0)
    assert list(tmp_path.iterdir()) == []


# ---------------------------------------------------------------- what goes wrong later


def test_an_event_that_is_no_json_loses_itself_alone(path, events, drops):
    """The others of its batch are written, and the loss is counted for its signal."""
    exporter = drops.watch(JsonExporter(path))
    exporter.export(
        [events.log("one"), events.span(1, name="\ud800"), events.metric(value=10**5000), events.log("two")]
    )
    exporter.shutdown()
    assert [line["log"]["message"] for line in _lines(path)] == ["one", "two"]
    assert drops == [("spans", "exporter_failed", 1), ("metrics", "exporter_failed", 1)]


def test_what_cannot_be_written_is_counted_by_signal_and_later_batches_are_written(path, events, drops):
    """While the folder is away everything is lost and counted; when it is back, the file is made anew."""
    folder = path.parent / "sub"
    folder.mkdir()
    exporter = drops.watch(JsonExporter(folder / "events.jsonl"))
    (folder / "events.jsonl").unlink()
    folder.rmdir()
    exporter.export([*events.one_of_each(), events.log()])
    assert sorted(drops) == [
        ("feedback", "exporter_failed", 1),
        ("logs", "exporter_failed", 2),
        ("metrics", "exporter_failed", 1),
        ("scores", "exporter_failed", 1),
        ("spans", "exporter_failed", 1),
    ]
    folder.mkdir()
    exporter.export([events.log("back")])
    exporter.shutdown()
    assert [line["log"]["message"] for line in _lines(folder / "events.jsonl")] == ["back"]
    assert len(drops) == 5


def test_of_a_batch_that_was_half_written_the_other_half_is_counted(path, events, drops, monkeypatch):
    """Where rotation spreads a batch over files and one of them fails, what arrived is not called lost."""
    exporter = drops.watch(JsonExporter(path, max_bytes=1, backups=9))
    append = exporter._sink._append
    calls = []

    def fail_at_the_third(file, data):
        calls.append(data)
        if len(calls) == 3:
            raise OSError("disk")
        append(file, data)

    monkeypatch.setattr(exporter._sink, "_append", fail_at_the_third)
    exporter.export([events.log("1"), events.metric(), events.log("3"), events.score(), events.log("5")])
    exporter.shutdown()
    assert drops == [("logs", "exporter_failed", 2), ("scores", "exporter_failed", 1)]


def test_a_stream_that_fails_costs_lines_and_nothing_else(events, drops):
    """Whatever the user's stream raises, the exporter goes on."""

    class Failing(io.StringIO):
        def write(self, text):
            raise ArithmeticError

    exporter = drops.watch(JsonExporter(Failing()))
    exporter.export([events.log()])
    exporter.flush()
    exporter.shutdown()
    assert drops == [("logs", "exporter_failed", 1)]


@pytest.mark.skipif(os.name != "posix", reason="pipes of POSIX systems")
def test_a_program_whose_reader_went_away_ends_well():
    """`program | head -1`: the program ends with 0, without a traceback, and the loss is said in one line."""
    program = """
import sys
from mastra_observability import JsonExporter, Observability

observability = Observability(exporters=[JsonExporter()])
sys.stdin.readline()
for n in range(1000):
    observability.span(f"span {n}").end()
observability.shutdown(5)
"""
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        process.stdout.close()
        process.stdin.write("go\n")
        process.stdin.flush()
        said = process.stderr.read()
        assert process.wait() == 0
    assert "Traceback" not in said
    assert len(said.splitlines()) <= 1
    assert "BrokenPipe" in said


def test_an_exporter_that_nobody_shut_down_leaves_no_warning(path, events):
    """One that is made and forgotten holds no file open."""
    JsonExporter(path)
    assert pathlib.Path(path).exists()
