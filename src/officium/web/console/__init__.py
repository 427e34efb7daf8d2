"""The console: the server's pages for people who sign in."""

from officium.web.console.identity import Identities
from officium.web.console.languages import People
from officium.web.console.router import ConsoleParts, console_router
from officium.web.console.sign_in import SignIns

__all__ = ["ConsoleParts", "Identities", "People", "SignIns", "console_router"]
