"""The drawing of a trace: pure, safe, aligned, and never larger than asked for."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mastra_core.output.terminal import format_duration, width_of
from mastra_core.signals.correlation import Correlation
from mastra_core.tracing.recorded import RecordedTrace
from mastra_observability.exporters.tally import format_count
from mastra_observability.exporters.tree import render_tree

ANSI = re.compile(r"\x1b\[[0-9;]+m")


def _trace(*events):
    return RecordedTrace.from_exported(event.span for event in events)


@pytest.fixture
def story(events):
    """A workflow of one of everything."""
    return _trace(
        events.span(
            1, name="critique-revise", span_type="workflow_run", ms=1240,
            correlation=Correlation(session_id="s-1"),
        ),
        events.span(2, 1, name="draft", span_type="workflow_step", ms=812),
        events.span(
            3, 2, name="writer", span_type="model_generation", ms=811,
            model="gpt-4o", input_tokens=1204, output_tokens=380, estimated_cost_usd=0.0123,
        ),
        events.span(
            4, 1, name="fetch", span_type="tool_call", ms=0.2, status="error",
            error={"type": "OSError", "message": "no route"}, error_message="no route",
        ),
        events.span(5, 4, name="retry", is_event=True, ms=0),
        events.span(6, 1, name="answer", ms=None),
        events.span(7, 1, name="stopped", ms=70_000, status="interrupted"),
    )  # fmt: skip


def test_a_trace_is_drawn_as_a_tree(story):
    """Marks, names, kinds, models, tokens, costs, errors, and how long each took, one below the other."""
    assert (
        render_tree(story, colors=False)
        == """\
Trace 4bf92f3577b34da6a3ce929d0e0e4736 · 7 spans · 1 204 in, 380 out · $0.0123 · session s-1
✓ critique-revise  workflow_run                                          1.24 s
├─ ✓ draft  workflow_step                                                812 ms
│  └─ ✓ writer  model_generation · gpt-4o · 1 204 in, 380 out · $0.0123  811 ms
├─ ✗ fetch  tool_call                                                   0.20 ms
│  │     OSError: no route
│  └─ • retry  generic
├─ … answer  generic                                                    running
└─ ⏸ stopped  generic                                                1 min 10 s"""
    )


def test_where_there_is_only_ascii_the_tree_is_drawn_with_it(story):
    """The same tree, in signs that every terminal has."""
    text = render_tree(story, colors=False, ascii=True)
    assert text.isascii()
    assert text.splitlines()[1:6] == [
        "+ critique-revise  workflow_run                                          1.24 s",
        "|- + draft  workflow_step                                                812 ms",
        "|  `- + writer  model_generation - gpt-4o - 1 204 in, 380 out - $0.0123  811 ms",
        "|- x fetch  tool_call                                                   0.20 ms",
        "|  |     OSError: no route",
    ]


def test_colors_change_nothing_but_the_colors(story):
    """Without its colours the coloured tree is the plain one, and every colour is ended on its line."""
    colored = render_tree(story, colors=True)
    assert ANSI.sub("", colored) == render_tree(story, colors=False)
    assert "\x1b[31m✗\x1b[0m" in colored
    assert "\x1b[32m✓\x1b[0m" in colored
    for line in colored.splitlines():
        codes = ANSI.findall(line)
        assert codes[1::2] == ["\x1b[0m"] * (len(codes) // 2)


def test_payloads_are_shown_where_they_are_wanted(events):
    """Input and output stand below their span as JSON, on a line each."""
    trace = _trace(events.span(1, input={"a": "x\ny"}, output=None), events.span(2, 1, output=[1, 2]))
    assert "in " not in render_tree(trace, colors=False)
    assert render_tree(trace, colors=False, show_payloads=True).splitlines()[1:] == [
        "✓ span 1  generic     1.00 ms",
        '│     in  {"a":"x\\ny"}',
        "└─ ✓ span 2  generic  1.00 ms",
        "      out [1,2]",
    ]


def test_long_lines_are_cut_to_the_width(events):
    """Names and messages end in a mark where they were cut, durations stay where they are."""
    trace = _trace(
        events.span(1, name="n" * 200),
        events.span(2, 1, name="short", status="error", error_message="m" * 200),
    )
    lines = render_tree(trace, colors=False, width=60).splitlines()
    assert all(len(line) <= 60 for line in lines)
    assert lines[1].endswith("n…  1.00 ms")
    assert lines[2].endswith("  1.00 ms")
    assert lines[3].endswith("mm…")


TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=40)


@given(
    parents=st.lists(st.none() | st.integers(0, 30), min_size=1, max_size=30),
    names=st.lists(TEXT, min_size=30, max_size=30),
    width=st.integers(60, 120),
    colors=st.booleans(),
    is_ascii=st.booleans(),
)
@settings(deadline=None)
def test_any_trace_is_drawn_safely_within_its_width(events, parents, names, width, colors, is_ascii):
    """Whatever spans are called and however they nest: none too wide, none that a terminal obeys."""
    trace = _trace(
        *(
            events.span(
                number,
                parent,
                name=names[number],
                model=names[-number],
                status="error",
                error_message=f"{number} {names[0]}",
            )
            for number, parent in enumerate(parents)
        )
    )
    plain = ANSI.sub("", render_tree(trace, colors=colors, ascii=is_ascii, width=width))
    lines = plain.split("\n")
    assert len(lines) == 1 + 2 * len(parents)
    assert plain.replace("\n", "") == "".join(
        c for c in plain if c.isprintable() or c in "\u200c\u200d\u00a0\u3000"
    )
    assert all(width_of(line) <= width for line in lines)


def test_a_name_cannot_paint_the_terminal(events):
    """Control characters and line breaks in names, models, messages and payloads are shown as escapes."""
    evil = "\x1b[2J\nforged ✓ line\r"
    trace = _trace(
        events.span(
            1, name=evil, model=evil, status="error", error_message=evil, input=evil,
            error={"type": evil}, correlation=Correlation(session_id=evil),
        )
    )  # fmt: skip
    text = render_tree(trace, colors=False, show_payloads=True)
    assert len(text.splitlines()) == 4
    assert "\x1b" not in text
    assert r"\x1b[2J\nforged ✓ line\r" in text


def test_a_large_trace_is_cut_and_says_by_how_much(events):
    """What is not drawn is counted, and what failed among it as well."""
    spans = [events.span(0)] + [
        events.span(n, 0, status="error" if n % 100 == 0 else "success") for n in range(1, 1735)
    ]
    lines = render_tree(_trace(*spans), colors=False, max_spans=500).splitlines()
    assert lines[0].endswith("1 735 spans")
    assert lines[-1] == "… 1 235 more spans, 13 of them failed"
    assert len(lines) == 502
    assert render_tree(_trace(*spans), colors=False, ascii=True).splitlines()[-1].startswith("... 1 235 more")


def test_spans_that_were_not_kept_are_counted(events):
    """What the caller knows to be missing is said as well."""
    lines = render_tree(_trace(events.span(1)), colors=False, more_spans=1000).splitlines()
    assert lines[0].endswith("1 001 spans")
    assert lines[-1] == "… 1 000 more spans"


def test_a_deep_trace_begins_again_at_the_left(events):
    """After so many levels the indentation starts over, with the level in parentheses."""
    trace = _trace(*(events.span(n, n - 1 if n else None) for n in range(200)))
    lines = render_tree(trace, colors=False, width=80).splitlines()
    assert len(lines) == 201
    assert all(len(line) <= 80 for line in lines)
    assert lines[11].startswith("(10) └─ ✓ span 10")
    assert lines[101].startswith("(100) └─ ✓ span 100")


def test_several_roots_and_orphans_are_all_drawn(events):
    """Each stands at the left."""
    lines = render_tree(
        _trace(events.span(1), events.span(2, 99), events.span(3, 2)), colors=False
    ).splitlines()
    assert [line.split("  ")[0] for line in lines[1:]] == ["✓ span 1", "✓ span 2", "└─ ✓ span 3"]


def test_a_trace_of_nothing_is_said_to_be_one():
    """Rather than nothing at all."""
    assert render_tree(RecordedTrace(None, []), colors=False) == "Nothing was recorded."


def test_drawing_changes_nothing(story):
    """The same trace is drawn the same twice."""
    assert render_tree(story, colors=True) == render_tree(story, colors=True)


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (0, "0.00 ms"),
        (0.204, "0.20 ms"),
        (9.99, "9.99 ms"),
        (9.999, "10 ms"),
        (812.4, "812 ms"),
        (999.4, "999 ms"),
        (999.6, "1.00 s"),
        (1240, "1.24 s"),
        (59_990, "59.99 s"),
        (59_999, "1 min 00 s"),
        (125_000, "2 min 05 s"),
        (3_599_999, "1 h 00 min"),
        (3_720_000, "1 h 02 min"),
        (360_000_000, "100 h 00 min"),
        (-5, "-5.00 ms"),
    ],
    ids=str,
)
def test_durations_have_about_three_digits_and_their_unit(ms, text):
    """From hundredths of a millisecond to hours."""
    assert format_duration(ms) == text


@given(st.floats(0, 1e9), st.floats(0, 1e9))
def test_no_duration_needs_more_room_than_another_of_its_size(one, other):
    """Each fits a narrow column."""
    assert all(len(format_duration(ms)) <= 12 for ms in (one, other))


def test_counts_have_their_thousands_apart():
    """As they are read."""
    assert [format_count(n) for n in (0, 999, 1234, 1234567)] == ["0", "999", "1 234", "1 234 567"]


def test_an_error_that_came_up_from_below_is_told_once(events):
    """Where a span failed with the error of one inside it, the message stands at the innermost."""
    failed = {"status": "error", "error_message": "no route to host"}
    trace = _trace(events.span(0, None, **failed), events.span(1, 0, **failed), events.span(2, 1, **failed))
    assert render_tree(trace, colors=False).count("no route to host") == 1
