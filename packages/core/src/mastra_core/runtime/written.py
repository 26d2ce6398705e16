"""What a field of settings may be written as, in a file or in an environment variable.

Told by the field's annotation, so that a new field can be written down without a word about it here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from types import NoneType, UnionType
from typing import Annotated, Union, cast, get_args, get_origin

from mastra_core.validated import Validated

_TRUE, _FALSE = ("true", "1", "yes", "on", "y", "t"), ("false", "0", "no", "off", "n", "f")
_CODE: set[object] = {Callable, object, NoneType}
"""What nothing but code can give."""

_LISTS: set[object] = {Sequence, Collection, AbstractSet, list, tuple, set, frozenset}
_MAPS: set[object] = {Mapping, dict}


@dataclass
class Form:
    """What may stand for a field.

    Attributes:
        table: the settings inside it, where it has names of its own.
        entries: annotation of the values, where it is a map with free keys.
        items: annotation of the values, where several may stand there.
        leaves: kinds of single values; `Literal` for words.
    """

    table: type[Validated] | None = None
    entries: object = None
    items: object = None
    leaves: set[object] = field(default_factory=set[object])

    @property
    def is_list(self) -> bool:
        """Whether several values may stand there."""
        return self.items is not None

    @property
    def is_code(self) -> bool:
        """Whether nothing but code can give it: a function, or an object."""
        is_written = self.table is not None or self.entries is not None or self.is_list
        return not is_written and self.leaves <= _CODE


def form_of(annotation: object) -> Form:
    """The form of a field with this annotation."""
    form = Form()
    for part in _alternatives(annotation):
        kind: object = get_origin(part) or part
        inside = get_args(part)
        if inside and kind in _LISTS:
            form.items = form.items if form_of(inside[0]).is_code else inside[0]
        elif inside and kind in _MAPS:
            form.entries = inside[1]
        elif isinstance(part, type) and issubclass(part, Validated):
            form.table = part
        else:
            form.leaves.add(kind)
    return form


def _alternatives(annotation: object) -> Iterator[object]:
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _alternatives(get_args(annotation)[0])
    elif origin in (Union, UnionType):
        for part in get_args(annotation):
            yield from _alternatives(part)
    else:
        yield annotation


def read_text(text: str, form: Form) -> object:
    """The value that a text stands for; one that stands for none of the field's kinds is left as it is.

    Lists are separated by commas, or JSON; tables and maps are JSON, in which numbers and truths may be
    texts, too.

    Raises:
        ValueError: it begins like JSON and is none, or is a list of nothing; the message goes on from
            what the text is called, and does not show it: there may be a secret in it.
    """
    word = text.strip()
    may_be_json = form.is_list or form.table is not None or form.entries is not None
    if may_be_json and word[:1] in ("[", "{"):
        try:
            found = cast("object", json.loads(word))
        except ValueError as error:
            raise ValueError(f"must be JSON where it begins with {word[0]!r}: {error}") from None
        return read_inside(found, form)
    if form.is_list:
        parts = [part for part in map(str.strip, word.split(",")) if part]
        if not parts:
            raise ValueError("is blank; write [] for none at all, or take it away")
        return parts
    return _single(text, form)


def read_inside(value: object, form: Form) -> object:
    """The value, with numbers and truths in the place of their texts, however deep they stand in it."""
    if isinstance(value, str):
        return _single(value, form)
    if isinstance(value, Mapping):
        table = cast("Mapping[str, object]", value)
        return {name: read_inside(inner, _form_of_entry(form, name)) for name, inner in table.items()}
    if isinstance(value, list):
        return [read_inside(item, form_of(form.items)) for item in cast("list[object]", value)]
    return value


def _form_of_entry(form: Form, name: str) -> Form:
    """The form of what stands under a name."""
    if form.table is None:
        return form_of(form.entries)
    field = form.table.model_fields.get(name)
    return Form() if field is None else form_of(field.annotation)


def _single(text: str, form: Form) -> object:
    """The truth or the number that a text stands for, else the text."""
    word = text.strip()
    if bool in form.leaves and word.lower() in (*_TRUE, *_FALSE):
        return word.lower() in _TRUE
    if str not in form.leaves and form.leaves & {int, float}:
        return _number(word, text, is_whole=float not in form.leaves)
    return text


def _number(word: str, text: str, *, is_whole: bool) -> int | float | str:
    """The number of a word; where it must be whole, of one as `5e3`; the text where there is none."""
    try:
        return int(word)
    except ValueError:
        pass
    try:
        number = float(word)
    except ValueError:
        return text
    if not is_whole:
        return number
    return int(number) if number.is_integer() else text
