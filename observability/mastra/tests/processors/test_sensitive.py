"""The filter of sensitive data: what is a secret never leaves, what is none stays as it was."""

import base64
import importlib.util
import json
import re
import time
from functools import partial
from pathlib import Path

import msgspec
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mastra_core import ConfigurationError, SensitiveDataConfig
from mastra_core.signals.correlation import CORRELATION_FIELDS, Correlation
from mastra_core.signals.events import FeedbackEvent, LogEvent, MetricEvent, ScoreEvent, TracingEvent
from mastra_core.signals.feedback import FeedbackExported
from mastra_core.signals.log import LogExported
from mastra_core.signals.metric import MetricExported
from mastra_core.signals.payload import Json, beginning, decode, encode
from mastra_core.signals.score import ScoreExported
from mastra_core.signals.span import SpanExported
from mastra_core.testing.strategies import ended_spans
from mastra_core.tracing.span import HUGE_BYTES
from mastra_observability import SecretPattern, SensitiveDataFilter
from mastra_observability.processors.secret_patterns import SECRET_PATTERNS
from mastra_observability.processors.sensitive import MAX_JSON_IN_TEXT

_spec = importlib.util.spec_from_file_location("secrets_corpus", Path(__file__).with_name("secrets.py"))
corpus = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(corpus)

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"

SPAN_OF = SpanExported(
    TRACE,
    SPAN,
    None,
    "work",
    "generic",
    False,
    1_790_000_000_123_456_789,
    1_790_000_001_000_000_000,
    "success",
)
EVENTS = {
    "span": TracingEvent("span_ended", SPAN_OF),
    "log": LogEvent(LogExported("1", 1, "info", "said", trace_id=TRACE, span_id=SPAN)),
    "metric": MetricEvent(MetricExported("1", 1, "words", "counter", 1.0)),
    "score": ScoreEvent(ScoreExported("1", 1, TRACE, SPAN, "relevance", 0.5)),
    "feedback": FeedbackEvent(FeedbackExported("1", 1, TRACE, SPAN, "thumbs")),
}
TEXTS = {
    "span": ["name", "error_message", "model", "provider"],
    "log": ["message", "logger", "origin"],
    "metric": ["name", "unit", "model", "provider", "cost_unit"],
    "score": ["scorer_id", "scorer_name", "scorer_version", "source", "reason", "score_trace_id", "trace_id"],
    "feedback": ["feedback_type", "value_text", "source", "comment", "source_id", "trace_id"],
}
PAYLOADS = {
    "span": ["error", "input", "output", "attributes", "links", "scope", "metadata"],
    "log": ["data", "metadata"],
    "metric": ["metadata"],
    "score": ["metadata"],
    "feedback": ["metadata"],
}


def event_with(kind, **fields):
    """An event with something in its fields."""
    content = getattr(EVENTS[kind], kind)
    return msgspec.structs.replace(EVENTS[kind], **{kind: msgspec.structs.replace(content, **fields)})


def text_places():
    """Every place in which a text can stand: a name of the place, and what puts a text there."""
    for kind, names in TEXTS.items():
        for name in names:
            yield f"{kind}.{name}", partial(in_field, kind, name)
        for name in CORRELATION_FIELDS[:-1]:
            yield f"{kind}.correlation.{name}", partial(in_context, kind, name)
        yield (
            f"{kind}.tags",
            lambda text, kind=kind: event_with(kind, correlation=Correlation(tags=("a", text))),
        )
        for name in PAYLOADS[kind]:
            for shape, make in SHAPES.items():
                yield f"{kind}.{name} {shape}", partial(in_payload, kind, name, make)
    yield "metric.labels", lambda text: event_with("metric", labels={"kind": text})
    yield "metric.labels name", lambda text: event_with("metric", labels={text: "kind"})


def in_field(kind, name, text):
    """The text as a field."""
    return event_with(kind, **{name: text})


def in_context(kind, name, text):
    """The text as a part of who and where."""
    return event_with(kind, correlation=Correlation(**{name: text}))


def in_tags(kind, text):
    """The text as a tag."""
    return event_with(kind, correlation=Correlation(tags=("a", text)))


def in_payload(kind, name, make, value):
    """What is made of the value as a payload."""
    return event_with(kind, **{name: Json(encode(make(value)))})


SHAPES = {
    "text": lambda text: text,
    "deep": lambda text: {"a": [{"b": {"c": [1, None, {"d": text}]}}]},
    "name": lambda text: {text: 1},
    "JSON": lambda text: {"body": corpus.nested(text, 1)},
    "JSON in JSON": lambda text: corpus.nested(text, MAX_JSON_IN_TEXT),
    "JSON line": lambda text: "got: " + json.dumps({"said": text}) + "\nend",
    "in words": lambda text: f"it said ({text}), and left",
    "line": lambda text: f"first\n{text}\nlast",
    "escaped line": lambda text: f"first\\n{text}\\nlast",
    "unicode": lambda text: f'{{"k": "\\u0041 {text}"}}' if '"' not in text and "\n" not in text else text,
}
PLACES = dict(text_places())


def leaves(event):
    """All texts of an event, unescaped as often as they may be."""
    written = msgspec.json.encode(event).decode()
    for _ in range(MAX_JSON_IN_TEXT + 2):
        yield written
        written = written.replace('\\"', '"').replace("\\\\", "\\").replace("\\n", "\n").replace("\\/", "/")


def is_in(secret, event):
    """Whether a secret can be read out of an event."""
    return any(secret in written for written in leaves(event))


@pytest.fixture(scope="module")
def sensitive():
    """The filter as it is without settings."""
    return SensitiveDataFilter()


def written_out(payload):
    """The bytes under `body` of a payload, which are recorded in base 64."""
    return base64.b64decode(decode(payload)["body"]).decode()


# ---------------------------------------------------------------- what must not leave


@pytest.mark.parametrize("place", PLACES)
def test_a_secret_by_its_looks_leaves_from_no_place(sensitive, place):
    """Every kind of secret, in every field of every signal, at any depth, is gone; the rest is there."""
    for secret in corpus.LOOKS:
        event = PLACES[place](secret)
        cleaned = sensitive.process(event)
        assert not is_in(secret, cleaned), secret
        assert b"[REDACTED]" in msgspec.json.encode(cleaned), secret
        assert type(cleaned) is type(event)
        assert sensitive.process(cleaned) is cleaned, secret


@pytest.mark.parametrize("place", PLACES)
def test_a_secret_in_words_leaves_from_no_place(sensitive, place):
    """What tells the secret stays, such as the word before it; the secret goes."""
    for words, secret in corpus.INSIDE:
        cleaned = sensitive.process(PLACES[place](words.format(secret)))
        assert not is_in(secret, cleaned), words
        assert sensitive.process(cleaned) is cleaned, words


@pytest.mark.parametrize("make", [str.encode, lambda text: bytearray(text.encode())])
@pytest.mark.parametrize(
    "words", ["{}", "é {}, and left", '{{"said": "{}"}}', '{{"name": "password", "value": "{}"}}']
)
def test_no_secret_leaves_in_bytes(sensitive, words, make):
    """The text of bytes is read, wherever they stand, and is bytes again; others stay as they were."""
    secrets = [*corpus.LOOKS, *(inside.format(secret) for inside, secret in corpus.INSIDE)]
    for secret in secrets:
        text = words.format(json.dumps(secret)[1:-1] if words.startswith("{{") else secret)
        if len(text.encode()) < 13:
            continue
        expected = sensitive.clean_text(text)
        assert expected != text
        payload = Json(encode({"body": make(text)}))
        cleaned = sensitive.process(event_with("span", input=payload, attributes=payload)).span
        assert written_out(cleaned.input) == written_out(cleaned.attributes) == expected
        nested = Json(encode({"reply": json.dumps({"body": decode(payload)["body"]})}))
        cleaned = sensitive.process(event_with("log", data=nested)).log
        assert written_out(decode(cleaned.data)["reply"].encode()) == expected
    for harmless in (*(text.encode() for text in corpus.HARMLESS), "é".encode() * 20, b"\xff\xd8" * 40):
        event = event_with("span", input=Json(encode({"body": harmless})))
        if sensitive.clean_text(harmless.decode(errors="ignore")) == harmless.decode(errors="ignore"):
            assert sensitive.process(event) is event


@pytest.mark.parametrize(
    "value", ["x", "swordfish", 'with "quotes" \\ and\nlines', ["a", {"b": 1}], {"k": "v"}]
)
def test_a_secret_by_its_name_leaves_from_no_payload(sensitive, value):
    """Whatever the value is: in objects, in lists, in JSON in texts, in labels, in pairs."""
    for key in corpus.KEYS:
        shapes = [
            {key: value},
            {"a": [{"b": {key: value, "c": 1}}]},
            corpus.nested(json.dumps({key: value}), MAX_JSON_IN_TEXT - 1),
            {"headers": [[key, value]]},
            [{"name": key, "value": value}],
            {"label": key, "text": value},
            {"attribute": key, "old_value": value, "newValue": value},
            [{"Value": value, "Name": key}],
            ["run", f"--{key}", value],
        ]
        for shape in shapes:
            for kind, names in PAYLOADS.items():
                for name in names:
                    event = event_with(kind, **{name: Json(encode(shape))})
                    cleaned = decode(getattr(getattr(sensitive.process(event), kind), name))
                    assert "[REDACTED]" in json.dumps(cleaned), (key, name)
                    assert not is_in(json.dumps(value), cleaned), (key, name)
                    assert value not in _values(cleaned), (key, name)
        metric = event_with("metric", labels={key: "swordfish", "kind": "x"})
        assert sensitive.process(metric).metric.labels == {key: "[REDACTED]", "kind": "x"}


@pytest.mark.parametrize("selector", ["#password", "input[name=password]", "input[name='password']"])
def test_what_is_written_into_a_field_of_a_form_is_known_by_its_selector(sensitive, selector):
    """As a browser is told to fill it in; of another field it stays."""
    filled = [{"selector": selector, "text": "swordfish"}, {"selector": "#author", "text": "Jane"}]
    event = event_with("span", input=Json(encode(filled)))
    hidden = {"selector": selector, "text": "[REDACTED]"}
    assert decode(sensitive.process(event).span.input) == [hidden, filled[1]]


def _values(value):
    if isinstance(value, dict):
        yield from (item for inner in value.values() for item in [inner, *_values(inner)])
    elif isinstance(value, list):
        yield from (item for inner in value for item in [inner, *_values(inner)])
    elif isinstance(value, str) and value[:1] in '{["':
        try:
            yield from _values(json.loads(value))
        except ValueError:
            yield value


ANY = st.recursive(
    st.none() | st.booleans() | st.integers(-10, 10**6) | st.floats(0, 1) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
SUSPICIOUS = re.compile(
    rb"auth|card|cookie|cred|cvv|jwt|key|otp|pass|pin|pwd|secret|session|sig|ssn|token", re.IGNORECASE
)
OBJECTS = st.dictionaries(st.text(max_size=5), ANY, max_size=2)


def planted(secret):
    """Values with the secret somewhere inside."""
    return st.recursive(
        st.just(secret),
        lambda inner: (
            st.tuples(st.lists(ANY, max_size=2), inner, st.lists(ANY, max_size=2)).map(
                lambda parts: [*parts[0], parts[1], *parts[2]]
            )
            | st.tuples(
                st.dictionaries(st.text(max_size=5), ANY, max_size=2), st.text(max_size=5), inner
            ).map(lambda parts: {**parts[0], parts[1]: parts[2]})
        ),
        max_leaves=6,
    )


@settings(max_examples=75, deadline=None)
@given(st.data())
def test_a_secret_planted_anywhere_never_survives(data):
    """In values of any shape, with anything beside it, inside of JSON, or under a sensitive name."""
    sensitive = SensitiveDataFilter()
    secret = data.draw(st.sampled_from(corpus.LOOKS))
    value = data.draw(planted(secret))
    for _ in range(data.draw(st.integers(0, MAX_JSON_IN_TEXT - 1))):
        value = {"body": json.dumps(value, ensure_ascii=data.draw(st.booleans()))}
    named = {"outer": {data.draw(st.sampled_from(corpus.KEYS)): data.draw(planted("swordfish"))}}
    event = event_with("span", input=Json(encode(value)), output=Json(encode(named)))
    cleaned = sensitive.process(event)
    assert not is_in(secret, cleaned)
    assert not is_in("swordfish", cleaned)
    assert sensitive.process(cleaned) is cleaned


def test_names_count_however_they_are_written_in_json(sensitive):
    """Escapes, spaces and doubled keys hide nothing."""
    texts = [
        '{"p\\u0061ssword": "swordfish"}',
        '{"password" \n:\n "swordfish"}',
        '{"password": "swordfish", "password": ""}',
        '{"a": 1, "password": "swordfish", "b": NaN}',
        '{"pass\\u002dword": "swordfish"}',
        "[" * 50 + '{"password": "swordfish"}' + "]" * 50,
        ' \n {"password": "swordfish"}',
        '"{\\"password\\": \\"swordfish\\"}"',
        '{"url": "postgres:\\/\\/u:swordfish@host"}',
        '{"password": "swordfish"}\n{"password": "swordfish"}',
        '{"password": "swordfish", broken',
    ]
    for text in texts:
        for event in (event_with("log", message=text), event_with("log", data=Json(encode({"body": text})))):
            assert not is_in("swordfish", sensitive.process(event)), text
    for text in texts[:4]:
        if "NaN" not in text:
            assert not is_in("swordfish", sensitive.process(event_with("span", input=Json(text.encode())))), (
                text
            )


def test_numbers_can_be_secrets(sensitive):
    """The number of a card and a numeric password are hidden as numbers too; counts are not."""
    event = event_with(
        "span", input=Json(encode({"n": 4111111111111111, "pin_password": 1234, "id": 4111111111111112}))
    )
    assert decode(sensitive.process(event).span.input) == {
        "n": "[REDACTED]",
        "pin_password": "[REDACTED]",
        "id": 4111111111111112,
    }


# ---------------------------------------------------------------- what must stay


@pytest.mark.parametrize("place", PLACES)
def test_what_is_no_secret_stays_byte_for_byte(sensitive, place):
    """The very same event comes back, for look-alikes in every place."""
    for text in corpus.HARMLESS:
        event = PLACES[place](text)
        assert sensitive.process(event) is event, text


def test_names_that_only_sound_like_one_are_left(sensitive):
    """Counts of tokens, keys of tables, authors: nothing is changed, nested or not."""
    for key in corpus.HARMLESS_KEYS:
        for value in (12, 0.5, "some text", ["a"], {"b": 1}):
            event = event_with("span", attributes=Json(encode({key: value, "in": [{key: value}]})))
            assert sensitive.process(event) is event, key


@pytest.mark.parametrize("value", [None, True, False, "", [], {}])
def test_nothing_is_no_secret(sensitive, value):
    """What is empty, or just yes or no, tells nothing, whatever it is called."""
    for key in corpus.KEYS:
        event = event_with("span", input=Json(encode({key: value})))
        assert sensitive.process(event) is event, key


@settings(max_examples=100, deadline=None)
@given(ended_spans())
def test_spans_without_secrets_come_back_the_same(span):
    """Whatever is in them: odd texts, numbers of any size, metadata of any shape."""
    assume(not SUSPICIOUS.search(msgspec.json.encode(span)))  # words of the source are drawn, too
    event = TracingEvent("span_ended", span)
    assert SensitiveDataFilter().process(event) is event


@given(ANY)
def test_values_beside_a_secret_keep_their_value(value):
    """Only the secret is replaced; what stands beside it means what it meant."""
    alone = event_with("span", input=Json(encode({"beside": value})))
    assume(SensitiveDataFilter().process(alone) is alone)  # words of the source are drawn, `JWT` for a key
    event = event_with("span", input=Json(encode({"beside": value, "password": "swordfish"})))
    cleaned = decode(SensitiveDataFilter().process(event).span.input)
    assert cleaned == {"beside": decode(encode(value)), "password": "[REDACTED]"}


def test_ids_are_left_alone(sensitive):
    """Ids of the pipeline, also those that are digits alone with a valid checksum."""
    span = msgspec.structs.replace(SPAN_OF, span_id="4111111111111111", parent_span_id="4242424242424242")
    event = TracingEvent("span_ended", span)
    assert sensitive.process(event) is event
    feedback = event_with("feedback", span_id="4111111111111111")
    assert sensitive.process(feedback) is feedback


# ---------------------------------------------------------------- settings


def text_of(sensitive, message):
    """A message after the filter."""
    return sensitive.process(event_with("log", message=message)).log.message


def test_a_style_decides_what_is_left():
    """Nothing, the last four characters of a long secret, or a mark that equal secrets share."""
    key = "sk-proj-" + corpus.LETTERS + "c0de"
    assert text_of(SensitiveDataFilter(), key) == "[REDACTED]"
    partial = SensitiveDataFilter(style="partial", mask="•••")
    assert text_of(partial, f"with {key}!") == "with •••…c0de!"
    assert text_of(partial, "password=hunter2") == "password=•••"
    hashed = SensitiveDataFilter(style="hash")
    one, again, other = (text_of(hashed, text) for text in (key, key, key + "x"))
    assert re.fullmatch(r"\[REDACTED\]#[0-9a-f]{12}", one)
    assert one == again != other
    assert text_of(SensitiveDataFilter(style="hash"), key) != one
    shared = [SensitiveDataFilter(style="hash", hash_key=b"k") for _ in range(2)]
    assert text_of(shared[0], key) == text_of(shared[1], key)


@pytest.mark.parametrize("style", ["full", "partial", "hash"])
@pytest.mark.parametrize("mask", ["[REDACTED]", "***", "<hidden>", "HIDDEN"])
def test_filtering_twice_is_filtering_once(style, mask):
    """In every style, with any mask, what was filtered is left alone."""
    sensitive = SensitiveDataFilter(style=style, mask=mask)
    texts = [*corpus.LOOKS, *(words.format(secret) for words, secret in corpus.INSIDE)]
    for text in texts:
        for value in (text, {"password": text, "x": [text]}, corpus.nested(text, 2)):
            once = sensitive.process(event_with("span", name=text, input=Json(encode(value))))
            assert sensitive.process(once) is once, text


def test_secrets_that_things_are_grouped_by_stay_apart(sensitive):
    """Two users with a secret for a name are still two; the same one is still one."""
    users = [corpus.LOOKS[0], corpus.LOOKS[1], corpus.LOOKS[0]]
    hidden = [
        sensitive.process(event_with("log", correlation=Correlation(user_id=user))).log.correlation.user_id
        for user in users
    ]
    assert hidden[0] == hidden[2] != hidden[1]


def test_names_can_be_added_taken_away_and_replaced():
    """By their plain form: case, hyphens and underscores matter in none of them."""
    more = SensitiveDataFilter(more_keys=["I-BAN", "straße"], allowed_keys=["Public_Token"])
    payload = {"iban": "1", "user_iban": "2", "Straße": "3", "public-token": "4", "token": "5"}
    cleaned = decode(more.process(event_with("span", input=Json(encode(payload)))).span.input)
    assert cleaned == {
        "iban": "[REDACTED]",
        "user_iban": "[REDACTED]",
        "Straße": "[REDACTED]",
        "public-token": "4",
        "token": "[REDACTED]",
    }
    assert text_of(more, "iban=DE1234") == "iban=[REDACTED]"
    only = SensitiveDataFilter(keys=["iban"], patterns=[])
    event = event_with("span", input=Json(encode({"password": corpus.LOOKS[0]})))
    assert only.process(event) is event
    nothing = SensitiveDataFilter(keys=[], patterns=[])
    for text in corpus.LOOKS:
        event = event_with("log", message=text)
        assert nothing.process(event) is event


@pytest.mark.parametrize(
    "value",
    [
        "[REDACTED]hunter2zz",
        "${PASSWORD}hunter2zz",
        "{user}hunter2zz",
        "${X}-hunter2zz",
        "${X}.hunter2zz",
        "${X}éhunter2zz",
        "${X}${Y}hunter2zz",
        "{{x}}hunter2zz",
        "{{x}}/hunter2zz",
        "<pw>hunter2zz",
        "<pw>#hunter2zz",
        "os.environ['X']hunter2zz",
        "${X:-hunter2zz}",
        "${X:=hunter2zz}",
        "x" * 300 + "hunter2zz",
        "os." + "a" * 300 + "hunter2zz",
    ],
)
@pytest.mark.parametrize(
    "text", ["password={}", "password: {}", "--password {}", "postgres://app:{}@db/main"]
)
def test_a_secret_that_is_glued_to_a_placeholder_is_one(sensitive, text, value):
    """What stands for a secret is left alone as a whole only, and where it is not longer than any such."""
    if "://" in text and len(value) > 256:
        pytest.skip("a password of an address is shorter than that")
    if not text.startswith("password") and ("'" in value or ("://" in text and set("/<") & set(value))):
        pytest.skip("an address, or an option, ends there")
    assert "hunter2zz" not in sensitive.clean_text(text.format(value))


@pytest.mark.parametrize(
    "text",
    [
        "password={user}-{suffix}",
        "password=${X}.",
        "password=${X}${Y}",
        "password=${X:-$Y}",
        "password=${X:-}",
        "password={{ x }}",
        "password=<pw>",
        "password=<pw>, and more",
        "password=<pw></b>",
        "(password=<pw>).login(3)",
        "(password={pw})(3)",
        "password: <b>required</b>",
        "connect(password=os.environ['X']).cursor(3)",
        "password=os.environ['X'].strip()",
        "<password>{x}</password>text 3",
        "--password ${X}-${Y}",
        "postgres://app:${X}-${Y}@db/main",
    ],
)
def test_what_is_filled_in_is_left_alone(sensitive, text):
    """Alone, beside others of its kind, and before what does not belong to it."""
    assert sensitive.clean_text(text) == text


def test_a_mask_is_a_word():
    """A longer one might be taken for a secret itself; none at all would leave a hole."""
    for mask in ("", "x" * 101):
        with pytest.raises(ConfigurationError, match="1 to 100 characters"):
            SensitiveDataFilter(mask=mask)
        with pytest.raises(ConfigurationError, match=r"observability\.sensitive_data\.mask"):
            SensitiveDataConfig(mask=mask)


@pytest.mark.parametrize("hints", [(), ("BADGE-",)])
def test_looks_can_be_added(hints):
    """A pattern of a user's own, with hints or without, with a group or without."""
    badge = SecretPattern("badge", re.compile(r"BADGE-(?P<secret>\d{6})"), hints=hints)
    sensitive = SensitiveDataFilter(more_patterns=[badge])
    assert text_of(sensitive, "a BADGE-123456 b") == "a BADGE-[REDACTED] b"
    event = event_with("log", message="BADGE-x")
    assert sensitive.process(event) is event


# ---------------------------------------------------------------- hostile payloads


@pytest.mark.parametrize(
    "payload",
    [
        b"[" * 100_000,
        b"[" * 5_000 + b'{"password":"swordfish"}' + b"]" * 5_000,
        b'{"password":"swordfish"',
        b'{"password": "\xff\xfe swordfish"}',
        b'"\\ud800 password"',
        b"",
        b"password",
        b'{"password":' + b"9" * 100_000 + b"}",
    ],
    ids=range(8),
)
def test_payloads_that_are_no_json_raise_nothing_and_tell_nothing(sensitive, payload):
    """What cannot be read is hidden as a whole where it might hold a secret."""
    cleaned = sensitive.process(event_with("span", input=Json(payload)))
    assert b"swordfish" not in bytes(cleaned.span.input)


@pytest.mark.parametrize(
    "text",
    [
        '{"password":' * 1_000,
        "[" * 100_000,
        '{"a":' * 50_000 + '"password"' + "}" * 50_000,
        '"' * 1_000,
        "\\" * 10_000 + '"password":"x"',
        "\ud800 password=swordfish \udfff",
        "\x00password\x00=\x00swordfish",
        '{"password": ' + "9" * 10_000 + "}",
    ],
    ids=range(8),
)
def test_texts_that_break_readers_raise_nothing(sensitive, text):
    """Broken, endless and bottomless JSON in a text, half characters: the filter goes on."""
    sensitive.process(event_with("log", message=text))
    sensitive.process(event_with("log", data=Json(encode({"body": text}))))


def test_ten_megabytes_are_gone_through(sensitive):
    """A payload of ten megabytes with a secret at its end loses the secret, and nothing else."""
    text = "The river runs to the sea. " * 390_000
    payload = {"text": text, "more": [text[:1000], {"api_key": "swordfish"}], "end": corpus.LOOKS[0]}
    cleaned = decode(sensitive.process(event_with("span", input=Json(encode(payload)))).span.input)
    assert cleaned == {"text": text, "more": [text[:1000], {"api_key": "[REDACTED]"}], "end": "[REDACTED]"}


BOMBS = [
    "eyJ", "eyJa.", "eyJaaaaaaaaaaaaaaaa", "eyJaaaaaaaaaaaaaaaa.", "eyJa-", "a.", "sk-", "sk-a", "-sk-",
    "sk-a1 ", "AKIA", "AIza", "AKIAAAAAAAAAAAAAAAA", "ghp_", "xoxb-", "xox", "SG.",
    "SG.aaaaaaaaaaaaaaaaaaaa.", "github_pat_", "hooks.slack.com/services/",
    "hooks.slack.com/services/aaaaaaa/", "-----BEGIN PRIVATE KEY-----", "-----BEGIN ",
    "-----BEGIN A PRIVATE KEY", "Bearer ", "Bearer a", "bearer   ", "Basic ", "Basic QQ", "Basic aGk6",
    "basic\\t", "basic\\", "basic a", "basic aaaa",
    "://", "://a:", "://a:b", "://:", "://a:@", ":", "@", "4", "41", "4111 ", "4111-1111-",
    "4111 1111 1111 1111 ", "378282246310005 ", "password", "password=", "password =", 'password="',
    "password='x", 'password":', "password\\", "password\\\"", 'password":"', 'password\\":\\"', "token=",
    "token", "_token=", "a_token=", "Cookie:", "Cookie: ", "cookie:a", "authorization: ", "api_key ",
    "api-", "key", "pass ", "secret : ", "=", "=>", "\\", '"', "'", "\\\\\\\"", "passwordpassword",
    "secretsecret=", "s", "0", "password0123", "passwords ", "%41", "\\u0041", "[", "{", "{\"a\":",
    "password=\"\\", "x" * 64, "-", "_", "a_", "A", "é", "\u2028", "\n", "password\n", "card 4242", "z@",
    "://z@", "--", "--a", "--password ", "--password x", "--a ", "a--", "('password', ", "('password', '",
    "<password>", "<password>x", "<password>x</", "%3A%2F%2F", "%3A%2F%2Fa%3A", "%3A%2F%2Fa%3Ab%40", "?sig=",
    "?sig=a", "x-amz-signature=", "BEARER ", ":AA", "00000000:AA", "12345678:AA" + "a" * 33, ".atlasv1.",
    "dp.pt.", "PMAK-0", "SK0", "cookie: =", "authorization: Digest ",
    "password=os.", "max_token=", "next_token=a", "cookie:os.", "Cookie: x ", 'password=["',
    'password: ["a", ', "password={a}b", "password=[x]y ", "password=${X}",
    "password=<x>y", "password=<x>", "password={x}-", "{x}", "password=x['y'",
    "password: a}b", "--token {a}b ",
    '"QUFB', '"QUFBQUFBQUFBQUFBQUFB"', '"cGFzc3dvcmQ9c3dvcmRm"', "QUFB", "cGFzc3dvcmQ9", '\\"QUFB',
]  # fmt: skip


@pytest.mark.one_python  # it is about the patterns
@pytest.mark.parametrize("bomb", BOMBS)
def test_no_text_takes_more_than_linear_time(sensitive, bomb):
    """Sixteen times the text takes about sixteen times as long, whatever it is made of."""

    def seconds(length):
        text = (bomb * (length // len(bomb) + 1))[:length] + " password=swordfish"
        event = event_with("log", message=text)
        best = 1e9
        for _ in range(2):
            began = time.thread_time()
            cleaned = sensitive.process(event)
            best = min(best, time.thread_time() - began)
        assert len(cleaned.log.message) <= 3 * len(text) + 100
        return best

    small, large = seconds(1 << 14), seconds(1 << 18)
    # Quadratic time would be 256 times as much. What is too short to be measured is no danger either.
    assert large <= 64 * max(small, 0.002)


# ---------------------------------------------------------------- in the pipeline


CREDENTIALS = {"credentials": {"user": "u", "value": "swordfish"}, "password": ["swordfish"]}
DOCS = {"docs": ["x" * 9_000] * 40}


@pytest.mark.parametrize(
    "payload",
    [{**CREDENTIALS, **DOCS}, {**DOCS, **CREDENTIALS}, {"reply": json.dumps({**CREDENTIALS, **DOCS})}],
    ids=["head", "tail", "JSON in a text"],
)
def test_no_secret_leaves_in_what_is_cut(make, capture, payload):
    """A payload, a log's fields and a message over the limits are cleaned while they are whole."""
    obs = make()
    with obs.span("rag", input=payload, metadata=payload) as span:
        span.update(output=payload, attributes=payload)
        obs.logger.info(json.dumps(payload), **payload)
    obs.flush()
    written = msgspec.json.encode(capture.events)
    assert b"swordfish" not in written
    assert written.count(b"[REDACTED]") >= 5
    assert b"cut]" in written or b"truncated" in written


HUGE = {"docs": ["The river runs to the sea. " * 10_000] * 40}


@pytest.mark.parametrize(
    "payload",
    [
        {**CREDENTIALS, **HUGE},
        {**HUGE, **CREDENTIALS},
        {"credentials": {**HUGE, "value": "swordfish"}},
        {"password": "A" * HUGE_BYTES + "swordfish"},
        {"password": ["swordfish " * 1_000_000]},
        "password=" + "swordfish" * 1_000_000,
    ],
    ids=["head", "tail", "around", "long", "torn", "text"],
)
def test_no_secret_leaves_in_what_is_too_large_to_wait(make, capture, payload):
    """Of a payload that is cut in the call itself nothing is left that has lost its name."""
    obs = make()
    with obs.span("rag", input=payload):
        obs.logger.info("found", found=payload)
    obs.flush()
    assert b"swordfish" not in msgspec.json.encode(capture.events)
    assert decode(capture.events[-1].span.input)["original_bytes"] > HUGE_BYTES


def test_no_secret_is_torn_by_the_cut_in_a_call(sensitive):
    """Half of a key is no key, so the word that is cut is left out."""
    payload = encode({"text": "sk-proj-swordfish12345678 " * 100})
    for room in range(300, 360):
        kept = sensitive.clean_json(beginning(payload, room))
        assert b"[REDACTED]" in kept
        assert b"swordf" not in kept


def test_what_is_cut_keeps_its_secrets_where_they_are_not_hidden(make, capture):
    """Without a filter nothing is taken out of a payload that is cut."""
    obs = make(sensitive_data=False)
    obs.span("rag", input={**CREDENTIALS, **DOCS}).end()
    obs.flush()
    assert b"swordfish" in msgspec.json.encode(capture.events)


def test_no_secret_passes_the_pipeline(make, capture):
    """As a processor of an instance: spans, their errors and stacks, scores and feedback, without secrets."""
    obs = make(processors=[SensitiveDataFilter()])
    secret = corpus.LOOKS[0]
    with obs.span(f"call {secret}", input={"api_key": "swordfish"}, user_id=secret, tags=[secret]) as span:
        span.update(output=[secret], metadata={"note": secret}, attributes={"h": {"Cookie": "swordfish"}})
        span.add_score("relevance", 1, reason=secret)
        span.add_feedback("note", secret, comment=f"Bearer {secret}")
        span.error(ValueError(secret))
    obs.flush()
    assert len(capture.events) >= 3
    written = msgspec.json.encode(capture.events)
    assert secret.encode() not in written
    assert b"swordfish" not in written
    assert written.count(b"[REDACTED]") >= 10


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_a_glance_at_many_finds_what_a_look_at_each_would(data):
    """Where many events are left alone at a glance, each of them is handed on as it is."""
    hide = SensitiveDataFilter()
    texts = st.sampled_from([*corpus.LOOKS, *corpus.HARMLESS])
    drawn = data.draw(st.lists(st.tuples(st.sampled_from(sorted(PLACES)), texts), min_size=1, max_size=8))
    events = [PLACES[place](text) for place, text in drawn]
    if hide.leaves_alone(events):
        assert all(hide.process(event) is event for event in events)


def test_a_number_that_was_given_with_a_name_belongs_to_it():
    """`pin2` is one then, also behind something else and in a text; `pin` and `pin3` are none."""
    hide = SensitiveDataFilter(more_keys=["pin2"], allowed_keys=["spin2"])
    fields = dict.fromkeys(["pin2", "MY_PIN-2", "pin", "pin3", "spin2"], "swordfish")
    event = event_with("span", input=Json(encode({**fields, "text": "pin2=swordfish"})))
    hidden = {"pin2": "[REDACTED]", "MY_PIN-2": "[REDACTED]", "text": "pin2=[REDACTED]"}
    assert decode(hide.process(event).span.input) == {**fields, **hidden}


@given(st.text(alphabet="abjzoqrs", min_size=4, max_size=24))
def test_the_clue_to_basic_authentication_is_in_each(word):
    """Of small letters, too, which a user and a password in base 64 seldom have alone."""
    (basic,) = (pattern for pattern in SECRET_PATTERNS if pattern.name == "basic authentication")
    ((text, expression),) = basic.hints
    assert text == "asic"
    if basic.is_secret(word):
        assert expression.search(f"Basic {word}".encode())


@pytest.mark.parametrize("text", ["the basic steps of it", "Basic information", "basic self-help"])
def test_prose_costs_a_glance(sensitive, text):
    """A word that may stand before a secret has nobody look any closer."""
    assert sensitive.leaves_alone([event_with("log", message=text)])


@pytest.mark.parametrize("key", ["s3_secret", "pw", "x", "contraseña", "2fa code"])
def test_names_of_any_kind_are_found(key):
    """Short ones, with digits inside, in other languages; as they are, as a plural, and with a number."""
    hide = SensitiveDataFilter(more_keys=[key])
    for name in (key, key.upper() if key.isascii() else key, f"{key}s", f"my_{key}7"):
        event = event_with("span", input=Json(encode({name: "swordfish"})))
        assert decode(hide.process(event).span.input) == {name: "[REDACTED]"}


def test_secrets_are_hidden_unless_that_is_said(make, capture):
    """Nothing has to be configured for it; a filter of the user's own rules alone; it can be left out."""
    own = SensitiveDataFilter(keys=["iban"], patterns=[])
    settings_of = {
        "by itself": {},
        "configured": {
            "sensitive_data": SensitiveDataConfig(more_keys=["iban"], more_patterns={"b": r"BADGE-\d+"})
        },
        "own": {"processors": [own]},
        "left out": {"sensitive_data": False},
    }
    found = {}
    for how, given_settings in settings_of.items():
        obs = make(exporters=[capture], **given_settings)
        obs.span("pay", input={"password": "s3cret!", "iban": "DE89 3704", "text": "BADGE-77"}).end()
        assert obs.flush()
        found[how] = decode(capture.events[-1].span.input)
    hidden = "[REDACTED]"
    assert found == {
        "by itself": {"password": hidden, "iban": "DE89 3704", "text": "BADGE-77"},
        "configured": {"password": hidden, "iban": hidden, "text": hidden},
        "own": {"password": "s3cret!", "iban": hidden, "text": "BADGE-77"},
        "left out": {"password": "s3cret!", "iban": "DE89 3704", "text": "BADGE-77"},
    }


def test_what_a_processor_adds_is_looked_through(make, capture):
    """The filter comes last, behind the user's processors."""

    class Adds:
        def process(self, event):
            return msgspec.structs.replace(
                event, span=msgspec.structs.replace(event.span, name="password=hunter2x")
            )

    obs = make(exporters=[capture], processors=[Adds()])
    obs.span("plain").end()
    assert obs.flush()
    assert capture.events[-1].span.name == "password=[REDACTED]"


def test_what_fails_before_the_filter_is_told_by_its_place(make, capture, caplog):
    """The error of a processor, a sampler, a filter of spans may quote a secret: class and line are told."""
    drops = []

    def fail(value):
        raise ValueError(f"password is {value!r} and hunter2zz")

    class Fails:
        def process(self, event):
            fail(event)

    class Unspeakable:
        def __str__(self):
            return fail(self)

    for options in (
        {"processors": [Fails()]},
        {"sampling": fail},
        {"span_filter": fail},
        {"configs": {"eu": {"exporters": []}}, "config_selector": fail},
    ):
        obs = make(exporters=[capture], on_dropped=drops.append, **options)
        obs.span(Unspeakable(), input={"password": "hunter2zz"}).end()
        obs.span("work", input={"password": "hunter2zz"}).end()
        obs.flush()
    told = caplog.text + repr(drops)
    assert "hunter2zz" not in told
    assert told.count("ValueError at ") >= 5
    assert f"{Path(__file__).name}:" in told
    assert "in test_what_fails_before_the_filter_is_told_by_its_place.<locals>.fail" in told
