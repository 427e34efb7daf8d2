"""The console's pages, a module each. How to add one: docs/guides/console.md."""
