"""Somebody who works with the pages of widgets, without a browser."""

import re
from typing import Any

from officium.apps.widget import WidgetSettings
from officium.core.tenancy import operator_of
from officium.core.tenancy.sign_in import Role
from tests.support.console import PASSWORD, Visitor, csrf_in
from tests.support.house import House
from tests.support.web import Reply

ROOT = "/console/widgets"


class Desk:
    """Somebody at the console."""

    def __init__(self, visitor: Visitor, proof: str) -> None:
        self.visitor = visitor
        self._proof = proof

    async def get(self, path: str) -> str:
        reply = await self.visitor.get(path)
        assert reply.status == 200, (path, reply.status, reply.body.decode()[-400:])
        return reply.body.decode()

    async def post(self, path: str, /, **fields: str) -> Reply:
        return await self.visitor.post(path, fields, x_csrf_token=self._proof)

    async def post_form(self, path: str, changes: dict[str, str], action: str | None = None) -> Reply:
        """Send the form of a page as it stands, but for these fields."""
        return await self.post(action or path, **{**_fields(await self.get(path)), **changes})

    async def send(self, path: str, body: bytes) -> Reply:
        headers = {"sec-fetch-site": "same-origin", "x-csrf-token": self._proof, "hx-request": "true"}
        sent = {**headers, "content-type": "application/octet-stream"}
        return await self.visitor.send("POST", path, body, sent)


async def a_desk(house: House, role: Role = "admin", tenant: str = "Alpha") -> tuple[Desk, str]:
    """Somebody signed in, and the id of their tenant."""
    resident = await house.resident(tenant)
    return await another_desk(
        house, resident.tenant.id, role, f"{tenant.lower()}@example.com"
    ), resident.tenant.id


async def another_desk(house: House, tenant_id: str, role: Role, email: str) -> Desk:
    await house.parts.members.create_member(operator_of(tenant_id), email, role=role, password=PASSWORD)
    visitor = Visitor(house.app)
    await visitor.sign_in(email, PASSWORD)
    return Desk(visitor, csrf_in(await visitor.get("/console/password")))


async def a_widget(house: House, tenant_id: str, **settings: Any) -> str:
    """The path of a widget."""
    caller = operator_of(tenant_id)
    client = await house.parts.clients.create_client(caller, "Bakery")
    made = await house.parts.clients.create_widget(
        caller, client.id, WidgetSettings(name="Shop", llm_provider="mock", **settings)
    )
    return f"{ROOT}/{made.id}"


def _fields(page: str) -> dict[str, str]:
    """What the first large form of a page would send."""
    form = max(re.findall(r"<form[^>]*method=\"post\".*?</form>", page, re.DOTALL), key=len)
    found = dict.fromkeys(re.findall(r'<(?:input|textarea|select)[^>]*\sname="([^"]+)"', form), "")
    found |= dict(re.findall(r'name="([^"]+)"[^>]*\svalue="([^"]*)"', form))
    for tag in re.findall(r"<input[^>]*type=\"(?:checkbox|radio)\"[^>]*>", form):
        name, value = re.findall(r'name="([^"]+)"', tag), re.findall(r'value="([^"]*)"', tag)
        if name and "checked" in tag:
            found[name[0]] = value[0]
        elif name and name[0] not in ("state",):
            found.pop(name[0], None)
    for name, body in re.findall(r'<select[^>]*name="([^"]+)".*?>(.*?)</select>', form, re.DOTALL):
        chosen = re.search(r'<option value="([^"]*)" selected', body)
        found[name] = chosen[1] if chosen else ""
    for name, text in re.findall(r'<textarea[^>]*name="([^"]+)"[^>]*>(.*?)</textarea>', form, re.DOTALL):
        found[name] = text
    return found


class Guest:
    """A visitor of a widget."""

    def __init__(self, house: House, key: str) -> None:
        self._visitor = Visitor(house.app)
        self._root = f"/api/chat-widget/public/widget/{key}"
        self._token: str | None = None
        self.conversation: int | None = None

    async def say(self, text: str) -> int:
        """Say something; the id of the answer."""
        body = {"message_text": text, "conversation_id": self.conversation}
        reply = await self._visitor.send("POST", f"{self._root}/message", body, self._headers())
        assert reply.status == 200, reply.body
        if self._token is None:
            self._token = reply.json["session"]["token"]
        self.conversation = reply.json["conversation_id"]
        return int(reply.json["message_id"] or 0)

    async def do(self, method: str, path: str, body: object = None) -> None:
        reply = await self._visitor.send(method, f"{self._root}{path}", body, self._headers())
        assert reply.status < 300, reply.body

    def _headers(self) -> dict[str, str]:
        return {} if self._token is None else {"authorization": f"Bearer {self._token}"}
