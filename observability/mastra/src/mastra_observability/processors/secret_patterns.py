"""Secrets that can be told by what they look like, wherever they stand.

Every pattern takes time in proportion to the text, whatever the text is: a search begins at a literal,
what follows is matched without a way back (`++`) or within a fixed length, and what a pattern has once
gone over it either keeps, or can begin in only once. A property that regular expressions are slow at,
such as a checksum, is looked at in Python, once for each candidate.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple, cast

from mastra_core.errors import ConfigurationError

MIN_KEY_CHARS: Final = 17
"""Keys are longer than words; what is shorter is not looked at for being one."""

MIN_DIGITS: Final = 13
"""Of the number of a card."""


MAX_PLACEHOLDER: Final = 256
"""What stands for a secret is shorter than this."""


def _always(_secret: str) -> bool:
    return True


class Clue(NamedTuple):
    """An expression over JSON text, and a text that each of its matches has: that is found much faster.

    The fastest are texts of up to five characters; in a long payload others cost four times as much.
    """

    text: str
    expression: re.Pattern[bytes]


_SAMPLE: Final = "".join(map(chr, range(32, 127)))


def _is_look(value: Any) -> bool:  # noqa: ANN401  # whatever was given
    if not issubclass(type(value), re.Pattern) or not isinstance(value.pattern, str):
        return False
    # Of `x*`, `\b` or `(?=B)` every place would be a secret.
    return value.fullmatch("") is None and all(match.group() for match in value.finditer(_SAMPLE))


def _are_hints(value: object) -> bool:
    return isinstance(value, tuple) and all(map(_is_hint, cast("tuple[object, ...]", value)))


def _is_hint(value: object) -> bool:
    if isinstance(value, str):
        return bool(value)
    expression: Any = value.expression if isinstance(value, Clue) else value
    return issubclass(type(expression), re.Pattern) and isinstance(expression.pattern, bytes)


_RULES: Final[tuple[tuple[str, Callable[[Any], bool], str], ...]] = (
    ("name", lambda value: isinstance(value, str) and bool(value.strip()), "a word"),
    ("expression", _is_look, "a compiled regular expression over text that never matches nothing"),
    ("hints", _are_hints, "a tuple of texts, expressions over bytes or clues, such as ('BADGE-',)"),
    (
        "within",
        lambda value: value in ("anything", "keys", "numbers", "signs"),
        "'anything', 'keys', 'numbers' or 'signs'",
    ),
    ("is_secret", callable, "a function of a candidate"),
)
"""What each field of a pattern must be."""


@dataclass(frozen=True, slots=True)
class SecretPattern:
    """A kind of secret, by what it looks like.

    Attributes:
        name: what it is, in a word.
        expression: finds it; where it has a group `secret`, only that is hidden. It is run over texts of
            any length, so it must not go back and forth in them.
        hints: texts, or expressions over JSON text, alone or as clues, of which each match has one; they are
            looked for first, which is much faster. None: every payload is parsed and gone through.
        within: what each match has, and most payloads have not, so that the hints of those need not be
            looked for: `keys` are `MIN_KEY_CHARS` letters, digits, `_` and `-` without a gap, `numbers`
            are `MIN_DIGITS` digits with nothing but spaces and hyphens between them, `signs` are `%` and `=`.
        is_secret: whether a candidate is one.
    """

    name: str
    expression: re.Pattern[str]
    hints: tuple[str | re.Pattern[bytes] | Clue, ...] = ()
    within: Literal["anything", "keys", "numbers", "signs"] = "anything"
    is_secret: Callable[[str], bool] = _always

    def __post_init__(self) -> None:
        """Refuse what finds nothing, or everything.

        Raises:
            ConfigurationError: one of the fields is something else.
        """
        wrong = next((rule for rule in _RULES if not rule[1](getattr(self, rule[0]))), None)
        if wrong is not None:
            name, _, allowed = wrong
            raise ConfigurationError(
                f"`{name}` of SecretPattern must be {allowed}, got {getattr(self, name)!r}"
            )


# ---------------------------------------------------------------- what regular expressions do not see

_PLACEHOLDER = re.compile(
    r"(?!.*[\])}>][A-Za-z0-9])"  # else something is glued to it
    r"(?:(?i:true|false|null|none|undefined|required|optional|changeme|password|secret|token|"
    r"(?:your|my|the)[-_ ].{0,40})"
    r"|[*x•.…_-]+|X+|\$\{(?!\w+:[-=+]\w).*|\$[A-Z_][A-Z0-9_]*|%[sdr]|%\(\w+\)?s?|\{.*|<.*|\[[A-Za-z_ ]+\]?"
    r"|(?:os|self|cls|settings|config|env|process|this)\..*|\w+\(.*)",
    re.DOTALL,
)

TEMPLATE: Final = r"\$?\{{1,2}[^{}\s\"'\\]{0,64}+\}{1,2}+|<[^<>/\s\"'\\][^<>\s\"'\\]{0,64}+>"
"""What is filled in, wherever it stands: `${PASSWORD}`, `{{password}}`, `<password>`."""

_TEMPLATE = re.compile(TEMPLATE)


def is_placeholder(text: str) -> bool:
    """Whether a text stands for a secret instead of being one: `***`, `${PASSWORD}`, `os.environ[…]`."""
    return (
        len(text) < MAX_PLACEHOLDER
        and _PLACEHOLDER.fullmatch(text) is not None
        and not beside_templates(text)
    )


def beside_templates(text: str) -> str:
    """What follows in a text that begins with what is filled in; empty where it has no letter or digit."""
    plain = _TEMPLATE.sub("", text) if _TEMPLATE.match(text) else ""
    return plain if any(map(str.isalnum, plain)) else ""


def _has_luhn_checksum(digits: str) -> bool:
    total = 0
    for position, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + position % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


_CARD = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})"  # Visa
    r"|(?:5[1-5]\d\d|222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}"  # Mastercard
    r"|3[47]\d{13}"  # American Express
    r"|(?:6011|65\d\d|64[4-9]\d)\d{12}"  # Discover
    r"|3(?:0[0-5]|[68]\d)\d{11}"  # Diners Club
    r"|35(?:2[89]|[3-8]\d)\d{12}"  # JCB
    r"|62\d{14,17}"  # UnionPay
)


def is_card_number(text: str) -> bool:
    """Whether a text is the number of a payment card: a known issuer, its length, a valid checksum."""
    digits = text.replace(" ", "").replace("-", "")
    return _CARD.fullmatch(digits) is not None and len(set(digits)) > 1 and _has_luhn_checksum(digits)


def _is_varied(text: str) -> bool:
    """Digits, or capitals after small letters: as keys have, and words joined by hyphens do not."""
    return any(map(str.isdigit, text)) or re.search(r"[a-z][A-Z]", text) is not None


def _is_bearer(text: str) -> bool:
    return _is_varied(text) or len(text) >= 20


def _is_user_and_password(text: str) -> bool:
    """Whether it is what HTTP's basic authentication sends: `user:password` in base 64."""
    try:
        return b":" in base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return False


def _is_mixed(text: str) -> bool:
    """Letters and digits, as neither words nor numbers have."""
    return any(map(str.isalpha, text)) and any(map(str.isdigit, text))


def _is_password(text: str) -> bool:
    return not is_placeholder(text)


# ---------------------------------------------------------------- the patterns

# Not inside a word. An escape before it, such as the `n` of a line break that was escaped twice, is none.
_START = r"(?:(?<![A-Za-z0-9]{w})|(?<=\\[nrtbf]{w})|(?<=%[0-9A-Fa-f]{{2}}{w})|(?<=\\u[0-9a-fA-F]{{4}}{w}))"


def _key(prefix: str, rest: str, hints: tuple[str, ...] = (), *, is_varied: bool = False) -> SecretPattern:
    """A key that a provider marks by how it begins; the prefix is a literal, so that searching is fast."""
    start = _START.format(w=re.escape(prefix))
    return SecretPattern(
        prefix.strip("-_."),
        re.compile(re.escape(prefix) + start + rest, re.ASCII),
        hints or (prefix,),
        within="keys",
        is_secret=_is_varied if is_varied else _always,
    )


_USER_IN_URL: Final = (Clue("://", re.compile(rb"://[^\s/\"]{1,2048}@")),)

SECRET_PATTERNS: Final[tuple[SecretPattern, ...]] = (
    SecretPattern(
        "private key",
        re.compile(
            r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY[A-Z ]{0,10}-----"
            r".*?(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY[A-Z ]{0,10}-----|\Z)",
            re.DOTALL,
        ),
        ("IVATE",),  # no more letters: five are looked for in a faster way
    ),
    SecretPattern(
        "JWT",
        # The header runs to its dot, or to where another one begins: no text is gone over twice.
        re.compile(r"eyJ(?:(?!eyJ)[\w-]){14,}+\.[\w-]{4,}+\.[\w-]*+(?:\.[\w-]*+){0,2}", re.ASCII),
        ("eyJ",),
        within="keys",
    ),
    SecretPattern(
        "bearer token",
        re.compile(r"[Bb]earer(?:[ \t]|%20|\+|\\{1,16}t){1,4}+(?P<secret>[\w.~+/-]{8,}+=*+)", re.ASCII),
        ("earer",),
        is_secret=_is_bearer,
    ),
    SecretPattern(
        "basic authentication",
        re.compile(r"[Bb]asic(?:[ \t]|\\{1,16}t){1,4}+(?P<secret>[A-Za-z0-9+/_-]{4,}+={0,2}+)"),
        # JSON doubles backslashes. A word such as `information` has small letters alone, and in base 64 those
        # say a colon by two of them only, the second and third of four.
        (
            Clue(
                "asic",
                re.compile(
                    rb"asic(?:[ \t]|\\{1,32}t){1,4}+"
                    rb"(?:[a-z]{0,256}+[A-Z0-9+/=]|(?:[a-z]{4}){0,63}?[a-z][jz][o-r])"
                ),
            ),
        ),
        is_secret=_is_user_and_password,
    ),
    SecretPattern(
        "password in a URL",
        re.compile(r"://[^\s/:@\"'<>]{0,256}+:(?P<secret>[^\s/\"'<>]{1,256})@"),
        _USER_IN_URL,
        is_secret=_is_password,
    ),
    SecretPattern(
        "key in a URL",
        re.compile(r"://(?P<secret>[A-Za-z0-9_]{24,256}+)@"),
        _USER_IN_URL,
        is_secret=_is_varied,
    ),
    SecretPattern(
        "user and password of a command",
        re.compile(
            r"curl -(?:[^\r\n|;&]{0,512}?[ ]-)??(?:u|-user)[ =][\"']?[^\s:\"']{1,128}+:"
            r"(?P<secret>[^\s\"'\\]{1,256}+)"
        ),
        (Clue("curl ", re.compile(rb"curl -")),),
        is_secret=_is_password,
    ),
    SecretPattern(
        "password in a sentence",
        re.compile(r"[Pp]assword is:?[ ][\"'`]?(?P<secret>[^\s\"'`,;\\]{6,128}+)"),
        (Clue("sswor", re.compile(rb"assword is")),),
        is_secret=_is_mixed,
    ),
    SecretPattern(
        "password in an encoded URL",
        re.compile(r"%3[Aa]%2[Ff]%2[Ff][^\s/:@\"'<>%]{0,64}+%3[Aa](?P<secret>[^\s/:@\"'<>]{1,128}?)%40"),
        (re.compile(rb"%3[Aa]%2[Ff]%2[Ff]"),),
        within="signs",
        is_secret=_is_password,
    ),
    SecretPattern(
        "signed URL",
        re.compile(
            r"(?:[?&;]sig|[Xx]-(?:[Aa]mz|[Gg]oog)-[Ss]ignature)=(?P<secret>[\w%+/=-]{20,}+)", re.ASCII
        ),
        ("sig=", "ignature="),
        within="signs",
    ),
    SecretPattern(
        "card number",
        re.compile(
            r"[2-6](?:(?<![0-9A-Za-z][2-6])|(?<=\\[nrtbf][2-6]))(?<![0-9][.,][2-6])"
            r"(?:\d{12,18}+|\d{3}(?P<gap>[ -])\d{4}(?P=gap)\d{4}(?P=gap)\d{1,7}+|\d{3}[ -]\d{6}[ -]\d{4,5}+)"
            r"(?![0-9A-Za-z]|\.\d)",
            re.ASCII,
        ),
        (re.compile(rb"[2-6](?<!\d.)\d{3}(?:\d{9}|[ -]\d{4}[ -]\d{4}[ -]|[ -]\d{6}[ -])", re.DOTALL),),
        within="numbers",
        is_secret=is_card_number,
    ),
    _key("sk-", r"[\w-]{16,}+", is_varied=True),  # OpenAI, Anthropic, OpenRouter, DeepSeek, …
    _key("AKIA", r"[A-Z0-9]{16}(?![A-Za-z0-9])"),  # AWS
    _key("ASIA", r"[A-Z0-9]{16}(?![A-Za-z0-9])"),
    _key("AIza", r"[\w-]{30,}+"),  # Google
    _key("ya29.", r"[\w-]{20,}+"),
    _key("GOCSPX-", r"[\w-]{20,}+"),
    *(_key(f"gh{kind}_", r"[A-Za-z0-9]{20,}+") for kind in "pousr"),  # GitHub
    _key("github_pat_", r"\w{20,}+"),
    _key("glpat-", r"[\w-]{20,}+"),
    *(_key(f"xox{kind}-", r"[\w-]{12,}+", ("xox",)) for kind in "abeoprs"),  # Slack
    _key("xapp-", r"[\w-]{12,}+", is_varied=True),
    _key("hooks.slack.com/services/", r"\w{6,20}/\w{6,20}/\w{17,}+"),
    _key("discord.com/api/webhooks/", r"\d{17,20}/[\w-]{60,}+"),
    *(_key(f"{kind}_{mode}_", r"\w{16,}+") for kind in ("sk", "rk") for mode in ("live", "test")),  # Stripe
    _key("whsec_", r"\w{20,}+"),
    _key("hf_", r"[A-Za-z0-9]{30,}+", is_varied=True),  # Hugging Face
    _key("gsk_", r"[A-Za-z0-9]{20,}+", is_varied=True),  # Groq
    _key("xai-", r"[A-Za-z0-9]{20,}+", is_varied=True),
    _key("r8_", r"[A-Za-z0-9]{30,}+"),  # Replicate
    _key("pplx-", r"[A-Za-z0-9]{20,}+"),  # Perplexity
    _key("nvapi-", r"[\w-]{20,}+"),
    _key("lsv2_", r"\w{20,}+"),  # LangSmith
    _key("npm_", r"[A-Za-z0-9]{36}", is_varied=True),
    _key("pypi-", r"[\w-]{50,}+"),
    _key("SG.", r"[\w-]{17,}+\.[\w-]{17,}+"),  # SendGrid
    *(_key(f"do{kind}_v1_", r"[a-f0-9]{20,}+") for kind in "opr"),  # DigitalOcean
    *(_key(f"shp{kind}_", r"[a-fA-F0-9]{20,}+") for kind in ("at", "ca", "pa", "ss")),  # Shopify
    *(_key(f"gl{kind}-", r"[\w-]{20,}+") for kind in ("rt", "dt", "ptt", "cbt")),  # GitLab
    *(_key(f"gl{kind}_", r"\w{20,}+") for kind in ("sa", "c")),  # Grafana
    *(_key(f"sntry{kind}_", r"\w{20,}+") for kind in "su"),  # Sentry
    *(_key(f"hv{kind}.", r"[\w-]{20,}+") for kind in "sbr"),  # Vault
    *(_key(f"dp.{kind}.", r"\w{20,}+") for kind in ("pt", "st", "ct", "sa")),  # Doppler
    *(_key(f"x{kind}sib-", r"[\w-]{20,}+") for kind in ("key", "smtp")),  # Brevo
    *(_key(f"sq0{kind}-", r"[\w-]{20,}+") for kind in ("atp", "csp")),  # Square
    *(_key(f"pscale_{kind}_", r"[\w-]{20,}+") for kind in ("tkn", "pw", "oauth")),  # PlanetScale
    _key("tvly-", r"[\w-]{20,}+", is_varied=True),  # Tavily
    _key("pcsk_", r"\w{20,}+"),  # Pinecone
    _key("fw_", r"[A-Za-z0-9]{22,}+", is_varied=True),  # Fireworks
    _key("jina_", r"[\w-]{30,}+", is_varied=True),
    _key("sk.eyJ", r"[\w-]{10,}+\.[\w-]{10,}+"),  # Mapbox
    _key("sk_", r"[a-f0-9]{40,}+"),  # ElevenLabs
    _key("esecret_", r"\w{20,}+"),  # Anyscale
    _key("ntn_", r"[A-Za-z0-9]{30,}+", is_varied=True),  # Notion
    _key("lin_api_", r"\w{20,}+"),  # Linear
    _key("figd_", r"[\w-]{20,}+"),  # Figma
    _key("PMAK-", r"[a-f0-9]{20,}+(?:-[a-f0-9]{20,}+)?"),  # Postman
    _key("dapi", r"[a-f0-9]{32}(?![A-Za-z0-9])"),  # Databricks
    _key("NRAK-", r"[A-Z0-9]{20,}+"),  # New Relic
    _key("sbp_", r"[a-f0-9]{30,}+"),  # Supabase
    _key("dckr_pat_", r"[\w-]{20,}+"),  # Docker
    _key("ATATT3", r"[\w=-]{30,}+"),  # Atlassian
    _key("rubygems_", r"[a-f0-9]{30,}+"),
    _key("nfp_", r"[A-Za-z0-9]{30,}+"),  # Netlify
    _key("fm2_", r"[\w+/=-]{30,}+"),  # Fly
    _key("SK", r"[a-f0-9]{32}(?![A-Za-z0-9])", is_varied=True),  # Twilio
    _key("AGE-SECRET-KEY-1", r"[A-Z0-9]{40,}+"),
    SecretPattern(
        "Telegram",
        re.compile(r":AA(?<=\d{8}:AA)[\w-]{33}(?![\w-])", re.ASCII),
        ("AA",),
        within="keys",
    ),
    SecretPattern(
        "Terraform",
        re.compile(r"\.atlasv1\.[\w-]{40,}+", re.ASCII),
        (".atlasv1.",),
        within="keys",
    ),
)
"""What is looked for by itself."""
