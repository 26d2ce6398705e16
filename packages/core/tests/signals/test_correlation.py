import re
from enum import StrEnum

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mastra_core.errors import ConfigurationError
from mastra_core.signals.columns import TABLES
from mastra_core.signals.correlation import (
    CORRELATION_FIELDS,
    EMPTY_CORRELATION,
    Correlation,
    CorrelationFields,
    Entity,
)

TEXT = st.none() | st.text(max_size=5)
CORRELATIONS = st.builds(
    Correlation, *[TEXT] * (len(CORRELATION_FIELDS) - 1), st.lists(st.text(max_size=5), max_size=3).map(tuple)
)
ENTITIES = st.builds(Entity, st.text(min_size=1, max_size=5), TEXT, TEXT)
CHANGES = st.fixed_dictionaries(
    {},
    optional={
        name: st.none() | st.tuples(st.text()) if name == "tags" else TEXT
        for name in CorrelationFields.__annotations__
    },
)


@given(CORRELATIONS, ENTITIES)
def test_entering_makes_the_entity_present_and_the_present_one_its_parent(outside, entity):
    """Inside an entity, signals name it as theirs and what called it as its parent."""
    inside = outside.enter(entity)
    assert (inside.entity_type, inside.entity_id, inside.entity_name) == (entity.type, entity.id, entity.name)
    assert (inside.parent_entity_type, inside.parent_entity_id, inside.parent_entity_name) == (
        outside.entity_type,
        outside.entity_id,
        outside.entity_name,
    )


@given(CORRELATIONS, ENTITIES, ENTITIES)
def test_the_first_entity_that_is_entered_stays_the_root(outside, first, second):
    """However deep, the root entity is the one the trace began with."""
    inside = outside.enter(first).enter(second)
    if outside.root_entity_type is None:
        expected = (first.type, first.id, first.name)
    else:
        expected = (outside.root_entity_type, outside.root_entity_id, outside.root_entity_name)
    assert (inside.root_entity_type, inside.root_entity_id, inside.root_entity_name) == expected


@given(CORRELATIONS, ENTITIES)
def test_entering_changes_nothing_but_the_entities(outside, entity):
    """User, session, run, tags and all else hold inside as they do outside."""
    inside = outside.enter(entity)
    others = [name for name in CORRELATION_FIELDS if "entity" not in name]
    assert len(others) == len(CORRELATION_FIELDS) - 9
    assert [getattr(inside, name) for name in others] == [getattr(outside, name) for name in others]


@given(CORRELATIONS, CHANGES)
def test_merging_sets_what_is_given_and_nothing_else(context, changes):
    """A field that is given replaces the one above; `None` and what is not given erase nothing."""
    merged = context.merge(changes)
    for name in CORRELATION_FIELDS:
        given_value = changes.get(name)
        assert getattr(merged, name) == (getattr(context, name) if given_value is None else given_value)


@given(CORRELATIONS)
def test_merging_nothing_costs_nothing(context):
    """Without anything to set, the very same value is shared on."""
    assert context.merge({}) is context
    assert context.merge({"session_id": None, "tags": None}) is context


@given(CORRELATIONS, CHANGES, CHANGES)
def test_merging_twice_is_merging_what_was_said_last(context, first, second):
    """Options further inside override those above, field by field."""
    together = {**first, **{name: value for name, value in second.items() if value is not None}}
    assert context.merge(first).merge(second) == context.merge(together)


def test_a_context_cannot_be_changed():
    """What signals share by reference, nobody may write to."""
    with pytest.raises(AttributeError):
        EMPTY_CORRELATION.user_id = "u"


def test_the_fields_of_the_context_are_columns_of_every_signal():
    """Every signal is stored with the whole context, its own source standing for the other."""
    for table in TABLES:
        assert set(CORRELATION_FIELDS) <= set(table.column_by_name)


def test_what_a_user_may_set_are_fields_of_the_context():
    """The typed dictionary of options names no field that does not exist."""
    assert set(CorrelationFields.__annotations__) <= set(CORRELATION_FIELDS)


@given(CORRELATIONS)
def test_a_context_survives_as_json(context):
    """On its way through a file it loses nothing, and absent fields take no room."""
    text = msgspec.json.encode(context)
    assert msgspec.json.decode(text, type=Correlation) == context
    assert b"null" not in text or any("null" in str(getattr(context, name)) for name in CORRELATION_FIELDS)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (("agent", 7), "Field `entity.id` must be a text or None, got 7"),
        (("agent", None, b"writer"), "Field `entity.name` must be a text or None, got b'writer'"),
        ((None, "a-1"), "Field `entity.type` must be a text, got None"),
    ],
)
def test_an_entity_whose_fields_are_no_texts_is_refused_where_it_is_made(fields, message):
    """The error names the field and the value, at the user's line rather than in the store."""
    with pytest.raises(ConfigurationError, match=re.escape(message)):
        Entity(*fields)


def test_an_entity_takes_texts_of_a_kind_of_their_own():
    """A member of a user's enumeration of texts is a text."""

    class Kind(StrEnum):
        WRITER = "writer"

    assert Entity(Kind.WRITER, Kind.WRITER) == Entity("writer", "writer")
