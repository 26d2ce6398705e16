"""The arguments of a tool: a pydantic model made from the parameters of a function."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model
from pydantic.json_schema import GenerateJsonSchema

from mastra_core.errors import ConfigurationError, ToolError
from mastra_core.runtime.signature import EMPTY, DataParameter
from mastra_core.runtime.validation import first_line, mismatch


class _PlainSchema(GenerateJsonSchema):
    """Schema without titles: they repeat the names, and a model pays for every word."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ANN401  # pydantic's own types
        return False


class Arguments:
    """Checks what a tool is called with.

    Attributes:
        json_schema: what a model is told.
    """

    __slots__ = ("_aliases", "_model", "_where", "json_schema")

    def __init__(self, parameters: tuple[DataParameter, ...], said: Mapping[str, str], where: str) -> None:
        """Make the model.

        Args:
            parameters: of the function, without the context.
            said: description of each parameter.
            where: what an error calls the tool.

        Raises:
            ConfigurationError: a parameter has a type that no schema can describe.
        """
        # The model's fields have names of their own: a parameter may be called `json` or `_hidden`,
        # which pydantic keeps for itself.
        hidden = [item.name for item in parameters if not item.is_keyword]
        if hidden:
            raise ConfigurationError(
                f"Parameter `{hidden[0]}` of {where} is positional-only; it must be one that is given by name"
            )
        self._aliases = {f"argument_{index}": item.name for index, item in enumerate(parameters)}
        self._where = where
        fields: dict[str, Any] = {}
        for own_name, item in zip(self._aliases, parameters, strict=True):
            annotation = Any if item.annotation is EMPTY else item.annotation
            default = ... if item.default is EMPTY else item.default
            # Not `description=None`, which would hide one that the annotation brings.
            described: dict[str, Any] = {"description": said[item.name]} if item.name in said else {}
            fields[own_name] = (annotation, Field(default, alias=item.name, **described))
        try:
            self._model: type[BaseModel] = create_model(
                "Arguments", __config__=ConfigDict(extra="forbid"), **fields
            )
            self.json_schema = self._model.model_json_schema(schema_generator=_PlainSchema)
        except Exception as error:
            raise ConfigurationError(
                f"No JSON schema can describe the parameters of {where}, so that no model could fill them: "
                f"{first_line(error)}"
            ) from error
        self.json_schema.pop("title", None)

    def check(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments by parameter, turned into its type.

        Raises:
            ToolError: naming each wrong one, what was got and what is allowed.
        """
        try:
            model = self._model.model_validate(arguments)
        except ValidationError as error:
            allowed = ", ".join(self._aliases.values()) or "none"
            hint = f"; its arguments are: {allowed}"
            raise mismatch(ToolError, error, self._where, self.json_schema, hint) from None
        return {name: getattr(model, own_name) for own_name, name in self._aliases.items()}
