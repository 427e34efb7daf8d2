"""Stand-ins good enough to ship: a scripted provider, to try and test everything without a key."""

from officium.testing.scripted import Act, AskedRequest, Script, ScriptedTransport

__all__ = ["Act", "AskedRequest", "Script", "ScriptedTransport"]
