"""Secrets that were made up, and what only looks like one."""

import base64
import json

LETTERS = "aB3dE5gH7jK9mN1pQ2rS4tU6vW8xY0zA"
HEX = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
PEM = f"-----BEGIN {{0}}PRIVATE KEY-----\nMIIEvQIBADAN\n{LETTERS}\n-----END {{0}}PRIVATE KEY-----"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"

CARDS = [
    "4111111111111111", "4242 4242 4242 4242", "4012-8888-8888-1881", "4222222222222", "5555555555554444",
    "5105 1051 0510 5100", "2223003122003222", "2720-9999-9999-9996", "378282246310005",
    "3714 496353 98431", "6011111111111117", "6011 0009 9013 9424", "3530111333300000", "30569309025904",
    "38520000023237", "6200000000000005",
]  # fmt: skip

LOOKS = [
    "sk-proj-" + LETTERS, "sk-" + LETTERS, "sk-svcacct-" + LETTERS, "sk-ant-api03-" + LETTERS + "-_x",
    "sk-or-v1-" + HEX * 2, "sk-lf-" + HEX, "AKIAIOSFODNN7EXAMPLE", "ASIAIOSFODNN7EXAMPLE",
    "AIzaSyA1bC2dE3fG4hI5jK6lM7nO8pQ9rS0tU1v", "ya29.a0AfB_" + LETTERS, "GOCSPX-" + LETTERS[:28],
    "ghp_" + LETTERS + "abcd", "gho_" + LETTERS + "abcd", "ghs_" + LETTERS + "abcd",
    "github_pat_11AAAAAAA0" + LETTERS, "glpat-" + LETTERS[:20],
    "xoxb-123456789012-1234567890123-" + LETTERS[:24], "xoxp-" + LETTERS, "xapp-1-A012-345-" + LETTERS,
    "https://hooks.slack.com/services/T00000000/B00000000/" + LETTERS[:24], "sk_live_" + LETTERS,
    "rk_test_" + LETTERS, "whsec_" + LETTERS, "hf_" + LETTERS + "ab", "gsk_" + LETTERS, "xai-" + LETTERS,
    "r8_" + LETTERS + "abcde", "pplx-" + LETTERS, "nvapi-" + LETTERS, "lsv2_pt_" + HEX,
    "npm_" + LETTERS + "abcd", "pypi-AgEIcHlwaS5vcmc" + LETTERS * 2,
    "SG." + LETTERS[:22] + "." + LETTERS + "abcdefghijk", "dop_v1_" + HEX * 2, "shpat_" + HEX, JWT,
    JWT[:-20], PEM.format(""), PEM.format("RSA "), PEM.format("OPENSSH "), PEM.format("EC "),
    PEM.format("ENCRYPTED "), *CARDS,
]  # fmt: skip
"""Texts that are secrets by themselves."""

INSIDE = [
    ("Authorization: Bearer {}", "abc123def456ghi789"), ("bearer {}", "Zm9vYmFyYmF6cXV4"),
    ("Bearer\t{}", "a.b-c_d~e/f+12345=="), ("curl -H 'authorization: bearer {}'", "0123456789abcdef"),
    ("Basic {}", base64.b64encode(b"aladdin:opensesame").decode()),
    ("Authorization: Basic {}", base64.b64encode(b"u:p:w").decode()),
    ("postgres://app:{}@db.internal:5432/main", "s3cr3t-Passw0rd"),
    ("redis://:{}@cache:6379/0", "hunter2hunter"),
    ("mongodb+srv://root:{}@cluster0.example.net/?w=majority", "p@ss:w0rd!x"),
    ("https://user:{}@example.com/path?x=1", "Tr0ub4dor&3"), ("amqp://guest:{}@mq", "correct-horse"),
    ("password={}", "hunter2hunter2"), ("?api_key={}&page=2", "k3y-value-1"),
    ("DB_PASSWORD='{}'", "it is long"), ("OPENAI_API_KEY={}", "qwertyuiop"), ("secret: {}", "a1b2c3d4"),
    ("{{'password': '{}'}}", "swordfish"),
    ('reply was {{"client_secret": "{}", "ok": true}}', "plain words too"), ("x-api-key: {}", "1234-5678"),
    ("Cookie: {}", "sid=31d4d96e407aad42; theme=dark"), ("Set-Cookie: {}", "id=a3fWa; Secure; HttpOnly"),
    ("access_token={}", "ya-opaque-1"), ('login(password="{}")', "stack trace 1"),
    ('{{"password":"{}', "cut off her3"), ("Password = {}", "Pa55w0rd"), ("passwd={}", "xyzzy-plugh"),
    ("AccountKey={}", "abcd1234+/efgh=="), ('\\"password\\": \\"{}\\"', "escaped1 text"),
    ("--token={}", "tok-123456"), ("api key: {}", "zz9-plural-z"),
]  # fmt: skip
"""Texts around a secret, and the secret."""

KEYS = [
    "password", "Password", "PASSWORD", "db_password", "dbPassword", "DB-PASSWORD", "user.password",
    "password2", "passwords", "passwd", "pwd", "passphrase", "secret", "client_secret", "clientSecret",
    "app-secret", "secrets", "token", "access_token", "accessToken", "ACCESS-TOKEN", "refresh_token",
    "id_token", "x-auth-token", "botToken", "csrf_token", "accessTokens", "api_key", "apiKey", "API_KEY",
    "api-key", "X-Api-Key", "apikey", "openai_api_key", "private_key", "privateKey", "secretKey",
    "aws_secret_access_key", "signing_key", "encryptionKey", "authorization", "Authorization",
    "Proxy-Authorization", "cookie", "Set-Cookie", "cookies", "credential", "credentials",
    "user_credentials", "connection_string", "card_number", "creditCard", "cvv", "ssn", "auth", "jwt",
    "bearer", "otp", "api key", "account_key", "sshKey", "password_hash", "pass",
]  # fmt: skip
"""Names whose value is a secret, whatever it looks like."""

HARMLESS_KEYS = [
    "input_tokens", "output_tokens", "inputTokens", "max_tokens", "maxTokens", "total_tokens",
    "token_count", "tokens", "cached_tokens", "reasoning_tokens", "tokens_per_second",
    "time_to_first_token", "price_per_token", "eos_token", "pad_token", "next_page_token", "nextToken",
    "tokenizer", "tokenization", "bypass", "compass", "passed", "passenger", "author", "authors",
    "authority", "oauth_provider", "key", "keys", "keyboard", "monkey", "primary_key", "foreign_key",
    "partition_key", "sort_key", "key_count", "cookie_count", "secretary", "secret_santa",
    "password_policy", "passwordless", "session_id", "sessionId", "trace_id", "user_id", "model",
    "jwt_issuer", "api_version", "api_keys_count", "hashtag", "pinned", "cardinality", "discard", "card",
    "sign", "signature_alg",
]  # fmt: skip
"""Names that are none, though parts of them sound like it."""

HARMLESS = [
    "The password must have eight characters.", "password: required", "Enter your password below",
    "secret: shh", "token: a piece of a word", "The secret of good tea is water.", "Bearer of bad news",
    "a bearer certificate", "basic understanding of rivers", "Basic principles", "Basic Instinct",
    "risk-management-framework-for-everyone", "task-force-of-the-united-nations",
    "disk-usage-by-directory-name", "sk-learn-pipeline-tutorial-part", "4111111111111112",
    "4111 1111 1111 1112", "1234567890123456", "0000000000000000", "4444444444444444444444",
    "1790000000123456789", "1790000000123", "2026-11-22T03:30:43.123456", "+49 30 1234567890",
    "978-3-16-148410-0", "0.4111111111111111", "3.4222222222222", "550e8400-e29b-41d4-a716-446655440000",
    "a4111111111111111", "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331",
    "d41d8cd98f00b204e9800998ecf8427e", "https://example.com/users/@me", "http://localhost:8080/a@b",
    "https://example.com:443/x?y=a@b.c", "mailto:someone@example.com", "git@github.com:owner/repo.git",
    "ssh://git@github.com/owner/repo", "postgres://user:${PASSWORD}@host/db", "https://user:***@host",
    "postgres://u:<password>@h", "password=***", "password=${DB_PASSWORD}", "api_key=os.environ['KEY']",
    "token=None", "token = settings.value", "password=None", "def login(user, password): pass",
    "if password == other:", "key=value", "tokens=12", "max_tokens=500",
    "input_tokens: 12, output_tokens: 30", "AKIAISAWORD", "AIza", "ghp_short", "eyJ",
    "eyJhbGciOiJIUzI1NiJ9", "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkq\n-----END PUBLIC KEY-----",
    "-----BEGIN CERTIFICATE-----\nMIID\n",
    "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "call_abc123",
    "toolu_01AbCdEf", "chatcmpl-9abcDEF123456789abcDEF1234567", "msg_01XFDUDYJgAACzvnptvVoYEL",
    "gpt-4o-2024-08-06", "claude-3-5-sonnet-20241022", "arn:aws:iam::123456789012:role/reader",
    "s3://bucket/key", "C:\\Users\\reader",
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ", "12:34:56", "{}", "[]", "null",
    '"', "", "Press any key: y", "page token=abc", "next_token=abc123", "The author: Jane",
    "cookies are sweet", '{"input_tokens": 12, "usage": {"max_tokens": 5}}', "192.168.0.1:8080",
    "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16", "card of 16 digits", "$4111.00", "€ 4.111.111,11",
    "MSG.abcdefghijklmnopqrstuv.abcdefghijklmnopqrstuv",
]  # fmt: skip
"""Texts that are none."""


def nested(text: str, times: int) -> str:
    """A text inside JSON inside of JSON, so many times."""
    for _ in range(times):
        text = json.dumps({"body": [text, 1]})
    return text
