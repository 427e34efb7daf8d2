"""The official SDKs, pointed at a running server."""
