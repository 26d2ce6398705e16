"""What can be asked of logs, and what is refused with the reason."""

import pytest

from mastra_core.errors import InvalidQueryError
from mastra_core.storage import FeedbackQuery, InMemoryStore, LogQuery, MetricQuery, ScoreQuery


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"level": "warning"}, r"`query\.level\.0` .*'trace', 'debug', 'info', 'warn', 'error' or 'fatal'"),
        ({"level": ["info", "INFO"]}, r"`query\.level\.1` .*got 'INFO'"),
        ({"level": []}, r"`query\.level` .*at least 1"),
        ({"logger": []}, r"`query\.logger` .*at least 1"),
        ({"data_keys": []}, r"`query\.data_keys` .*at least 1"),
        ({"data": {"a": {"b": [1]}}}, r"`data\.a\.b` is not"),
        ({"text": ""}, r"`query\.text` must be a text with at least one word"),
        ({"text": 'say "hi'}, r"`query\.text` must be a text whose quotes come in pairs"),
        ({"message": "x"}, r"`query\.message` does not exist.*Allowed are: after, .*text"),
        ({"after": "x"}, r"`query\.after` must be a cursor of this store; pass on `page\.cursor`"),
        ({"after": "", "order": "newest"}, r"must be without `order` where it has `after`"),
        ({"after": "", "offset": 0}, r"must be without `offset` where it has `after`"),
    ],
)
def test_a_question_without_a_meaning_is_refused(fields, words):
    """Nothing is ignored or guessed: the field is named, with what is allowed."""
    with pytest.raises(InvalidQueryError, match=words):
        LogQuery(**fields)


def test_one_text_stands_for_a_list_of_one():
    """Where several may be asked for, one may be written as it is."""
    query = LogQuery(level="warn", logger="app", trace_id="t", tags="g", data_keys="k")
    assert (query.level, query.logger, query.trace_id, query.tags, query.data_keys) == (
        *(("warn",), ("app",), ("t",), ("g",), ("k",)),
    )


def test_every_signal_of_a_moment_is_followed_by_its_own_cursors():
    """In memory logs, metrics, scores and feedback are read in order of arrival alike."""
    store = InMemoryStore()
    lists = [
        (store.list_logs, LogQuery),
        (store.list_metrics, MetricQuery),
        (store.list_scores, ScoreQuery),
        (store.list_feedback, FeedbackQuery),
    ]
    cursors = [read().cursor for read, _ in lists]
    assert len(set(cursors)) == 4
    for number, (read, query) in enumerate(lists):
        for other, cursor in enumerate(cursors):
            if number == other:
                assert read(query(after=cursor)).items == []
            else:
                with pytest.raises(InvalidQueryError, match="a cursor of this signal"):
                    read(query(after=cursor))
    assert store.list_traces().cursor is None
