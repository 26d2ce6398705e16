import logging
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mastra_core import MetricsConfig
from mastra_observability.metrics import cardinality
from mastra_observability.metrics.cardinality import OVERFLOW, LabelGuard

ANY = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.lists(st.text())


def guard(**settings):
    """A guard with these settings."""
    return LabelGuard(MetricsConfig(**settings))


def removed(guard):
    """What it took away, by label and reason."""
    return {(row["label"], row["reason"]): row["count"] for row in guard.stats()["removed"]}


@pytest.mark.parametrize("key", ["user_id", "userId", "USER-ID", "user.id", "UserID", "user id", "_user_id_"])
def test_a_blocked_key_is_taken_away_in_any_spelling(key):
    """Case, dashes, dots and humps make no other key; the rest of the labels stays."""
    labels = guard()
    assert labels.apply("words", {key: "u-1", "kind": "prose"}) == {"kind": "prose"}
    assert removed(labels) == {(key, "blocked"): 1}


@pytest.mark.parametrize(
    "key", ["trace_id", "span_id", "run_id", "request_id", "resource_id", "session_id", "thread_id"]
)
def test_ids_of_calls_are_blocked_by_default(key):
    """What is different for every call is no label."""
    assert guard().apply("words", {key: "1"}) == {}


def test_the_block_list_can_be_replaced_and_switched_off():
    """Keys of the user's own are blocked instead, or none."""
    assert guard(blocked_labels=["city"]).apply("m", {"user_id": "u", "City": "Bonn"}) == {"user_id": "u"}
    assert guard(blocked_labels=[]).apply("m", {"user_id": "u"}) == {"user_id": "u"}


@pytest.mark.parametrize("form", ["{}", "order-{}", "urn:uuid:{}"])
def test_values_that_look_like_a_uuid_are_taken_away(form):
    """With dashes anywhere in the value, without as a whole; unless that is switched off."""
    value = form.format(uuid.UUID(int=2**100))
    assert guard().apply("m", {"order": value, "other": uuid.UUID(int=3).hex.upper()}) == {}
    assert guard(block_uuids=False).apply("m", {"order": value}) == {"order": value}


def test_a_long_value_is_taken_away_and_one_that_just_fits_is_not():
    """The cap counts characters; a megabyte does no harm to the rest."""
    labels = guard(max_label_value_chars=5)
    assert labels.apply("m", {"a": "x" * 5, "b": "x" * 6, "c": "x" * 1_000_000}) == {"a": "xxxxx"}
    assert removed(labels) == {("b", "too_long"): 1, ("c", "too_long"): 1}


def test_further_labels_than_are_allowed_are_taken_away():
    """The first ones stay."""
    assert guard(max_labels=2).apply("m", {"a": "1", "b": "2", "c": "3"}) == {"a": "1", "b": "2"}


@given(st.dictionaries(ANY.filter(lambda key: not isinstance(key, list)), ANY))
def test_labels_become_texts_or_are_counted(labels):
    """Whatever is given, texts come out, every key is kept or counted, and nothing is raised."""
    under_test = guard(blocked_labels=[], max_labels=1_000)
    kept = under_test.apply("m", labels)
    assert all(type(key) is str and type(value) is str for key, value in kept.items())
    assert all(str.encode(text) is not None for item in kept.items() for text in item)
    assert len(kept) + sum(removed(under_test).values()) >= len(labels)


def test_scalars_become_texts():
    """Numbers and booleans are written as JSON and people write them."""
    labels = {"a": True, "b": False, "c": 3, "d": 0.5, "e": "x", "f": None, "g": ["x"]}
    under_test = guard()
    assert under_test.apply("m", labels) == {"a": "true", "b": "false", "c": "3", "d": "0.5", "e": "x"}
    assert removed(under_test) == {("f", "not_text"): 1, ("g", "not_text"): 1}


def test_the_sets_of_a_metric_are_bounded_and_the_rest_shares_one():
    """Known sets stay themselves when the budget is spent; further ones become the same one, counted."""
    under_test = guard(max_series_per_metric=3)
    seen = [under_test.apply("m", {"n": str(n)}) for n in range(10)]
    assert seen == [{"n": "0"}, {"n": "1"}, {"n": "2"}, *[OVERFLOW] * 7]
    assert under_test.apply("m", {"n": "1"}) == {"n": "1"}
    assert under_test.apply("other", {"n": "9"}) == {"n": "9"}
    assert under_test.apply("m", {}) == {}
    assert under_test.stats()["overflowed"] == {"m": 7}
    assert under_test.stats()["series"] == {"m": 3, "other": 1}


def test_the_order_of_labels_makes_no_other_set():
    """A set of labels is a set."""
    under_test = guard(max_series_per_metric=1)
    assert (
        under_test.apply("m", {"a": "1", "b": "2"}) == under_test.apply("m", {"b": "2", "a": "1"}) != OVERFLOW
    )


def test_memory_is_bounded_whatever_names_are_made_up(monkeypatch):
    """Beyond the room for all metrics sets overflow; losses of more names are counted together."""
    monkeypatch.setattr(cardinality, "MAX_SERIES", 50)
    monkeypatch.setattr(cardinality, "MAX_COUNTERS", 20)
    under_test = guard()
    for n in range(100):
        under_test.apply(f"metric {n}", {"n": "1", f"bad {n}": None})
    stats = under_test.stats()
    assert len(stats["series"]) == 50
    assert len(stats["overflowed"]) <= 21
    assert sum(stats["overflowed"].values()) == 50
    assert len(stats["removed"]) <= 21
    assert sum(row["count"] for row in stats["removed"]) == 100


def test_the_first_loss_of_a_label_warns_and_later_ones_are_only_counted(caplog):
    """One line for each label and reason, and one for a metric that overflows."""
    under_test = guard(max_series_per_metric=1)
    with caplog.at_level(logging.WARNING, "mastra.observability"):
        for n in range(100):
            under_test.apply("m", {"user_id": str(n), "city": f"{n}"})
    assert len(caplog.messages) == 2
    assert "Label 'user_id' is taken away from metric 'm'" in caplog.messages[0]
    assert "Metric 'm' has 1 different sets of labels" in caplog.messages[1]
    assert removed(under_test) == {("user_id", "blocked"): 100}
    assert under_test.stats()["overflowed"] == {"m": 99}
