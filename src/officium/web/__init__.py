"""The door: HTTP in, HTTP out, no decisions."""
