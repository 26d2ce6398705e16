"""Real models in the place of the scripted ones: `--model openai:NAME` or `--model anthropic:NAME`."""

from workflow import critic, drafter, reviser

from mastra_core import ConfigurationError
from mastra_core.models import AnthropicModel, OpenAIModel

PROVIDERS = {"anthropic": AnthropicModel, "openai": OpenAIModel}


def use_model(choice: str, base_url: str | None) -> None:
    """Let a real model write, judge and revise; `scripted` leaves everything as it is.

    Raises:
        ConfigurationError: there is no such provider, its SDK is not installed, or there is no key.
    """
    provider, _, name = choice.partition(":")
    if choice == "scripted" and base_url is None:
        return
    if provider not in PROVIDERS or not name:
        allowed = ", ".join(["scripted", *(f"{known}:NAME" for known in PROVIDERS)])
        raise ConfigurationError(
            f"the model must be one of {allowed}, got {choice!r}; --base-url goes with a provider"
        )
    model = PROVIDERS[provider](name, base_url=base_url)
    for agent in (drafter, critic, reviser):
        agent.model = model
