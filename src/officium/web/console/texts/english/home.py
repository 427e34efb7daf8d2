"""The start page."""

from collections.abc import Mapping

TEXTS: Mapping[str, str] = {
    "nav.home": "Overview",
    "home.title": "First steps",
    "home.welcome": "Welcome, {name}",
    "home.lead": "This is what is set up, and what to do next.",
    "home.models": "Model providers",
    "home.models.none": "No provider is set up yet",
    "home.models.none_hint": (
        "Put a provider's key into the environment, such as OPENAI_API_KEY, and start the server again. "
        "`officium providers` lists all of them."
    ),
    "home.models.ready": "Ready",
    "home.models.scripted": "No key needed",
    "home.models.scripted_hint": "Answers from a script, without any key. Good for trying things out.",
    "home.try.title": "Try it",
    "home.try.lead": "Ask the default model for one sentence, to see that everything works from end to end.",
    "home.try.submit": "Ask now",
    "home.try.busy": "Asking …",
    "home.try.answered": "{model} answered in {ms} ms",
    "home.try.not_allowed": "Your role may look, but not ask. An administrator can change that.",
    "home.next": "Next steps",
    "home.next.advisors": "Ask an advisor",
    "home.next.advisors_hint": "A CEO, CFO, CMO and CTO who know your business and its numbers.",
    "home.next.api": "Connect your programs",
    "home.next.api_hint": "The API speaks OpenAI's and Anthropic's dialects: point your SDK here.",
    "home.next.key": "Make a key for a program",
}
