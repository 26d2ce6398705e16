"""Settings from code, from environment variables and from TOML files, and where each comes from."""

import re
from operator import attrgetter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mastra_core import ConfigurationError, Mastra, ObservabilityConfig, SamplingConfig
from mastra_core.runtime.config import PayloadLimits
from mastra_core.runtime.written import form_of, read_text
from mastra_core.storage import InMemoryStore

PREFIX = "MASTRA_OBSERVABILITY_"


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def variables(monkeypatch):
    """Sets variables by the ends of their names."""

    def set_all(**values):
        for name, value in values.items():
            monkeypatch.setenv(PREFIX + name, value)

    return set_all


@pytest.fixture
def toml(tmp_path):
    """Writes the `pyproject.toml` of the working directory."""

    def write(text, name="pyproject.toml"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


def refusal(**values):
    """What a configuration is refused with."""
    with pytest.raises(ConfigurationError) as refused:
        ObservabilityConfig(**values)
    return str(refused.value)


def test_code_weighs_more_than_the_environment_and_that_more_than_the_file(toml, variables):
    """Each source is asked for what the ones above it do not say."""
    toml("[tool.mastra.observability]\nservice_name = 'file'\nuser_id = 'file'\nsource = 'file'")
    variables(SERVICE_NAME="environment", USER_ID="environment")
    config = ObservabilityConfig(service_name="code")
    assert (config.service_name, config.user_id, config.source) == ("code", "environment", "file")
    assert config.organization_id is None
    assert config.origin_of("service_name") is None
    assert config.origin_of("user_id") == f"the environment variable {PREFIX}USER_ID"
    assert config.origin_of("source").startswith("[tool.mastra.observability] of '")


def test_tables_are_put_together_key_by_key(toml, variables):
    """A file, a variable and a mapping in code may each say a part of one table; an object says it all."""
    toml("[tool.mastra.observability.payload]\nmax_depth = 3\nmax_items = 3\nmax_bytes = 300")
    variables(PAYLOAD__MAX_ITEMS="5", PAYLOAD__MAX_BYTES="500")
    config = ObservabilityConfig(payload={"max_bytes": 700})
    assert config.payload == PayloadLimits(max_depth=3, max_items=5, max_bytes=700)
    whole = ObservabilityConfig(payload=PayloadLimits(max_bytes=900))
    assert whole.payload == PayloadLimits(max_bytes=900)


def test_every_setting_can_be_written_in_a_file(toml):
    """All that is no function and no object; of another file than `pyproject.toml` in a table of its own."""
    path = toml(
        """
        [observability]
        storage = "memory://"
        service_name = "shop"
        environment = "test"
        exporters = ["default", {type = "json", target = "events.jsonl"}]
        log_level = "WARNING"
        sampling = 0.25
        organization_id = "acme"
        user_id = "u-1"
        default_session_id = "s-1"
        source = "cart"
        max_queue_events = 10
        max_span_lifetime_s = 60
        config_selector = "region"
        [observability.sensitive_data]
        more_keys = ["iban"]
        [observability.metrics]
        max_labels = 3
        buckets = {page_ms = [1, 10]}
        prices = {"my-.*" = {input_usd = 1, output_usd = 2}}
        [observability.payload]
        max_depth = 4
        [observability.configs.eu]
        storage = "duckdb:///eu.duckdb"
        metrics = false
        """,
        "settings.toml",
    )
    config = ObservabilityConfig.from_toml(path)
    assert (config.storage, config.service_name, config.environment) == ("memory://", "shop", "test")
    assert config.exporters == ("default", {"type": "json", "target": "events.jsonl"})
    assert (config.log_level, config.sampling_config.ratio) == ("warn", 0.25)
    assert (config.organization_id, config.user_id, config.default_session_id) == ("acme", "u-1", "s-1")
    assert (config.source, config.max_queue_events, config.max_span_lifetime_s) == ("cart", 10, 60)
    assert config.sensitive_data_config.more_keys == ["iban"]
    assert config.metrics_config.buckets == {"page_ms": (1, 10)}
    assert config.metrics_config.prices["my-.*"].output_usd == 2
    assert config.payload.max_depth == 4
    assert config.config_selector == "region"
    assert (config.configs["eu"].storage, config.configs["eu"].metrics) == ("duckdb:///eu.duckdb", False)


def test_every_setting_can_be_written_in_a_variable(variables):
    """Lists by commas or as JSON, tables by two underscores or as JSON, words for true and false."""
    variables(
        EXPORTERS="default, console",
        SAMPLING__RATIO="0.1",
        SENSITIVE_DATA__MORE_KEYS='["iban", "a,b"]',
        METRICS="off",
        PAYLOAD='{"max_depth": 4}',
        MAX_QUEUE_EVENTS="10",
        CONFIGS__EU__METRICS__MAX_LABELS="3",
        CONFIGS__EU__SAMPLING="never",
        CONFIG_SELECTOR="region",
        service_name="[x]",
    )
    config = ObservabilityConfig()
    assert config.exporters == ("default", "console")
    assert config.sampling_config.ratio == 0.1
    assert config.sensitive_data_config.more_keys == ["iban", "a,b"]
    assert config.metrics_config is None
    assert (config.payload.max_depth, config.max_queue_events, config.service_name) == (4, 10, "[x]")
    assert config.configs["eu"].metrics_config.max_labels == 3
    assert config.configs["eu"].sampling_config.ratio == 0


@pytest.mark.parametrize(
    ("said", "path", "value"),
    [
        ({"MAX_QUEUE_EVENTS": "5e3"}, "max_queue_events", 5000),
        ({"MAX_QUEUE_EVENTS": "5.0"}, "max_queue_events", 5),
        ({"TRACING": "n"}, "tracing", False),
        ({"METRICS__DERIVED": "t"}, "metrics_config.derived", True),
        ({"PAYLOAD": '{"max_depth": "5"}'}, "payload.max_depth", 5),
        ({"HOLD": '{"max_traces": 5.0}'}, "hold.max_traces", 5),
        ({"METRICS": '{"derived": "no"}'}, "metrics_config.derived", False),
        ({"METRICS__BUCKETS": '{"x": ["1", 2]}'}, "metrics_config.buckets", {"x": (1.0, 2.0)}),
        ({"SENSITIVE_DATA__HASH_KEY": "5"}, "sensitive_data_config.hash_key", "5"),
        ({"SENSITIVE_DATA": '{"more_keys": ["5"]}'}, "sensitive_data_config.more_keys", ["5"]),
    ],
)
def test_a_variable_may_say_numbers_and_truths_in_many_ways(variables, said, path, value):
    """A text in JSON stands for what it would stand for alone, unless a text belongs there."""
    variables(**said)
    found = attrgetter(path)(ObservabilityConfig())
    assert (found, type(found)) == (value, type(value))


def test_a_variable_of_a_table_by_free_names_is_read_inside(variables):
    """Prices and named configurations are as deep as JSON of a variable goes."""
    variables(
        METRICS__PRICES='{"gpt": {"input_usd": "0.5", "output_usd": 1}}',
        CONFIGS='{"eu": {"tracing": "no", "sampling": "0.5", "service_name": "7"}}',
        CONFIG_SELECTOR="region",
    )
    config = ObservabilityConfig()
    assert config.metrics_config.prices["gpt"].input_usd == 0.5
    inner = config.configs["eu"]
    assert (inner.tracing, inner.sampling_config.ratio, inner.service_name) == (False, 0.5, "7")


def test_a_number_that_is_not_whole_is_told_as_it_was_written(variables):
    """The message shows the text of the variable, and no number that nobody wrote."""
    variables(MAX_QUEUE_EVENTS="5e-1")
    assert "must be a valid integer, got '5e-1' (str)" in refusal()


def test_an_empty_variable_says_nothing(variables):
    """A variable that is set to nothing is as good as unset."""
    variables(SERVICE_NAME="", NO_SUCH_THING="")
    assert ObservabilityConfig().service_name == "mastra-app"


def test_short_names_of_variables_weigh_less_than_long_ones(monkeypatch, variables, toml):
    """`MASTRA_STORAGE_URL` and `MASTRA_ENVIRONMENT` are variables like the others, and outweigh a file."""
    toml("[tool.mastra.observability]\nstorage = 'duckdb:///file'\nenvironment = 'file'")
    monkeypatch.setenv("MASTRA_STORAGE_URL", "memory://")
    monkeypatch.setenv("MASTRA_ENVIRONMENT", "staging")
    assert (ObservabilityConfig().storage, ObservabilityConfig().environment) == ("memory://", "staging")
    variables(STORAGE="duckdb:///x", ENVIRONMENT="production")
    assert (ObservabilityConfig().storage, ObservabilityConfig().environment) == ("duckdb:///x", "production")
    assert ObservabilityConfig(storage=None, environment="test").storage is None


@pytest.mark.parametrize(
    ("variable", "text", "says"),
    [
        ("SAMPLING__RATIO", "7", "`observability.sampling.ratio` must be within 0 and 1, got 7"),
        ("SAMPLING", "sometimes", "`observability.sampling` must be 'always', 'never', a ratio"),
        ("MAX_QUEUE_EVENTS", "many", "`observability.max_queue_events` must be a valid integer"),
        (
            "METRICS",
            "perhaps",
            "`observability.metrics` must be True, False or a MetricsConfig, got 'perhaps'",
        ),
        ("PAYLOAD__MAX_DEPTH", "0", "`observability.payload.max_depth` must be greater than or equal to 1"),
        ("EXPORTERS", '[{"path": "x"}]', "made of tables with a `type`"),
        ("CONFIGS__EU__LOG_LEVEL", "loud", "`observability.configs.eu.log_level` must be 'trace'"),
        ("CONFIGS", "eu", "`observability.configs` must be configurations by name"),
        (
            "CONFIGS__EU",
            "x",
            "`observability.configs.eu` must be an ObservabilityConfig or a table, got a",
        ),
    ],
)
def test_a_wrong_value_names_its_variable(variables, variable, text, says):
    """The error says the field, what is allowed, what was got, and which variable to correct."""
    variables(**{variable: text})
    message = refusal()
    assert says in message
    assert f"comes from the environment variable {PREFIX}{variable}" in message


def test_a_wrong_value_names_its_file_and_table(toml):
    """The error says where to look; a value that a better source has put right is no error."""
    path = toml("[tool.mastra.observability.sampling]\nratio = 7")
    assert refusal().endswith(
        "`observability.sampling.ratio` comes from [tool.mastra.observability] of " + repr(str(path))
    )
    assert ObservabilityConfig(sampling=0.5).sampling_config.ratio == 0.5


@pytest.mark.parametrize(
    ("variable", "hint"),
    [
        ("SERVICENAME", f"did you mean {PREFIX}SERVICE_NAME?"),
        ("SAMPLIN__RATIO", f"did you mean {PREFIX}SAMPLING__RATIO?"),
        ("SAMPLING__RATOI", f"did you mean {PREFIX}SAMPLING__RATIO?"),
        ("CONFIGS__EU__PAYLOAD__MAX_DEPHT", f"did you mean {PREFIX}CONFIGS__EU__PAYLOAD__MAX_DEPTH?"),
        ("", "Allowed are: "),
        ("SERVICE_NAME__X", "service_name has no parts"),
        ("ON_DROPPED", "given by code alone"),
        ("PROCESSORS", "given by code alone"),
        ("SAMPLING__CUSTOM", "given by code alone"),
    ],
)
def test_a_variable_that_means_nothing_is_refused(variables, variable, hint):
    """It would be ignored without a word; the error names the one that was probably meant."""
    variables(**{variable: "1"})
    message = refusal()
    assert message.startswith(f"Environment variable {PREFIX}{variable} means nothing")
    assert hint in message


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("servicename = 'x'", "did you mean `service_name`?"),
        ("sampling = {ratoi = 1}", "did you mean `ratio`?"),
        ("on_dropped = 'print'", "`observability.on_dropped` is a function or an object, which only code"),
        ("processors = ['x']", "`observability.processors` is a function or an object, which only code"),
        ("sampling = {custom = 'f'}", "`observability.sampling.custom` is a function or an object"),
        ("configs.eu.on_dropped = 'f'", "`observability.configs.eu.on_dropped` is a function or an object"),
        ("configs.eu.payload.max_dept = 1", "`observability.configs.eu.payload.max_dept` does not exist"),
        ("configs.default.metrics = true", "these are the settings around `configs`"),
        ("configs.eu.config_selector = 'x'", "cannot be inside `configs`"),
        (
            "configs.eu = 3",
            "`observability.configs.eu` must be an ObservabilityConfig or a table, got a",
        ),
        ("toml_file = 'x'", "cannot be in a file"),
        ("exporters = 'console'", "must be a sequence of values, not one text"),
        ("exporters = [3]", "must be made of names"),
        ("storage = 3", "`observability.storage` must be a store or a URL"),
    ],
)
def test_what_a_file_cannot_say_is_refused(toml, line, says):
    """Names that do not exist, and what only code can give; the file and the table are named."""
    path = toml(f"[tool.mastra.observability]\n{line}")
    message = refusal()
    assert says in message
    assert f"[tool.mastra.observability] of {str(path)!r}" in message


def test_variables_that_say_the_same_are_refused(variables):
    """Nobody could tell which of the two holds; a short form and another key of the table do not clash."""
    variables(PAYLOAD='{"max_depth": 4}', PAYLOAD__MAX_ITEMS="5")
    assert ObservabilityConfig().payload == PayloadLimits(max_depth=4, max_items=5)
    variables(SAMPLING="0.1", SAMPLING__RATIO="0.2")
    assert f"{PREFIX}SAMPLING and {PREFIX}SAMPLING__RATIO say the same" in refusal()


def test_a_variable_that_is_no_json_is_refused(variables):
    """What begins like JSON has to be JSON."""
    variables(EXPORTERS='["console"')
    assert re.search(rf"{PREFIX}EXPORTERS must be JSON where it begins with '\['", refusal())


@pytest.mark.parametrize("text", [" ", ",", "\t, ,"])
def test_a_blank_list_is_refused(variables, text):
    """None at all is said by `[]`: blanks are more likely a variable that was not filled in."""
    variables(EXPORTERS=text)
    assert f"{PREFIX}EXPORTERS is blank; write [] for none at all, or take it away" in refusal()
    variables(EXPORTERS="[]")
    assert ObservabilityConfig().exporters == ()


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, '{"a":' * 900 + "1" + "}" * 900])
def test_a_variable_that_is_nested_without_end_is_refused_by_its_name(variables, text):
    """However deep its JSON is, what comes is the error that names the variable."""
    variables(PAYLOAD=text)
    assert f"{PREFIX}PAYLOAD" in refusal()


@pytest.mark.parametrize("place", ["code", "file"])
def test_a_variable_finds_a_name_whatever_its_case(toml, variables, place):
    """Variables have no capitals, names that a user chose may have: there is one configuration, not two."""
    said = {}
    if place == "file":
        toml(
            "[tool.mastra.observability]\nconfig_selector = 'region'\n"
            "[tool.mastra.observability.configs.EU]\nsampling = 0.5"
        )
    else:
        said = {"config_selector": "region", "configs": {"EU": {"sampling": 0.5}}}
    variables(CONFIGS__EU__USER_ID="u", CONFIGS__US__USER_ID="v")
    configs = ObservabilityConfig(**said).configs
    assert {name: config.user_id for name, config in configs.items()} == {"EU": "u", "us": "v"}
    assert configs["EU"].sampling_config.ratio == 0.5


def test_a_variable_that_may_mean_two_names_is_refused(variables):
    """Nobody could tell which."""
    variables(CONFIGS__EU__USER_ID="u")
    configs = {"EU": {}, "eu": {}}
    assert "CONFIGS__EU__USER_ID may mean any of EU, eu" in refusal(configs=configs, config_selector="region")


def test_true_leaves_what_was_said_of_how(toml, variables):
    """To say in code that secrets are hidden takes back nothing of how; to say that they are not does."""
    toml("[tool.mastra.observability.metrics]\nmax_labels = 7")
    variables(SENSITIVE_DATA__MORE_KEYS="iban")
    config = ObservabilityConfig(sensitive_data=True, metrics=True)
    assert config.sensitive_data_config.more_keys == ["iban"]
    assert config.metrics_config.max_labels == 7
    assert config.origin_of("sensitive_data.more_keys") == (
        f"the environment variable {PREFIX}SENSITIVE_DATA__MORE_KEYS"
    )
    assert ObservabilityConfig(sensitive_data=False).sensitive_data_config is None
    toml("[tool.mastra.observability]\nmetrics = false")
    assert ObservabilityConfig(metrics=True).metrics_config is not None


@pytest.mark.parametrize("text", ["", "[logging]", "[tool.mastra]\nobservability = 3", "[", "\x00"])
def test_a_file_that_is_named_must_have_the_table(toml, text):
    """A file that was asked for and says nothing is a mistake; one that is just there is not."""
    path = toml(text, "other.toml")
    assert "`observability.toml_file` must be a TOML file with a table `[observability]`" in refusal(
        toml_file=path
    )
    assert "No such file" in refusal(toml_file="missing.toml")
    assert "must be a path" in refusal(toml_file=3)


def test_a_variable_can_name_the_file(toml, variables):
    """A program is pointed to another file without a change of its code."""
    path = toml("[observability]\nservice_name = 'other'", "other.toml")
    toml("[tool.mastra.observability]\nservice_name = 'here'")
    assert ObservabilityConfig().service_name == "here"
    variables(TOML_FILE=str(path))
    assert ObservabilityConfig().service_name == "other"


def test_a_named_configuration_says_what_is_different():
    """It has all that is said around it, but what it says itself; settings elsewhere do not come between."""
    config = ObservabilityConfig(
        service_name="shop",
        payload={"max_depth": 3},
        sampling=0.5,
        config_selector=lambda request_context: "eu",
        configs={
            "eu": ObservabilityConfig(storage="memory://", payload={"max_items": 7}),
            "loud": {"log_level": "debug", "sampling": SamplingConfig(ratio=0.9)},
        },
    )
    eu, loud = config.configs["eu"], config.configs["loud"]
    assert (eu.service_name, eu.storage, eu.sampling_config.ratio) == ("shop", "memory://", 0.5)
    assert eu.payload == PayloadLimits(max_depth=3, max_items=7)
    assert (loud.log_level, loud.storage, loud.sampling_config.ratio) == ("debug", None, 0.9)


def test_what_is_said_for_a_named_configuration_outweighs_what_is_said_around_it(toml, variables):
    """Also where the latter is said in code: the more special one holds, and code holds over a file in it."""
    toml("[tool.mastra.observability.configs.eu]\nuser_id = 'file'\nsource = 'file'")
    variables(USER_ID="around", SERVICE_NAME="around", CONFIG_SELECTOR="region")
    config = ObservabilityConfig(user_id="code", source="code", configs={"eu": {"source": "inside"}})
    eu = config.configs["eu"]
    assert (eu.user_id, eu.source, eu.service_name) == ("file", "inside", "around")


def test_an_exporter_belongs_to_one_configuration():
    """Two that shared it would both shut it down; names make a new one for each."""

    class Exporter:
        def export(self, batch): ...

    exporter = Exporter()
    assert "of configuration `default`" in refusal(
        exporters=[exporter], configs={"eu": {}}, config_selector="region"
    )
    two = {"eu": {"exporters": [exporter]}, "us": {"exporters": [exporter]}}
    assert "of configuration `eu`" in refusal(configs=two, config_selector="region")
    config = ObservabilityConfig(exporters=["console"], configs={"eu": {}}, config_selector="region")
    assert config.configs["eu"].exporters == ("console",)
    own = {"eu": {"exporters": [Exporter()]}}
    apart = ObservabilityConfig(exporters=[exporter], configs=own, config_selector="region")
    assert apart.configs["eu"].exporters != (exporter,)


def test_configurations_that_nothing_chooses_among_are_refused():
    """They would be ignored without a word; what chooses among none is no mistake."""
    assert "`observability.config_selector` is missing" in refusal(configs={"eu": {}})
    assert not ObservabilityConfig(config_selector="region").configs


def test_the_storage_of_a_configuration_is_not_shown():
    """A URL may hold a password."""
    assert "secret" not in repr(ObservabilityConfig(storage="clickhouse://user:secret@host/db"))


@pytest.mark.parametrize("wrong", ["SERVICENAME", "SAMPLING__RATIO"])
def test_a_wrong_setting_stops_a_mastra_that_says_none(variables, wrong):
    """Errors of configuration are raised where it is made, also without a word of it in code."""
    variables(**{wrong: "7"})
    with pytest.raises(ConfigurationError, match=wrong):
        Mastra(storage=InMemoryStore())


@given(st.text(), st.sampled_from(["service_name", "exporters", "payload", "sampling", "metrics", "storage"]))
def test_any_text_is_read_or_refused_as_no_json(text, name):
    """No text breaks the reading, whatever the field."""
    form = form_of(ObservabilityConfig.model_fields[name].annotation)
    try:
        value = read_text(text, form)
    except ValueError:
        assert text.strip()[:1] in "[{" or not text.replace(",", "").strip()
    else:
        assert value == text or not isinstance(value, str)
