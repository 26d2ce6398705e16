"""How lines look."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mastra_logging import LogLine
from mastra_logging.fields import describe, join_fields
from mastra_logging.renderers.json import JsonRenderer
from mastra_logging.renderers.text import TextRenderer


def cycle():
    """A list that holds itself."""
    endless = []
    endless.append(endless)
    return endless


TEXTS = st.text(st.characters())
"""Any characters: ends of lines, lone surrogates, codes that terminals obey."""

VALUES = st.recursive(
    TEXTS
    | st.integers()
    | st.floats()
    | st.binary()
    | st.none()
    | st.sampled_from([ValueError("a\nb"), {1, 2}, cycle(), object, b"\xff"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=5,
)

AT_NS = 1_763_781_409_123_456_789
"""2025-11-22 03:16:49.123456 UTC."""


def line(message="counting", level="info", logger="", **fields):
    """A line."""
    return LogLine(AT_NS, level, logger, message, fields)


def raised(error):
    """An exception that was raised somewhere."""
    try:
        raise error  # noqa: TRY301
    except Exception as caught:  # noqa: BLE001
        return caught


def plain(rendered):
    """Without colours."""
    return re.sub(r"\x1b\[[0-9;]*m", "", rendered)


# ---------------------------------------------------------------- for programs


def test_a_json_line_begins_with_what_every_line_has():
    """Time in UTC with microseconds, level, message, logger; then the fields in their order."""
    rendered = JsonRenderer()(line(logger="app", workflow_id="wf-1", rows=3))
    assert rendered == (
        b'{"timestamp":"2025-11-22T03:16:49.123456Z","level":"info","message":"counting","logger":"app",'
        b'"workflow_id":"wf-1","rows":3}'
    )


def test_a_json_line_may_go_without_a_time():
    """Where something else stamps it."""
    assert JsonRenderer(timestamps=False)(line()) == b'{"level":"info","message":"counting"}'


def test_an_exception_is_an_object_of_a_json_line():
    """Type, message, stack and cause."""
    cause = raised(KeyError("river"))
    error = ValueError("no such topic")
    error.__cause__ = cause
    exception = json.loads(JsonRenderer()(line(exception=describe(raised(error)))))["exception"]
    assert (exception["type"], exception["message"]) == ("ValueError", "no such topic")
    assert exception["stack"][-1].endswith("in raised: raise error  # noqa: TRY301")
    assert exception["cause"]["type"] == "KeyError"


@given(message=TEXTS, fields=st.dictionaries(TEXTS, VALUES, max_size=4))
def test_a_json_line_is_one_line_that_can_be_parsed_whatever_is_in_it(message, fields):
    """For readers that split at line feeds, and for those that split wherever Unicode allows it."""
    rendered = JsonRenderer()(LogLine(AT_NS, "info", "", message, join_fields(fields, {}, {})))
    text = rendered.decode()
    assert text.splitlines() == [text]
    parsed = json.loads(text)
    assert parsed["level"] == "info"
    assert parsed["timestamp"].endswith("Z")


# ---------------------------------------------------------------- for people


def test_a_pretty_line_is_aligned_and_says_at_its_end_what_it_belongs_to():
    """Time, level, message, how long it took, fields, and dimmed the ids: traces by their first digits."""
    rendered = TextRenderer(timestamps="%Y")(
        line(
            "step completed",
            duration_ms=12.345678,
            topic="big rivers",
            workflow_id="wf-1",
            step_id="draft",
            step_name="Draft",
            session_id="s-1",
            trace_id="4bf92f3577b34da6a3ce929d0e0e4736",
            span_id="00f067aa0ba902b7",
            location="app.py:12",
        )
    )
    assert rendered == (
        "2025 INFO  step completed         12 ms  "
        'topic="big rivers"  wf-1/draft session=s-1 trace=4bf92f35 app.py:12'
    )


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"step_id": "s", "attempt": 1}, "INFO  went                   w/s"),
        ({"step_id": "s", "attempt": 2}, "INFO  went                   w/s#2"),
        ({"attempt": 2}, "INFO  went                  attempt=2  w"),
        (
            {"step_id": "s", "attempt": 1, "max_attempts": 3},
            "INFO  went                  attempt=1 max_attempts=3  w/s",
        ),
        ({"duration_ms": 65_000}, "INFO  went                 1 min 05 s  w"),
        ({"duration_ms": 1240.0}, "INFO  went                  1.24 s  w"),
        ({"duration_ms": "long"}, "INFO  went                  duration_ms=long  w"),
        ({"duration_ms": float("inf")}, "INFO  went                  duration_ms=inf  w"),
        ({"duration_ms": True}, "INFO  went                  duration_ms=true  w"),
    ],
)
def test_the_attempt_stands_with_its_step_and_a_duration_before_the_fields(fields, text):
    """What is not the attempt of the step, or no length of time, is a field like any other."""
    rendered = TextRenderer(timestamps=False)(line("went", workflow_id="w", **fields))
    assert rendered.split() == text.split()


def test_a_compact_line_is_the_same_without_alignment():
    """For one with little room."""
    rendered = TextRenderer(timestamps=False, is_compact=True)(
        line(
            "a\nb",
            level="warn",
            logger="app",
            rows=3,
            workflow_id="wf-1",
            exception=describe(OSError("full")),
        )
    )
    assert rendered == 'WARN app: a\\nb rows=3 exception="OSError: full" wf-1'


def test_times_of_people_are_local_and_short():
    """Hours, minutes, seconds, milliseconds."""
    assert re.fullmatch(r"\d\d:\d\d:49\.123 INFO  counting", TextRenderer()(line()))


@pytest.mark.parametrize("level", ["trace", "debug", "info", "warn", "error", "fatal", "loud"])
def test_colours_change_nothing_but_colours(level):
    """A coloured line without its colours is the plain one."""
    shown = line("fetched", level=level, logger="app", rows=3, trace_id="4bf92f35")
    for is_compact in (False, True):
        render = TextRenderer(is_compact=is_compact)
        assert "\x1b[" in render(shown, colors=True)
        assert plain(render(shown, colors=True)) == render(shown)
        assert "\x1b" not in render(shown)


def test_an_exception_goes_on_below_a_pretty_line():
    """What was raised, the way there with its code, then what it was raised from."""
    error = ValueError("no such topic\nreally")
    error.__cause__ = KeyError("river")
    first, *below = TextRenderer(timestamps=False)(
        line("failed", level="error", exception=describe(raised(error)))
    ).split("\n")
    assert first == "ERROR failed"
    assert below[:2] == ["  ValueError: no such topic", "  really"]
    assert below[2].startswith("    ")
    assert below[2].endswith("in raised: raise error  # noqa: TRY301")
    assert below[3:] == ["  caused by KeyError: 'river'"]


def test_a_message_of_several_lines_goes_on_below_in_moderation():
    """Indented, so that nothing looks like a line of its own; not endlessly."""
    rendered = TextRenderer(timestamps=False)(line("a\nINFO b" + "\nc" * 500, rows=3)).split("\n")
    assert rendered[0].startswith("INFO  a ")
    assert rendered[0].endswith("rows=3")
    assert rendered[1] == "  INFO b"
    assert len(rendered) == 101


@given(message=TEXTS, fields=st.dictionaries(TEXTS, VALUES, max_size=3))
def test_nothing_that_is_logged_can_move_the_cursor_or_look_like_another_line(message, fields):
    """What a terminal would obey is shown, and what goes on below is indented."""
    for is_compact in (False, True):
        rendered = TextRenderer(is_compact=is_compact)(
            LogLine(AT_NS, "info", message, message, join_fields(fields, {}, {}))
        )
        first, *below = rendered.split("\n")
        assert not any(ord(char) < 32 or 127 <= ord(char) < 160 for char in first + "".join(below))
        assert all(text.startswith("  ") for text in below)
        assert not (is_compact and below)


def test_a_field_that_only_looks_like_an_exception_is_a_field():
    """Something of the user's own under that name, in a line from elsewhere."""
    assert "caused" not in TextRenderer()(line(exception="none"))


@pytest.mark.parametrize("is_compact", [False, True])
def test_a_number_that_cannot_be_a_length_of_time_is_a_field(is_compact):
    """Dividing it into minutes would fail, and cost the line."""
    line = LogLine(AT_NS, "info", "", "done", {"duration_ms": 10**400})
    assert f"duration_ms=1{'0' * 400}" in TextRenderer(is_compact=is_compact)(line)
