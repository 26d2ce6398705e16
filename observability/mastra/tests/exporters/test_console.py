"""ConsoleExporter: what a person reads, when he reads it, and that nothing can spoil it."""

import io
import os
import re
import subprocess
import sys

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mastra_core.clock import to_datetime
from mastra_core.errors import ConfigurationError
from mastra_core.signals.correlation import Correlation
from mastra_core.signals.events import TracingEvent
from mastra_core.signals.payload import Json
from mastra_observability import Observability
from mastra_observability.exporters import ConsoleExporter

ANSI = re.compile(r"\x1b\[[0-9;]+m")


@pytest.fixture
def screen():
    """What was printed."""
    return io.StringIO()


@pytest.fixture
def console(screen):
    """An exporter without colours that prints to `screen`."""
    return ConsoleExporter(screen, colors=False, max_width=100)


@pytest.fixture
def clock_text(events):
    """The time of all events, as a person at this machine reads it."""
    return f"{to_datetime(events.now_ns).astimezone():%H:%M:%S}.473"


# ---------------------------------------------------------------- lines


def test_every_signal_can_be_read(console, screen, events, clock_text):
    """All five are supported: a tree for spans, a line for everything else."""
    assert console.signals == {"spans", "logs", "metrics", "scores", "feedback"}
    console.export(events.one_of_each())
    assert screen.getvalue().splitlines() == [
        "Trace 4bf92f3577b34da6a3ce929d0e0e4736 · 1 span",
        "✓ span 1  generic  1.00 ms",
        f"{clock_text} INFO     hello",
        f"{clock_text} METRIC   tokens 1",
        f"{clock_text} SCORE    relevance 0.5  trace=4bf92f35",
        f"{clock_text} FEEDBACK thumbs 1  trace=4bf92f35",
    ]


@pytest.mark.parametrize(
    ("message", "fields", "line"),
    [
        ("counting", {"data": {"chars": 20, "kind": "prose"}}, "INFO     counting  chars=20 kind=prose"),
        ("odd",
         {"data": {"a": "two words", "b": "", "c": 'x"y', "d": "a=b", "e": None, "f": [1, {"g": True}]}},
         'INFO     odd  a="two words" b="" c="x\\"y" d="a=b" e=null f=[1,{"g":true}]'),
        ("no object", {"data": [1]}, "INFO     no object  data=[1]"),
        ("named", {"logger": "app.db", "level": "warn"}, "WARN     app.db named"),
        ("traced", {"trace_id": "a" * 32, "data": {"n": 1}}, "INFO     traced  n=1  trace=aaaaaaaa"),
        ("", {"level": "fatal"}, "FATAL    "),
        ("two\nlines\x1b[2J", {"level": "error", "data": {"k\n": "v\x1b"}},
         'ERROR    two\\nlines\\x1b[2J  k\\n="v\\u001b"'),
        ("custom", {"level": "notice"}, "NOTICE   custom"),
    ],
    ids=["fields", "quoted", "list", "logger", "trace", "empty", "unsafe", "level"],
)  # fmt: skip
def test_a_log_is_a_line(console, screen, events, clock_text, message, fields, line):
    """Time, level, message, fields that can be told apart, and the beginning of the trace's id."""
    console.export([events.log(message, **fields)])
    assert screen.getvalue() == f"{clock_text} {line}\n"


def test_an_exception_stands_below_its_line(console, screen, events):
    """Type, message, the innermost frames and the cause, each in a line of its own, below the message."""
    cause = {"type": "KeyError", "message": "'day'"}
    stack = [f"app.py:{number} in f" for number in range(1, 13)]
    exception = {"type": "ValueError", "message": "no\nday", "stack": stack, "cause": cause}
    console.export([events.log("failed", "error", data={"n": 1, "exception": exception})])
    first, *below = screen.getvalue().splitlines()
    assert first.endswith(" ERROR    failed  n=1")
    assert below == [
        " " * 22 + line
        for line in [
            "ValueError: no\\nday",
            "  … 4 more",
            *(f"  at app.py:{number} in f" for number in range(5, 13)),
            "caused by KeyError: 'day'",
        ]
    ]


@pytest.mark.parametrize("value", ["text", {"type": 5, "message": "m"}, {"message": "m"}, {"code": 1}])
def test_a_field_called_exception_that_is_none_stays_a_field(console, screen, events, value):
    """It is shown where the other fields are."""
    console.export([events.log("said", data={"exception": value})])
    (line,) = screen.getvalue().splitlines()
    assert "said  exception=" in line


def test_a_line_that_was_put_out_elsewhere_is_not_printed_again(screen, events):
    """Unless it is asked for."""
    lines = [events.log("printed", origin="structlog"), events.log("new")]
    ConsoleExporter(screen).export(lines)
    assert [line.split()[-1] for line in screen.getvalue().splitlines()] == ["new"]
    ConsoleExporter(screen, show_bridged=True).export(lines)
    assert [line.split()[-1] for line in screen.getvalue().splitlines()] == ["new", "printed", "new"]


@pytest.mark.parametrize(
    ("value", "shown"),
    [(3.0, "3"), (12.3456789, "12.3457"), (1_234_567.0, "1234567"), (0.00001234, "1.234e-05"), (-2.5, "-2.5"),
     (float("inf"), "inf"), (float("nan"), "nan"), (1e300, "1e+300")],
    ids=str,
)  # fmt: skip
def test_a_number_is_shown_as_a_person_would_write_it(console, screen, events, value, shown):
    """Whole numbers whole, others in six digits."""
    console.export([events.metric("m", value, labels={"tool": "fetch"}, unit="ms")])
    assert screen.getvalue().split("METRIC   ")[1] == f"m {shown} ms  tool=fetch\n"


def test_metrics_can_be_left_out(screen, events):
    """Spans make several observations each; who does not want to read them need not."""
    console = ConsoleExporter(screen, show_metrics=False)
    console.export([events.metric(), events.log()])
    assert screen.getvalue().count("\n") == 1


def test_scores_and_feedback_say_who_and_why(console, screen, events):
    """Reason, source, comment and user stand beside the value, which may be a text."""
    console.export(
        [
            events.score("tone", 1.0, reason="kind words", source="live"),
            events.feedback("note", value_text="great\nwork", comment="ok", source="user",
                            correlation=Correlation(user_id="u-1")),
        ]
    )  # fmt: skip
    score, feedback = screen.getvalue().splitlines()
    assert score.split("SCORE    ")[1] == 'tone 1  reason="kind words" source=live  trace=4bf92f35'
    assert (
        feedback.split("FEEDBACK ")[1] == "note great\\nwork  comment=ok source=user user=u-1  trace=4bf92f35"
    )


def test_a_message_without_end_is_cut(console, screen, events):
    """A megabyte of message is no megabyte of screen."""
    console.export([events.log("x" * 1_000_000, data={"y" * 100_000: "z" * 1_000_000})])
    assert len(screen.getvalue()) < 10_000


# ---------------------------------------------------------------- trees


def test_a_trace_is_printed_when_its_root_ends(console, screen, events):
    """Children that ended before it are in the tree, and nothing of it was printed before."""
    console.export([events.span(3, 2), events.span(2, 1)])
    assert screen.getvalue() == ""
    console.export([events.span(1)])
    assert screen.getvalue().splitlines()[1:] == [
        "✓ span 1  generic        1.00 ms",
        "└─ ✓ span 2  generic     1.00 ms",
        "   └─ ✓ span 3  generic  1.00 ms",
    ]


def test_each_handler_takes_its_event(console, screen, events):
    """An exporter that is used by hand, event by event, prints the same."""
    span, log, metric, score, feedback = events.one_of_each()
    console.on_tracing_event(span)
    console.on_log_event(log)
    console.on_metric_event(metric)
    console.on_score_event(score)
    console.on_feedback_event(feedback)
    assert len(screen.getvalue().splitlines()) == 6


def test_what_waits_at_the_end_is_printed_as_incomplete(console, screen, events):
    """A flush leaves a running trace alone; shutdown prints it."""
    console.export([events.span(2, 1), events.span(1, ms=None)])
    console.flush()
    assert screen.getvalue() == ""
    console.shutdown()
    headline, root, child = screen.getvalue().splitlines()
    assert headline.endswith("2 spans (incomplete: its root has not ended)")
    assert root.startswith("… span 1")
    assert child.startswith("└─ ✓ span 2")
    console.shutdown()
    assert screen.getvalue().count("\n") == 3
    assert not screen.closed


def test_a_span_that_comes_late_is_printed_as_a_continuation(console, screen, events):
    """After its trace was printed it is printed by itself; an orphan at the next flush."""
    console.export([events.span(1), events.span(2, 1)])
    assert screen.getvalue().splitlines()[2].endswith("1 span (continued)")
    console.export([events.span(4, 99, trace_id="b" * 32), events.span(3, trace_id="b" * 32)])
    console.flush()
    assert "✓ span 4" in screen.getvalue().splitlines()[-1]


def test_a_trace_of_many_spans_is_cut_visibly(console, screen, events):
    """Memory and screen are bounded, and what is not shown is counted."""
    for start in range(1, 3001, 500):
        console.export([events.span(n, 9_999) for n in range(start, start + 500)])
    console.export([events.span(9_999)])
    lines = screen.getvalue().splitlines()
    assert lines[0].endswith("· 3 001 spans")
    assert lines[-1] == "… 2 501 more spans"
    assert len(lines) == 502


def test_traces_without_end_do_not_fill_the_memory(console, screen, events):
    """The oldest of too many open traces is printed as incomplete."""
    console.export([events.span(2, 1, trace_id=f"{n:032x}") for n in range(1, 200)])
    assert screen.getvalue().count("incomplete") == 99
    assert screen.getvalue().startswith(f"Trace {1:032x}")


def test_payloads_are_kept_only_where_they_are_shown(console, events):
    """While a span waits for its root, what will not be printed takes no room."""
    large = {
        name: {"type": "E", "text": "x" * 100_000} for name in ("input", "output", "attributes", "error")
    }
    console.export([events.span(2, 1, **large)])
    waiting = console._pending._waiting[events.trace_id].spans
    assert len(msgspec.json.encode(list(waiting.values()))) < 1_000


def test_payloads_are_shown_cut_where_they_are_wanted(screen, events):
    """The beginning of each, on one line, and no more than that waits."""
    console = ConsoleExporter(screen, colors=False, show_payloads=True, max_width=80)
    console.export([events.span(2, 1, output={"text": "y" * 100_000})])
    assert len(msgspec.json.encode(list(console._pending._waiting[events.trace_id].spans.values()))) < 10_000
    console.export([events.span(1, input={"day": "x"})])
    lines = screen.getvalue().splitlines()
    assert lines[2] == '│     in  {"day":"x"}'
    assert lines[4].endswith("yyy…")
    assert len(lines[4]) == 80


# ---------------------------------------------------------------- the screen


class Screen(io.TextIOWrapper):
    """A stream of an encoding, with or without a person."""

    def __init__(self, encoding="utf-8", *, is_terminal=False):
        super().__init__(io.BytesIO(), encoding=encoding)
        self._is_terminal = is_terminal

    def isatty(self):
        return self._is_terminal

    def text(self):
        return self.buffer.getvalue().decode(self.encoding)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_a_screen_that_has_no_box_characters_gets_ascii(events, encoding):
    """The tree is drawn with ASCII signs, and names that cannot be shown are written as escapes."""
    screen = Screen(encoding)
    ConsoleExporter(screen, max_width=80).export(
        [events.span(2, 1, name="漢字"), events.span(1), events.log("→")]
    )
    lines = screen.text().splitlines()
    assert lines[1].startswith("+ span 1")
    assert lines[2].startswith(r"`- + \u6f22\u5b57")
    assert lines[3].endswith(r"INFO     \u2192")


def test_colors_are_for_a_person(events, monkeypatch):
    """On a terminal there are colours, in a file there are none, and who says which gets them."""
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")

    def is_colored(*, is_terminal, colors=None):
        screen = Screen(is_terminal=is_terminal)
        ConsoleExporter(screen, colors=colors).export(events.one_of_each())
        lines = screen.text().splitlines()
        assert len({bool(ANSI.search(line)) for line in lines}) == 1
        return bool(ANSI.search(lines[0]))

    assert is_colored(is_terminal=True)
    assert not is_colored(is_terminal=False)
    assert is_colored(is_terminal=False, colors=True)
    assert not is_colored(is_terminal=True, colors=False)
    monkeypatch.setenv("NO_COLOR", "1")
    assert not is_colored(is_terminal=True)


def test_the_width_is_the_terminals(events, monkeypatch):
    """A person sees lines that fit; a file gets 120 columns."""
    monkeypatch.setenv("COLUMNS", "70")
    for is_terminal, columns in ((True, 70), (False, 120)):
        screen = Screen(is_terminal=is_terminal)
        ConsoleExporter(screen, colors=False).export([events.span(1, name="n" * 300)])
        assert max(map(len, screen.text().splitlines())) == columns


def test_without_a_stream_it_prints_to_the_standard_output_of_the_moment(capsys, monkeypatch, events):
    """A program that redirects its output redirects this as well."""
    console = ConsoleExporter()
    console.export([events.log("one")])
    assert capsys.readouterr().out.endswith("one\n")
    other = io.StringIO()
    monkeypatch.setattr(sys, "stdout", other)
    console.export([events.log("two")])
    assert other.getvalue().endswith("two\n")


@given(st.text(alphabet=st.characters(exclude_categories=[]), max_size=30))
@settings(deadline=None)
def test_no_text_of_a_user_reaches_the_terminal_as_a_command(events, text):
    """Whatever a user wrote anywhere: what is printed is the same number of lines, and safe."""
    screen = io.StringIO()
    everywhere = {"model": text, "error_message": text, "status": "error"}
    span = msgspec.structs.replace(events.span(1).span, name=text, **everywhere)
    ConsoleExporter(screen, colors=False, show_derived_metrics=True).export(
        [
            events.log(text, text or "info", data={text: text}, logger=text),
            events.metric(text, labels={text: text}, unit=text),
            events.score(text, reason=text, source=text),
            events.feedback(text, value_text=text, comment=text),
            TracingEvent("span_ended", span),
        ]
    )
    printed = screen.getvalue()
    assert printed.count("\n") == 7
    assert all(char.isprintable() or char in "\n\u200c\u200d\u00a0\u3000" for char in printed)


# ---------------------------------------------------------------- what goes wrong


def test_an_event_that_cannot_be_printed_takes_no_other_along(console, screen, events, drops):
    """It is counted for its signal, and the rest of the batch is printed."""
    broken = events.log("broken", trace_id="a")
    broken = type(broken)(msgspec.structs.replace(broken.log, data=Json(b"{no json")))
    drops.watch(console).export([events.log("one"), broken, events.log("two")])
    assert [line.split()[-1] for line in screen.getvalue().splitlines()] == ["one", "two"]
    assert drops == [("logs", "exporter_failed", 1)]


def test_a_span_of_an_unknown_kind_is_printed(console, screen, events, drops):
    """A kind or a status of a later version, and an error that is no object, do not hide the span."""
    span = events.span(1, span_type="brand_new", status="odd").span
    drops.watch(console).export([TracingEvent("span_ended", span)])
    assert "✓ span 1  generic" in screen.getvalue()
    assert drops == []


def test_a_screen_that_fails_costs_what_was_to_be_printed(events, drops):
    """It is counted by signal, and nothing raises, also not at the end."""
    screen = io.StringIO()
    console = drops.watch(ConsoleExporter(screen))
    console.export([events.span(2, 1)])
    screen.close()
    console.export([*events.one_of_each(), events.log()])
    console.flush()
    console.export([events.span(3, 1, trace_id="b" * 32)])
    console.shutdown()
    assert drops == [
        ("spans", "exporter_failed", 1),
        ("logs", "exporter_failed", 2),
        ("metrics", "exporter_failed", 1),
        ("scores", "exporter_failed", 1),
        ("feedback", "exporter_failed", 1),
        ("spans", "exporter_failed", 1),
    ]


def test_a_program_without_standard_output_goes_on(monkeypatch, events, drops):
    """As programs without a console do."""
    monkeypatch.setattr(sys, "stdout", None)
    drops.watch(ConsoleExporter()).export([events.log()])
    assert drops == [("logs", "exporter_failed", 1)]


@pytest.mark.parametrize("width", [0, 59, -1])
def test_a_width_without_room_for_a_tree_is_refused(width):
    """At construction, with the field and the value."""
    with pytest.raises(
        ConfigurationError, match=rf"Field `max_width` of ConsoleExporter must .* got {width}"
    ):
        ConsoleExporter(max_width=width)


@pytest.mark.skipif(os.name != "posix", reason="pipes of POSIX systems")
def test_a_program_whose_reader_went_away_ends_well():
    """As with `program | head`: no traceback, exit code 0."""
    program = """
import sys
from mastra_observability import ConsoleExporter, Observability

observability = Observability(exporters=[ConsoleExporter()])
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


def test_a_program_is_read_as_it_runs(screen):
    """From the public face to the screen: the tree of a trace with its error, and its score."""
    observability = Observability(service_name="tests", exporters=[ConsoleExporter(screen, colors=False)])
    with observability.span("nightly", session_id="s-1") as root:
        with pytest.raises(ValueError, match="no"), observability.span("step", "tool_call"):
            raise ValueError("no")
        root.add_score("relevance", 0.5)
    assert observability.shutdown(5)
    lines = screen.getvalue().splitlines()
    assert sum("SCORE    relevance 0.5" in line for line in lines) == 1
    tree = [line for line in lines if "SCORE" not in line]
    assert [line.split("  ")[0] for line in tree[:3]] == [
        f"Trace {root.trace_id} · 2 spans · session s-1",
        "✓ nightly",
        "└─ ✗ step",
    ]
    assert tree[3].strip() == "ValueError: no"
