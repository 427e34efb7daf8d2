"""Models in neutral words: messages, completions, usage, and the providers that answer."""
