"""The contracts of stores of scores and of feedback."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mastra_core.errors import InvalidQueryError, StoreClosedError, WriteRejectedError
from mastra_core.signals.correlation import Correlation
from mastra_core.signals.feedback import FeedbackInput
from mastra_core.signals.payload import Json, encode
from mastra_core.signals.score import ScoreInput
from mastra_core.storage.aggregation import Aggregation
from mastra_core.storage.queries import FeedbackQuery, ScoreQuery
from mastra_core.testing import strategies as draw
from mastra_core.testing.contracts.figure_agreement import FigureAgreement
from mastra_core.testing.contracts.figure_kinds import FEEDBACK, SCORES
from mastra_core.testing.contracts.figure_laws import FigureLaws
from mastra_core.testing.fakes import fake_feedback, fake_open_span, fake_score, fake_span

_TRACE, _ROOT, _CHILD = f"{1:032x}", f"{1:016x}", f"{2:016x}"
_WHO = Correlation(session_id="s-1", user_id="u-1", entity_type="agent", entity_name="writer", tags=("t",))
_UNKNOWN = ["", "x", "\0", "\ud800", *draw.INJECTIONS[:2]]


class ScoreStoreContract(FigureLaws, FigureAgreement):
    """What every store of scores must do; one that keeps spans as well."""

    kind = SCORES

    def test_l22_scores_are_got_and_deleted_by_id(self, store: Any) -> None:  # noqa: ANN401
        """What was deleted is found by no question; what is not there is passed over."""
        store.write_scores([fake_score(n, float(n)) for n in range(4)])
        one = store.get_score(f"{2:032x}")
        assert (one.score, one.scorer_id) == (2.0, "relevance")
        assert store.delete_scores([f"{2:032x}", f"{3:032x}", *_UNKNOWN]) == 2
        assert store.delete_scores([f"{2:032x}"]) == store.delete_scores([]) == 0
        assert store.get_score(f"{2:032x}") is None
        assert [score.score for score in store.list_scores().items] == [1.0, 0.0]
        assert store.aggregate_scores(None, Aggregation("sum", group_by="scorer_id")).groups[0].value == 1.0
        for unknown in _UNKNOWN:
            assert store.get_score(unknown) is None

    def test_l23_a_score_takes_the_context_of_what_it_speaks_of(self, store: Any) -> None:  # noqa: ANN401
        """A span's or, of a whole trace, the root's; what the score says itself wins."""
        root_metadata = Json(encode({"plan": "pro", "by": "root"}))
        store.write_spans(
            [
                fake_span(0, correlation=_WHO, metadata=root_metadata),
                fake_span(1, correlation=Correlation(session_id="s-1", entity_name="tool")),
            ]
        )
        whole = store.create_score(
            ScoreInput(scorer="relevance", score=0.5, reason="why", metadata={"by": "me"}), trace_id=_TRACE
        )
        part = store.create_score(ScoreInput(scorer="tone", score=1), trace_id=_TRACE, span_id=_CHILD)
        assert (whole.session_id, whole.user_id, whole.entity_name, whole.tags) == (
            "s-1",
            "u-1",
            "writer",
            ["t"],
        )
        assert (whole.metadata, whole.span_id, whole.reason) == ({"plan": "pro", "by": "me"}, None, "why")
        assert (part.entity_name, part.user_id, part.span_id) == ("tool", None, _CHILD)
        assert store.get_score(whole.score_id) == whole
        listed = store.list_scores(ScoreQuery(session_id="s-1", user_id="u-1", entity_name="writer"))
        assert listed.items == [whole]

    def test_l23_a_score_needs_only_ids(self, store: Any) -> None:  # noqa: ANN401
        """Of a trace that is not stored it is kept with its ids, of one that runs with its context."""
        made = store.create_score(ScoreInput(scorer="s", score=1), trace_id="unknown", span_id="x")
        assert (made.trace_id, made.span_id, made.session_id) == ("unknown", "x", None)
        assert store.list_scores(ScoreQuery(trace_id="unknown")).items == [made]
        assert store.create_score(ScoreInput(scorer="s", score=1)).trace_id is None
        said = store.create_score(ScoreInput(scorer="s", score=1, trace_id="t", span_id="x"))
        assert (said.trace_id, said.span_id) == ("t", "x")
        store.write_open_spans([fake_open_span(0, correlation=_WHO)])
        assert store.create_score(ScoreInput(scorer="s", score=1), trace_id=_TRACE).session_id == "s-1"

    def test_a_closed_store_changes_nothing(self, store: Any) -> None:  # noqa: ANN401
        """Every method raises `StoreClosedError` after `close`."""
        store.close()
        uses: list[Callable[[], object]] = [
            lambda: store.get_score("x"),
            lambda: store.delete_scores(["x"]),
            lambda: store.create_score(ScoreInput(scorer="s", score=1), trace_id="x"),
        ]
        for use in uses:
            with pytest.raises(StoreClosedError):
                use()


class FeedbackStoreContract(FigureLaws, FigureAgreement):
    """What every store of feedback must do; one that keeps spans as well."""

    kind = FEEDBACK

    def test_l20_feedback_comes_back_as_what_it_was(self, store: Any) -> None:  # noqa: ANN401
        """A number is a number and a text a text, also where they look the same."""
        values: list[float | str] = [1.0, "1", 0.0, "", "up", -2.5, "1.0", "\0"]
        store.write_feedback([fake_feedback(n, value) for n, value in enumerate(values)])
        found = store.list_feedback(FeedbackQuery(order="oldest")).items
        assert [one.value for one in found] == values
        for n, value in enumerate(values):
            page = store.list_feedback(FeedbackQuery(value=value))
            assert [one.feedback_id for one in page.items] == [f"{n:032x}"]

    def test_l20_texts_are_counted_by_value_and_numbers_summed(self, store: Any) -> None:  # noqa: ANN401
        """Numbers come before texts among groups of one size; sums leave texts out."""
        values: list[float | str] = ["up", 1.0, "up", "down", "1", 3.0]
        store.write_feedback([fake_feedback(n, value) for n, value in enumerate(values)])
        answer = store.aggregate_feedback(None, Aggregation("count", group_by="value"))
        assert [(group.key["value"], group.value) for group in answer.groups] == [
            ("up", 2),
            (1.0, 1),
            (3.0, 1),
            ("1", 1),
            ("down", 1),
        ]
        assert store.aggregate_feedback(None, Aggregation("sum")).value == 4.0
        assert store.aggregate_feedback(None, Aggregation("count_distinct")).value == 5
        assert store.feedback_percentiles(None, 0.5).count == 2

    def test_l12_a_review_status_that_does_not_exist_is_refused_by_its_position(self, store: Any) -> None:  # noqa: ANN401
        """No list could show it afterwards, so it is not stored."""
        unknown: Any = "done"
        with pytest.raises(WriteRejectedError, match=r"needs_review.*reviewed") as caught:
            store.write_feedback([fake_feedback(0), fake_feedback(1, review_status=unknown)])
        assert caught.value.positions == (1,)
        assert store.list_feedback().total == 0

    def test_l21_the_review_status_stays_as_it_was_set(self, store: Any) -> None:  # noqa: ANN401
        """It begins as needing a look, is changed by id, found by, and outlives a repeated write."""
        batch = [fake_feedback(n) for n in range(3)]
        store.write_feedback(batch)
        assert store.list_feedback(FeedbackQuery(review_status="needs_review")).total == 3
        changed = store.update_feedback_review(f"{1:032x}", "reviewed")
        store.write_feedback(batch)
        assert changed == store.get_feedback(f"{1:032x}")
        assert changed.review_status == "reviewed"
        assert store.list_feedback(FeedbackQuery(review_status="reviewed")).items == [changed]
        assert store.update_feedback_review(f"{1:032x}", "needs_review").review_status == "needs_review"
        for unknown in _UNKNOWN:
            assert store.update_feedback_review(unknown, "reviewed") is None
        with pytest.raises(InvalidQueryError, match="one of needs_review, reviewed"):
            store.update_feedback_review(f"{1:032x}", "done")

    def test_l22_feedback_is_got_and_deleted_by_id(self, store: Any) -> None:  # noqa: ANN401
        """What was deleted is found by no question; what is not there is passed over."""
        store.write_feedback([fake_feedback(n, "up") for n in range(3)])
        assert store.delete_feedback([f"{1:032x}", *_UNKNOWN]) == 1
        assert store.delete_feedback([f"{1:032x}"]) == 0
        assert store.get_feedback(f"{1:032x}") is None
        assert store.list_feedback().total == store.aggregate_feedback(None, Aggregation("count")).value == 2
        for unknown in _UNKNOWN:
            assert store.get_feedback(unknown) is None

    def test_l23_feedback_takes_the_context_of_what_it_speaks_of(self, store: Any) -> None:  # noqa: ANN401
        """The root's for a whole trace; who gave it stands in place of the trace's user."""
        store.write_spans([fake_span(0, correlation=_WHO), fake_span(1)])
        text = store.create_feedback(FeedbackInput(feedback_type="thumbs", value="up"), trace_id=_TRACE)
        number = store.create_feedback(
            FeedbackInput(feedback_type="rating", value=4, user_id="u-2", comment="good"), trace_id=_TRACE
        )
        assert (text.value, text.user_id, text.session_id) == ("up", "u-1", "s-1")
        assert (number.value, number.user_id, number.comment) == (4.0, "u-2", "good")
        assert (text.review_status, store.get_feedback(text.feedback_id)) == ("needs_review", text)
        alone = store.create_feedback(FeedbackInput(feedback_type="t", value=""), trace_id="unknown")
        assert (alone.value, alone.trace_id, alone.session_id) == ("", "unknown", None)
        assert store.list_feedback(FeedbackQuery(session_id="s-1")).total == 2

    def test_a_closed_store_changes_nothing(self, store: Any) -> None:  # noqa: ANN401
        """Every method raises `StoreClosedError` after `close`."""
        store.close()
        uses: list[Callable[[], object]] = [
            lambda: store.get_feedback("x"),
            lambda: store.delete_feedback(["x"]),
            lambda: store.update_feedback_review("x", "reviewed"),
            lambda: store.create_feedback(FeedbackInput(feedback_type="t", value=1), trace_id="x"),
        ]
        for use in uses:
            with pytest.raises(StoreClosedError):
                use()
