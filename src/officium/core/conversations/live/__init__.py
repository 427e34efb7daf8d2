"""Answers that are produced apart from the request that asked for them: a reader may leave and come back."""
