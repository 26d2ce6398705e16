"""What the adapters of all providers do with a request, and with the calls of an answer."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from mastra_core.errors import ConfigurationError
from mastra_core.runtime.model import ToolCall
from mastra_core.signals.payload import clean_text

_HTTP = re.compile(r"https?://[^\s/]", re.IGNORECASE)


def check_options(
    adapter: str,
    *,
    model_id: object,
    provider: object,
    api_key: object,
    base_url: object,
    timeout_s: object,
    max_retries: object,
) -> None:
    """Raise `ConfigurationError` for the first option that is wrong, with what is allowed."""
    if api_key is not None and not isinstance(api_key, str):
        raise ConfigurationError(
            f"`api_key` of {adapter} must be a text, or None, got a value of type {type(api_key).__name__}"
        )
    if base_url is not None and not (isinstance(base_url, str) and _HTTP.match(base_url)):
        raise ConfigurationError(
            f"`base_url` of {adapter} must be a URL that begins with http:// or https://, or None, "
            f"got a value of type {type(base_url).__name__}, which is not shown"
        )
    for name, value in (("model_id", model_id), ("provider", provider)):
        if not isinstance(value, str) or not value.strip():
            raise ConfigurationError(f"`{name}` of {adapter} must be a name, got {value!r}")
    if isinstance(timeout_s, bool) or not isinstance(timeout_s, int | float) or not 0 < timeout_s < math.inf:
        raise ConfigurationError(
            f"`timeout_s` of {adapter} must be a finite number of seconds above 0, got {timeout_s!r}"
        )
    check_count(adapter, "max_retries", max_retries, 0)


def check_count(adapter: str, name: str, value: object, least: int) -> None:
    """Raise `ConfigurationError` for anything but a whole number that is large enough."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ConfigurationError(f"`{name}` of {adapter} must be a whole number from {least}, got {value!r}")


def no_key(adapter: str, model_id: str, variable: str) -> ConfigurationError:
    """The error of a model without a key."""
    return ConfigurationError(f"{adapter}(`{model_id}`) has no API key; set {variable}, or give it `api_key`")


def merge_parameters(ours: Mapping[str, Any], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The body of a request: the user's parameters over ours; one that is None takes ours away.

    Raises:
        ConfigurationError: whether to stream is not for a parameter to say.
    """
    if "stream" in parameters:
        raise ConfigurationError(
            "`stream` cannot be among `parameters`; call `agent.stream(…)` for a stream, "
            "`agent.generate(…)` for none"
        )
    return {key: value for key, value in {**ours, **parameters}.items() if value is not None}


def cleaned(value: Any) -> Any:  # noqa: ANN401  # any JSON value, and the same kind back
    """What is sent, with texts that UTF-8 can hold: lone surrogates are written as escapes."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, list):
        return [cleaned(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, dict):
        return {cleaned(key): cleaned(item) for key, item in value.items()}  # pyright: ignore[reportUnknownVariableType]
    return value


def make_call(name: str, arguments: object, id: str) -> ToolCall:
    """A call of a tool; arguments that are no JSON object are kept as what they are: unreadable."""
    if arguments is None or arguments == "":
        arguments = {}  # what a tool without parameters gets
    if isinstance(arguments, str):
        text = arguments
        try:
            arguments = msgspec.json.decode(text)
        except ValueError:
            return ToolCall(name, id=id, unreadable=text)
    else:
        text = repr(arguments)
    if not isinstance(arguments, dict):
        return ToolCall(name, id=id, unreadable=text)
    return ToolCall(name, arguments, id)  # pyright: ignore[reportUnknownArgumentType]
