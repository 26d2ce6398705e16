"""The type that the answer of an agent must have."""

from __future__ import annotations

import re
from typing import Any

from mastra_core.errors import ConfigurationError, ModelError
from mastra_core.runtime.validation import TypeCheck, first_line

_FENCE = re.compile(r"\A\s*```(?:json)?\s*\n(.*)\n\s*```\s*\Z", re.DOTALL)


class AnswerType:
    """Turns the text of an answer into a type.

    Attributes:
        json_schema: what the model is told.
    """

    __slots__ = ("_check", "_where", "json_schema")

    def __init__(self, output: Any, agent: str) -> None:  # noqa: ANN401  # any type form
        """Prepare it.

        Raises:
            ConfigurationError: it is no type, or one that no JSON schema can describe.
        """
        self._check: TypeCheck[Any] = TypeCheck(output, ModelError, f"`output` of agent `{agent}`")
        self._where = f"the answer of agent `{agent}`"
        try:
            self.json_schema = self._check.json_schema
        except Exception as error:
            raise ConfigurationError(
                f"`output` of agent `{agent}` must be a type that a JSON schema can describe, "
                f"got {output!r}: {first_line(error)}"
            ) from error

    def read(self, text: str) -> Any:  # noqa: ANN401
        """The value; a Markdown fence around the JSON, which many models put there, is taken off.

        Raises:
            ModelError: the text does not have the type; names each wrong field.
        """
        fenced = _FENCE.match(text)
        return self._check.check_json(fenced[1] if fenced else text, self._where)
