"""Takes secrets out of signals before anything else sees them.

A secret is known by what it is called (`secret_keys`) or by what it looks like (`secret_patterns`). It is
looked for in everything that a user can put something into: names, payloads at any depth, JSON and bytes
inside of texts, errors with their stacks, messages, labels, comments, identifiers, tags.

Nearly no event has a secret, so the whole of an event is written as JSON once and looked through for what
secrets have in common, by searches that are compiled; only where one finds something, the event is taken
apart. What has no secret is handed on as it is, the same object.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import Any, Final, TypeGuard, get_args

import msgspec

from mastra_core.ids import parse_id
from mastra_core.signals.correlation import Correlation
from mastra_core.signals.events import (
    Event,
    FeedbackEvent,
    LogEvent,
    MetricEvent,
    ScoreEvent,
    TracingEvent,
)
from mastra_core.signals.feedback import FeedbackExported
from mastra_core.signals.log import LogExported
from mastra_core.signals.metric import MetricExported
from mastra_core.signals.payload import Json, encode
from mastra_core.signals.score import ScoreExported
from mastra_core.signals.span import SpanExported
from mastra_observability.processors.given import looks_of, names_of
from mastra_observability.processors.redaction import MASK, Redaction, RedactionStyle
from mastra_observability.processors.secret_keys import (
    EXACT_KEYS,
    LABEL_NAMES,
    SENSITIVE_KEYS,
    SensitiveKeys,
    is_count,
    normalized,
)
from mastra_observability.processors.secret_patterns import SECRET_PATTERNS, SecretPattern
from mastra_observability.processors.secret_text import BASE_64, TextFilter, text_of_bytes

MAX_JSON_IN_TEXT: Final = 4
"""JSON in a text, in JSON in a text: so many times it is read. Deeper, it is a text like others."""

_CONTENT: Final[dict[type[Any], str]] = {
    TracingEvent: "span",
    LogEvent: "log",
    MetricEvent: "metric",
    ScoreEvent: "score",
    FeedbackEvent: "feedback",
}
_OURS: Final = {
    *("span_type", "status", "level", "process", "type"),
    *("parent_span_id", "remote_parent_span_id", "log_id", "metric_id", "score_id", "feedback_id"),
}
"""Fields in which nobody but the pipeline puts something."""

_IDS: Final = {"trace_id", "span_id"}
"""The pipeline's too, but in scores and feedback, which can be given to any trace."""


def _ours(kind: type[msgspec.Struct]) -> set[str]:
    return _OURS if kind in {ScoreExported, FeedbackExported} else _OURS | _IDS


def _fields_of(kind: type[msgspec.Struct]) -> Callable[[Any], tuple[Any, ...]]:
    """Reads the fields of a signal in which there can be a text of a user's."""
    return attrgetter(
        *(
            field.name
            for field in msgspec.structs.fields(kind)
            if field.name not in _ours(kind) and not set(get_args(field.type) or (field.type,)) <= _NUMBERS
        )
    )


_NUMBERS: Final = {int, float, bool, type(None)}
_FIELDS: Final = {
    kind: _fields_of(kind)
    for kind in (SpanExported, LogExported, MetricExported, ScoreExported, FeedbackExported)
}

_JSON_BEGINS: Final = {"{", "[", '"'}
_BASE_64: Final = re.compile(BASE_64)
_MAX_HARMLESS: Final = 16_384
_MAX_HARMLESS_CHARS: Final = 48
_LABELLED: Final = {"value", "newvalue", "oldvalue", "text"}


class SensitiveDataFilter:
    r"""A processor that hides secrets.

        Observability(processors=[SensitiveDataFilter(more_keys=["iban"], style="partial")])

    Args:
        keys: names of secrets, and ends of such names, instead of `SENSITIVE_KEYS`.
        more_keys: further ones.
        allowed_keys: names that are no secrets after all.
        patterns: looks of secrets, instead of `SECRET_PATTERNS`.
        more_patterns: further ones, for instance
            `SecretPattern("badge", re.compile(r"BADGE-\d{6}"), hints=("BADGE-",))`.
        style: `full` leaves nothing, `partial` the last four characters of a long secret, `hash` a mark
            that is equal for equal secrets. Identifiers and tags of the correlation context are always
            hidden by a mark, so that what is grouped by them stays apart.
        mask: what stands for a secret.
        hash_key: for marks that are to be equal in several programs; None makes one of its own.

    Raises:
        ConfigurationError: one of them is something else, or says nothing.
    """

    def __init__(
        self,
        *,
        keys: Iterable[str] | None = None,
        more_keys: Iterable[str] = (),
        allowed_keys: Iterable[str] = (),
        patterns: Iterable[SecretPattern] | None = None,
        more_patterns: Iterable[SecretPattern] = (),
        style: RedactionStyle = "full",
        mask: str = MASK,
        hash_key: bytes | None = None,
    ) -> None:
        names = SENSITIVE_KEYS if keys is None else names_of(keys, "keys")
        names = (*names, *names_of(more_keys, "more_keys"))
        allowed = names_of(allowed_keys, "allowed_keys")
        self._keys = SensitiveKeys(names, EXACT_KEYS if keys is None else (), allowed)
        looks = SECRET_PATTERNS if patterns is None else looks_of(patterns, "patterns")
        looks = (*looks, *looks_of(more_patterns, "more_patterns"))
        self._text = TextFilter(self._keys, looks)
        self._may_have_secret = self._text.may_hold_secret
        self._redaction = Redaction(style, mask, hash_key)
        self._clean_context: Correlation | None = None
        self._harmless: set[str] = set()

    def process(self, event: Event) -> Event:
        """The same event where it has no secret, else a copy without them."""
        field = _CONTENT[type(event)]
        content = getattr(event, field)
        pieces: list[bytes | msgspec.Raw] = []
        self._write(pieces, content)
        if not self._may_have_secret(b"\n".join(pieces)):
            return event
        cleaned = self._clean_struct(content)
        return event if cleaned is content else msgspec.structs.replace(event, **{field: cleaned})

    def leaves_alone(self, events: Sequence[Event]) -> bool:
        """Whether none of these has a secret, by one look at all of them; False is not certain.

        What such a look costs are its many searches, not the length of what they go through.
        """
        pieces: list[bytes | msgspec.Raw] = []
        for event in events:
            self._write(pieces, getattr(event, _CONTENT[type(event)]))
        return not self._may_have_secret(b"\n".join(pieces))

    def clean_json(self, payload: bytes) -> bytes:
        """A JSON text without its secrets; the same one where it has none.

        For what cuts: of a payload in pieces nobody can tell what was the value of which name.
        """
        raw = msgspec.Raw(payload)
        cleaned = self._clean_payload(raw)
        return payload if cleaned is raw else bytes(cleaned)

    def clean_text(self, text: str) -> str:
        """A text without its secrets; the same one where it has none."""
        return self._clean_text(text, 0)

    def _write(self, pieces: list[bytes | msgspec.Raw], content: Any) -> None:  # noqa: ANN401  # any signal
        """Add all that a user can have put into a signal."""
        for value in _FIELDS[type(content)](content):
            if value is None:
                continue
            kind = value.__class__
            if kind is str:
                if value not in self._harmless:
                    pieces.append(value.encode(errors="backslashreplace"))
            elif kind is msgspec.Raw:
                pieces.append(value)
            elif kind is not Correlation:
                pieces.append(encode(value))
            # Shared by all that one agent or tool does: mostly it is the one that came before.
            elif value is not self._clean_context:
                context = encode(value)
                if self._may_have_secret(context):
                    pieces.append(context)
                else:
                    self._clean_context = value

    # ---------------------------------------------------------------- fields

    def _clean_struct(self, content: Any) -> Any:  # noqa: ANN401  # any of the five signals
        """A signal without secrets, field by field; the same one where it has none."""
        changed: dict[str, Any] = {}
        kind: type[msgspec.Struct] = content.__class__
        ours = _ours(kind)
        for name in content.__struct_fields__:
            value = getattr(content, name)
            if value is None or name in ours:
                continue
            cleaned = self._clean_field(name, value)
            if cleaned is not value:
                changed[name] = cleaned
        return msgspec.structs.replace(content, **changed) if changed else content

    def _clean_field(self, name: str, value: Any) -> Any:  # noqa: ANN401
        if isinstance(value, str):
            is_id = name in _IDS and parse_id(value, 32 if name == "trace_id" else 16) is not None
            return value if is_id else self._clean_text(value, 0)
        if isinstance(value, msgspec.Raw):
            return self._clean_payload(value)
        if isinstance(value, Correlation):
            return self._clean_correlation(value)
        return self._clean(value, 0)

    def _clean_correlation(self, correlation: Correlation) -> Correlation:
        changed: dict[str, Any] = {}
        hide = self._redaction.distinct
        for name in correlation.__struct_fields__:
            value = getattr(correlation, name)
            if isinstance(value, str):
                if (cleaned := self._text.apply(value, hide)) != value:
                    changed[name] = cleaned
            elif value:
                tags = tuple(self._text.apply(tag, hide) for tag in value)
                if tags != value:
                    changed[name] = tags
        return msgspec.structs.replace(correlation, **changed) if changed else correlation

    def _clean_payload(self, payload: msgspec.Raw) -> msgspec.Raw:
        text = bytes(payload)
        try:
            if not self._may_have_secret(text):
                return payload
            value = msgspec.json.decode(text)
            cleaned = self._clean(value, 0)
            written = encode(cleaned)
        except Exception:  # noqa: BLE001  # no JSON, or nested without end: nobody knows what is in it
            return Json(encode({"redacted": self._redaction.mask}))
        # Of an object that has a key twice, only one of them was looked at.
        return payload if cleaned is value and written == text else Json(written)

    # ---------------------------------------------------------------- values

    def _clean(self, value: Any, depth: int) -> Any:  # noqa: ANN401  # JSON is any value
        """The same value where it has no secret, else a copy."""
        if isinstance(value, str):
            return self._clean_text(value, depth)
        if _is_object(value):
            return self._clean_object(value, depth)
        if _is_list(value):
            return self._clean_list(value, depth)
        if isinstance(value, int) and value > 10**11:
            text = str(value)
            cleaned = self._text.apply(text, self._redaction.hide)
            return value if cleaned == text else cleaned
        return value

    def _clean_object(self, fields: dict[str, Any], depth: int) -> dict[str, Any]:
        label = self._label_of(fields)
        kept: dict[str, Any] = {}
        is_same = True
        for name, value in fields.items():
            clean_name = self._clean_text(name, depth)
            is_labelled = label is not None and normalized(name) in _LABELLED
            if is_labelled or name in self._keys:
                cleaned = self._hide(label if is_labelled else name, value)
            else:
                cleaned = self._clean(value, depth)
            is_same = is_same and cleaned is value and clean_name is name
            kept[clean_name] = cleaned
        return fields if is_same else kept

    def _label_of(self, fields: dict[str, Any]) -> str | None:
        """The name of a secret that an object calls its `value` by: `{"name": "cookie", "value": "…"}`."""
        for name, value in fields.items():
            if isinstance(value, str) and normalized(name) in LABEL_NAMES:
                label = value.rstrip("\"']")  # `input[name="password"]`
                if label in self._keys:
                    return label
        return None

    def _clean_list(self, items: list[Any], depth: int) -> list[Any]:
        kept: list[Any] = []
        name: str | None = None  # what the item before called this one: `["--password", "…"]`
        for item in items:
            if name is not None:
                cleaned = self._hide(name, item)
            elif _is_pair(item) and item[0] in self._keys:  # headers: `[["cookie", "…"]]`
                hidden = self._hide(str(item[0]), item[1])
                cleaned = item if hidden is item[1] else [item[0], hidden]
            else:
                cleaned = self._clean(item, depth)
            kept.append(cleaned)
            if name is None and isinstance(item, str) and item.startswith("--") and item in self._keys:
                name = item
            else:
                name = None
        return items if all(new is old for new, old in zip(kept, items, strict=True)) else kept

    def _hide(self, name: str | None, value: Any) -> Any:  # noqa: ANN401
        """What stands for the value of a sensitive name; nothing, yes and no are no secrets."""
        if value is None or isinstance(value, bool) or value in ("", [], {}):
            return value
        if isinstance(value, str):
            hidden = self._redaction.hide(value)
            return value if hidden == value else hidden
        if isinstance(value, int | float):
            return value if name is not None and is_count(name) else self._redaction.hide(str(value))
        return self._redaction.hide(encode(value).decode())

    def _clean_text(self, text: str, depth: int) -> str:
        """The same text where it has no secret, else one without; JSON in it is read."""
        if text in self._harmless:
            return text
        cleaned = self._clean_new_text(text, depth)
        if cleaned is text and depth == 0 and len(text) <= _MAX_HARMLESS_CHARS:
            if len(self._harmless) >= _MAX_HARMLESS:
                self._harmless = set()
            self._harmless.add(text)
        return cleaned

    def _clean_new_text(self, text: str, depth: int) -> str:
        if depth < MAX_JSON_IN_TEXT and _BASE_64.fullmatch(text):
            inside = text_of_bytes(text.encode())
            if inside is not None and (cleaned := self._clean_text(inside, depth + 1)) is not inside:
                return base64.b64encode(cleaned.encode()).decode()
        if not self._may_have_secret(text.encode(errors="backslashreplace")):
            return text
        if depth < MAX_JSON_IN_TEXT and text.lstrip()[:1] in _JSON_BEGINS:
            try:
                value = json.loads(text, object_pairs_hook=_without_doubles)
                cleaned = self._clean(value, depth + 1)
            except (ValueError, RecursionError):
                pass  # then it is a text like others
            else:
                return text if cleaned is value else encode(cleaned).decode()
        cleaned_text = self._text.apply(text, self._redaction.hide)
        return text if cleaned_text == text else cleaned_text


def _is_object(value: object) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict)


def _is_list(value: object) -> TypeGuard[list[Any]]:
    return isinstance(value, list)


def _is_pair(item: object) -> TypeGuard[list[Any]]:
    return _is_list(item) and len(item) == 2 and isinstance(item[0], str)


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object; one that has a key twice is refused: a secret could hide behind the second."""
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a key is there twice")
    return fields
