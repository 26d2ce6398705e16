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
    PEM.format("ENCRYPTED "), *CARDS, "tvly-" + LETTERS, "pcsk_" + LETTERS, "fw_" + LETTERS[:24],
    "jina_" + LETTERS, "sk_" + HEX + HEX[:16], "esecret_" + LETTERS, "ntn_" + LETTERS * 2,
    "lin_api_" + LETTERS, "figd_" + LETTERS, f"PMAK-{HEX[:24]}-{HEX}", "dapi" + HEX,
    "NRAK-" + LETTERS.upper()[:27], "glsa_" + LETTERS + "_0f1e2d3c", "glc_" + LETTERS,
    "sntrys_" + LETTERS, "sntryu_" + HEX, "hvs." + LETTERS * 2, "dp.pt." + LETTERS,
    "xkeysib-" + HEX * 2 + "-" + LETTERS[:16], "sq0atp-" + LETTERS[:22], "pscale_tkn_" + LETTERS,
    "sbp_" + HEX + "01234567", "dckr_pat_" + LETTERS[:27], "ATATT3xFfGF0" + LETTERS,
    "rubygems_" + HEX + HEX[:16], "nfp_" + LETTERS, "fm2_" + LETTERS * 2, "SK" + HEX,
    "AGE-SECRET-KEY-1" + LETTERS.upper() + LETTERS.upper()[:26], "123456789:AAE" + LETTERS,
    LETTERS[:14] + ".atlasv1." + LETTERS * 2, "sk.eyJ1IjoiYSIsImEiOiJiIn0." + LETTERS[:22],
    "glrt-" + LETTERS[:20],
    "shpca_" + HEX, "shpss_" + HEX, "doo_v1_" + HEX * 2, PEM.format("DSA "),
    "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n" + LETTERS + "\n-----END PGP PRIVATE KEY BLOCK-----",
]  # fmt: skip
"""Texts that are secrets by themselves."""

INSIDE = [
    ("Authorization: Bearer {}", "abc123def456ghi789"), ("bearer {}", "Zm9vYmFyYmF6cXV4"),
    ("Bearer\t{}", "a.b-c_d~e/f+12345=="), ("curl -H 'authorization: bearer {}'", "0123456789abcdef"),
    ("Basic {}", base64.b64encode(b"aladdin:opensesame").decode()),
    ("Basic\t{}", base64.b64encode(b"aladdin:opensesame").decode()), ("basic {}", "azoaabcd"),
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
    ("--token={}", "tok-123456"), ("api key: {}", "zz9-plural-z"), ("tool --password {} -v", "Tr0ub4dor&3"),
    ("--db-password {}", "Tr0ub4dor&3"), ("<password>{}</password>", "Tr0ub4dor+3"),
    ("<a><apiKey>{}</apiKey></a>", "zz9-plural-z"), ("('password', '{}')", "two words 1"),
    ("[(b'authorization', b'{}')]", "ApiKey zz9-plural-z"), ("{{b'cookie': b'{}'}}", "sid=31d4d96e407aad42"),
    ("authorization=Bearer%20{}", "0f1e2d3c4b5a69788796"),
    ("?next=https%3A%2F%2Fu%3A{}%40host%2Fx", "Tr0ub4dor-3"),
    ("https://a.blob.core.windows.net/c?sv=2022&sig={}", "abC1%2Fdef2GhI3jkL4mnO5pqR6stU7vwX8yz%3D"),
    ("https://b.s3.amazonaws.com/k?X-Amz-Signature={}", HEX * 2),
    ('Authorization: Digest username="u", response="{}"', HEX), ("Authorization: Token {}", HEX),
    ("Server=h;Database=d;User Id=u;Password={};", "Tr0ub4dor"), ("{{Password:{}}}", "Tr0ub4dor3"),
    ("jdbc:mysql://h/db?user=u&password={}", "Tr0ub4dor"), ("db:\n  password: {}\n", "Tr0ub4dor3"),
    ("smtp://u:{}@h:25", "Tr0ub4dor"), ("Settings(api_key='{}', x=1)", "Tr0ub4dor"),
    ("export AWS_SECRET_ACCESS_KEY={}", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
    ("connect(host='h', passwd='{}')", "Tr0ub4dor"), (":password=>'{}'", "Tr0ub4dor"),
    ("https://x-access-token:{}@github.com/a/b", "opaque-0f1e2d"), ("X-Vault-Token: {}", "opaque.0f1e2d"),
    ("{{'password': ['{}']}}", "Tr0ub4dor"), ('reply {{"api_keys": ["k", "{}"], "x": 1}}', "Tr0ub4dor"),
    ('\\"password\\": [\\"{}\\"]', "Tr0ub4dor"), ("db password = ('{}', None)", "Tr0ub4dor"),
    ("password=os.environ+password={}", "Tr0ub4dor"), ("password_old={}", "Tr0ub4dor"),
    ("OPENAI_API_KEY_PROD={}", "Tr0ub4dor"), ("SMTP_PASS={}", "Tr0ub4dor"), ("db_pw: {}", "Tr0ub4dor3"),
    ("config['password'] = '{}'", "two words 1"), ('os.environ["API_KEY"] = "{}"', "Tr0ub4dor"),
    ("a=1&user[password]={}&b=2", "Tr0ub4dor"), ("user%5Bpassword%5D={}", "Tr0ub4dor"),
    ("?next=%2Fa%3Faccess_token%3D{}", "Tr0ub4dor"), ('password := "{}"', "Tr0ub4dor"),
    ("def f(password: str = '{}'):", "Tr0ub4dor"), ("api_key: str | None = '{}'", "Tr0ub4dor"),
    ("password: Optional[str] = '{}'", "Tr0ub4dor"), ("const password: string = '{}'", "Tr0ub4dor"),
    ("password = r'{}'", "Tr0ub4dor"), ('password = """{}"""', "Tr0ub4dor\nand more"),
    ('<add key="password" value="{}"/>', "Tr0ub4dor"), ('<input name="password" value="{}">', "Tr0ub4dor"),
    ("ALTER USER a WITH PASSWORD '{}'", "Tr0ub4dor"), ("invalid password '{}' for user", "Tr0ub4dor"),
    ("curl -s https://a.example -u user:{} -v", "Tr0ub4dor"), ("curl --user 'user:{}' -v", "Tr0ub4dor"),
    ("my password is {}", "hunter2hunter2"), ("The password is: `{}`", "Tr0ub4dor3"),
    ("https://{}@dev.azure.com/a/b", LETTERS.lower() + "0f1e2d3c4b5a"),
    ("https://discord.com/api/webhooks/123456789012345678/{}", LETTERS * 2 + "-_ab"),
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
    "password_confirmation", "private_key_pem", "token_value", "secretKeyBase", "password_old",
    "passwordOld", "password_v2", "API_KEY_PROD", "apiKeyTest", "client_secret_value", "password_base64",
    "DB_PASS", "user_pass", "pw", "db_pw", "basic_auth", "session_key", "decryption_key", "backup_codes",
    "otp_code", "seed_phrase",
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
    "sign", "signature_alg", "design", "assignee", "tokens_used", "reset_password_url", "secretions",
    "keypoints", "apikey_count", "authenticated", "passage", "cookie_policy",
    "max_token_value", "next_token_value", "token_value_count", "first_pass", "proxy_pass", "boarding_pass",
    "status_code", "zip_code", "value", "new", "production", "max_tokens_old", "map_key", "answer", "phrase",
]  # fmt: skip
"""Names that are none, though parts of them sound like it."""

HARMLESS = [
    "the password 'field' is required", 'Fill in the password "Input" first',
    '{"token_new": 5, "token_2": 7}',
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
    "MSG.abcdefghijklmnopqrstuv.abcdefghijklmnopqrstuv", "Use --password to set it.",
    "--token is required", "tool --password-file secrets.txt", "tool --max-tokens 500 --verbose",
    "--next-token abc123",
    "tool --no-password-prompt", "--- a/password.txt", "-----", "-- password column",
    '<a href="/reset-password">Reset</a>',
    '<label for="password">Your password</label>', '<input type="password"/>', "<tokens>12</tokens>",
    "<author>Jane Doe</author>", "required: ['password', 'email']", "('author', 'Jane')", "('tokens', 12)",
    "password > x", "token -> word -> line", "https%3A%2F%2Fexample.com%2Fa%40b",
    "https%3A%2F%2Fexample.com%3A8080%2Fx",
    "?sig=short", "config=abcdefghijklmnopqrstuvwxyz012345", "AWSSignature", "12:34:56 PM", "at 10:AA",
    "host:AABBCCDD", "SKU0f1e2d3c4b5a69788796", "SKELETON", "task_0f1e2d3c4b5a69788796a5b4c3d2e1f0",
    "cache-key-d41d8cd98f00b204e9800998ecf8427e", "fw_update_of_the_router_firmware",
    "ntn_bus_lines_of_the_town",
    "disk_0f1e2d3c4b5a", "figd_x", "PMAK", "dapi", "dp.pt", "hvs.x", "sq0", "glsa_short",
    "jina_embeddings_v3_base",
    "pcsk", "nfp_rate", "shpca", "tavily-search-results-json-tool", "gpt-4.1-mini-2025-04-14",
    "text-embedding-3-large", "meta-llama/Llama-3.3-70B-Instruct", "2026-11-22T10:28:03Z", "1,234,567,890.12",
    "Order 1234-5678-9012", "ISBN 9783161484100", "IBAN DE89370400440532013000", "v1.2.3-beta.4+build.567",
    "BEARER OF GOOD NEWS", "Bearer tokens are explained below", "A basic income",
    "the passenger list: 12 names",
    "keyboard: qwerty", "monkey=banana", "SELECT token_count FROM usage WHERE id = 7", "cookie: chocolate",
    "docker run -u 1000:1000 image", "git push -u origin main", "curl -u $USER https://a.example",
    "curl -u ${NAME}:${PASSWORD} https://a.example", "curl https://a.example:8080/x -o y:z",
    "The password is required.", "your password is too short", "The password is 8 characters long",
    "the password is wrong", "https://a_rather_long_name_of_a_user@a.example", "password: str",
    "def f(password: str) -> None: ...", "def f(author: str = 'Jane'): ...", "config['author'] = 'Jane'",
    "<input name='author' value='Jane'>", "first_pass=done", "?next=%2Fa%3Fpage%3D2", "90% of tokens",
    "the author 'Jane'", "author := 'Jane'", "SELECT password FROM users",
    "The private key is kept elsewhere.", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJl", "0x0f1e2d3c4b5a69788796",
]  # fmt: skip
"""Texts that are none."""


def nested(text: str, times: int) -> str:
    """A text inside JSON inside of JSON, so many times."""
    for _ in range(times):
        text = json.dumps({"body": [text, 1]})
    return text
