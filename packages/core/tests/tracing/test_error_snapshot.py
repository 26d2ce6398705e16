"""An exception as data."""

from mastra_core.tracing.error_snapshot import ErrorSnapshot


def test_an_error_is_described_with_its_stack_and_its_cause():
    """Type, message, a text for each frame with its code, and the same of what it was raised from."""

    def fail():
        raise KeyError("river")

    try:
        try:
            fail()
        except KeyError as cause:
            raise ValueError("no such topic") from cause
    except ValueError as error:
        described = ErrorSnapshot(error).describe()

    assert (described["type"], described["message"]) == ("ValueError", "no such topic")
    assert described["stack"][0].endswith(': raise ValueError("no such topic") from cause')
    assert described["cause"]["type"] == "KeyError"
    assert described["cause"]["stack"][-1].endswith('.fail: raise KeyError("river")')
    assert "cause" not in described["cause"]


def test_an_error_that_was_never_raised_has_no_stack():
    """It is described by its class and its words."""
    assert ErrorSnapshot(OSError("full")).describe() == {"type": "OSError", "message": "full"}
