"""What a person reads of a session: which turn a trace is, and what the conversation took so far."""

import io
import re

import pytest

from mastra_core.signals.correlation import Correlation
from mastra_observability.exporters import ConsoleExporter
from mastra_observability.exporters.tally import MAX_SESSIONS

ANSI = re.compile(r"\x1b\[[0-9;]+m")
TRACES = [f"{number:032x}" for number in range(1, MAX_SESSIONS + 10)]


@pytest.fixture
def screen():
    """What was printed."""
    return io.StringIO()


def turn_of(events, trace_id, session_id="s-1", *, user_id=None, status="success", tokens=None, cost=None):
    """A trace of one generation."""
    who = Correlation(session_id=session_id, user_id=user_id)
    common = {"trace_id": trace_id, "correlation": who}
    yield events.span(
        2, 1, span_type="model_generation", ms=900, input_tokens=tokens, output_tokens=tokens,
        estimated_cost_usd=cost, **common,
    )  # fmt: skip
    # The steps of a generation have its tokens once more.
    yield events.span(3, 2, span_type="model_step", ms=900, input_tokens=tokens, **common)
    yield events.span(1, name="answer", ms=1000, status=status, **common)


def lines_of(screen, *starts):
    """The lines that begin so."""
    return [line for line in screen.getvalue().splitlines() if line.startswith(starts)]


def test_the_turns_of_a_session_belong_together(events, screen):
    """From the second one on a trace says its number, and the sums of the session stand below it."""
    console = ConsoleExporter(screen, colors=False, max_width=120)
    console.export(list(turn_of(events, TRACES[1], tokens=1000, cost=0.01, user_id="u-7")))
    console.export(list(turn_of(events, TRACES[2], "s-2", tokens=5)))
    console.export(list(turn_of(events, TRACES[3], tokens=200, status="error")))
    console.export(list(turn_of(events, TRACES[4])))
    assert lines_of(screen, "Trace", "Session") == [
        f"Trace {TRACES[1]} · 3 spans · 1 000 in, 1 000 out · $0.0100 · session s-1 · user u-7",
        f"Trace {TRACES[2]} · 3 spans · 5 in, 5 out · session s-2",
        f"Trace {TRACES[3]} · 3 spans · 200 in, 200 out · session s-1 · turn 2",
        "Session s-1 so far · 2 turns · 2.00 s · 1 200 in, 1 200 out · $0.0100 · 1 failed",
        f"Trace {TRACES[4]} · 3 spans · session s-1 · turn 3",
        "Session s-1 so far · 3 turns · 3.00 s · 1 200 in, 1 200 out · $0.0100 · 1 failed",
    ]


def test_a_trace_without_a_session_is_no_turn(events, screen):
    """Nor is one that is not whole."""
    console = ConsoleExporter(screen, colors=False)
    for trace_id in TRACES[:3]:
        console.export(list(turn_of(events, trace_id, None)))
    console.export(list(turn_of(events, TRACES[3]))[:1])
    console.shutdown()
    assert "turn" not in screen.getvalue()
    assert "incomplete" in screen.getvalue()


@pytest.mark.parametrize("colors", [False, True])
@pytest.mark.parametrize("width", [60, 80, 200])
def test_what_finds_no_room_goes_on_in_the_next_line(events, screen, width, colors):
    """On a narrow terminal nothing is lost but the ends of long names; colours take no room."""
    console = ConsoleExporter(screen, colors=colors, max_width=width)
    long = {"session_id": "s-" + "9" * 300, "user_id": "anne@example.org"}
    for trace_id in TRACES[:2]:
        console.export(list(turn_of(events, trace_id, tokens=123_456, cost=1.5, **long)))
    printed = ANSI.sub("", screen.getvalue())
    assert (printed != screen.getvalue()) == colors
    assert max(map(len, printed.splitlines())) <= width
    for part in (
        TRACES[1],
        "123 456 in, 123 456 out",
        "$1.5000",
        "user anne@example.org",
        "turn 2",
        "2 turns",
    ):
        assert part in printed


def test_a_session_cannot_paint_the_terminal(events, screen):
    """Ids come from users; what a terminal would obey is shown as an escape."""
    console = ConsoleExporter(screen, colors=False)
    for trace_id in TRACES[:2]:
        console.export(list(turn_of(events, trace_id, "s\x1b[2J\n1", user_id="u\r\x07")))
    assert not set(screen.getvalue()) & set("\x1b\r\x07")
    assert len(lines_of(screen, "Session")) == 1


def test_sessions_without_end_do_not_fill_the_memory(events, screen):
    """The one seen longest ago is forgotten, and one that goes on is not."""
    console = ConsoleExporter(screen, colors=False)
    for number, trace_id in enumerate(TRACES):
        console.export(list(turn_of(events, trace_id, f"s-{number}")))
        if number % 500 == 1:
            console.export(list(turn_of(events, f"a{trace_id[1:]}", "s-1")))
    console.export(list(turn_of(events, "b" * 32, "s-0")))
    assert "turn" not in lines_of(screen, f"Trace {'b' * 32}")[0]
    assert len(lines_of(screen, "Session s-1 so far")) == 3
