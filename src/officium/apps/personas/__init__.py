"""The personas: characters that advise a business, from its own figures."""
