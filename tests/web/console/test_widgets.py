"""The pages of chat widgets: what they show, save and refuse."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from officium.core.tenancy import operator_of
from officium.core.tenancy.sign_in import Role
from tests.support.console import Visitor
from tests.support.house import House, open_house
from tests.support.widget_desk import ROOT, a_desk, a_widget, another_desk

CSV = "question,answer\nWhen do you open?,At 9.\nDo you deliver?,Yes within Kassel.\n"


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(tmp_path) as house:
        yield house


async def test_widget_is_made_listed_changed_and_deleted(house: House):
    desk, tenant = await a_desk(house)
    empty = await desk.get(ROOT)
    nameless = await desk.post(f"{ROOT}/new", name="", new_client="Bakery")
    homeless = await desk.post(f"{ROOT}/new", name="Shop")
    astray = await desk.post(f"{ROOT}/new", name="Shop", new_client="Bakery", origin="shop")
    made = await desk.post(
        f"{ROOT}/new", name="Shop", new_client="Bakery <1>", origin="https://Shop.example/"
    )

    assert "No widget yet" in empty
    assert (nameless.status, homeless.status, astray.status) == (400, 400, 400)
    assert b"Choose a client" in homeless.body
    assert made.status == 303
    assert len(await house.parts.clients.list_clients(operator_of(tenant))) == 1
    path = made.headers["location"].removesuffix("/ai")

    listed = await desk.get(ROOT)
    assert "Bakery &lt;1&gt;" in listed
    assert "AI answers" in listed
    saved = await desk.post_form(
        path,
        {"name": "Shop 2", "welcome": "Hello!", "mon_from": "09:00", "mon_to": "18:00", "colour": "#AA2200"},
    )
    half = await desk.post_form(path, {"tue_from": "09:00"})
    stale = await desk.post_form(path, {"updated_at": "2026-01-01T00:00:00+00:00"})
    page = await desk.get(path)

    assert (saved.status, half.status, stale.status) == (303, 400, 409)
    assert 'value="Shop 2"' in page
    assert 'value="#aa2200"' in page
    assert "https://shop.example" in page
    widget = await house.parts.clients.get_widget(operator_of(tenant), int(path.rsplit("/", 1)[1]))
    assert widget.working_hours == {"time_zone": "UTC", "days": {"mon": ["09:00", "18:00"]}}
    assert widget.appearance["greeting"] == "Hello!"

    gone = await desk.post(f"{path}/delete")
    assert gone.headers["location"] == ROOT
    assert (await desk.visitor.get(path)).status == 404


async def test_widget_of_an_archived_client_says_so_and_gets_no_company(house: House):
    desk, tenant = await a_desk(house)
    await a_widget(house, tenant)
    clients, caller = house.parts.clients, operator_of(tenant)
    await clients.update_client(caller, (await clients.list_clients(caller))[0].id, is_archived=True)

    assert "Client archived" in await desk.get(ROOT)
    assert "Bakery" not in await desk.get(f"{ROOT}/new")


async def test_ai_settings_are_saved_tried_and_refused(house: House):
    desk, tenant = await a_desk(house)
    path = await a_widget(house, tenant)
    saved = await desk.post_form(
        f"{path}/ai",
        {
            "llm_temperature": "0,2",
            "persona": "Mia",
            "conversation_token_limit": "",
            "conversation_cost_limit_usd": "$0,05",
        },
    )
    shown = await desk.get(f"{path}/ai")
    dear = await desk.post_form(f"{path}/ai", {"conversation_cost_limit_usd": "much"})
    wrong = await desk.post_form(f"{path}/ai", {"llm_temperature": "hot"})
    outside = await desk.post_form(f"{path}/ai", {"confidence_threshold": "0.1"})
    tried = await desk.post(f"{path}/ai/try", question='Hi [[mock text="We open at 9."]]')
    await desk.post_form(f"{path}/ai", {"llm_enabled": ""})
    silent = await desk.post(f"{path}/ai/try", question="When do you open?")
    widget = await house.parts.clients.get_widget(operator_of(tenant), int(path.rsplit("/", 1)[1]))

    assert (saved.status, wrong.status, outside.status, dear.status) == (303, 400, 400, 400)
    assert widget.conversation_nano_usd_limit == 50_000_000
    assert 'value="0.05"' in shown
    assert "Write dollars as a decimal number" in dear.body.decode()
    assert "“Temperature” is a number" in wrong.body.decode()
    assert (widget.llm_temperature, widget.persona, widget.conversation_token_limit) == (0.2, "Mia", None)
    assert not widget.llm_enabled
    assert "We open at 9." in tried.body.decode()
    assert ">AI<" in tried.body.decode()
    assert "Default answer" in silent.body.decode()
    assert (await house.parts.visitors.summarize(operator_of(tenant), widget.id)).llm == 0


async def test_entries_are_written_searched_changed_together_and_restored(house: House):
    desk, tenant = await a_desk(house)
    path = await a_widget(house, tenant) + "/knowledge"
    assert "It knows nothing yet" in await desk.get(path)
    made = await desk.post(
        f"{path}/new", phrasings="When do you open?\nHours?", answer="At 9.", tags="hours, shop", state="live"
    )
    second = await desk.post(f"{path}/new", phrasings="Do you deliver?", answer="Yes.", state="draft")
    nothing = await desk.post(f"{path}/new", phrasings="", answer="Yes.")
    listed = await desk.get(f"{path}?q=open&tag=hours")
    ids = re.findall(r'name="pick-(\d+)"', await desk.get(path))

    assert (made.status, second.status, nothing.status) == (303, 303, 400)
    assert "When do you open?" in listed
    assert "deliver" not in listed
    assert "Nothing was found" in await desk.get(f"{path}?q=zebra")

    export = re.findall(r'href="(/api/[^"]+format=csv)"', await desk.get(path))[0]
    table = await desk.visitor.get(export, sec_fetch_site="same-origin")
    assert b"When do you open?" in table.body
    edited = await desk.post_form(f"{path}/{ids[0]}", {"answer": "At 10.", "valid_to": "2027-01-01T10:00"})
    stale = await desk.post_form(f"{path}/{ids[0]}", {"version": "1"})
    none = await desk.post(f"{path}/bulk", change="live")
    tagged = await desk.post(
        f"{path}/bulk", change="add_tag", value="new", **{f"pick-{id}": "on" for id in ids}
    )
    deleted = await desk.post(f"{path}/bulk", change="delete", **{f"pick-{ids[1]}": "on"})

    assert (edited.status, stale.status, none.status) == (303, 409, 400)
    assert (tagged.status, deleted.status) == (303, 303)
    assert "Do you deliver?" not in await desk.get(path)
    history = await desk.get(f"{path}/versions")
    assert "Many at once" in history
    assert "Do you deliver?" in await desk.get(f"{path}/versions/2")
    restored = await desk.post(f"{path}/versions/2/restore")
    assert restored.status == 303
    assert "Do you deliver?" in await desk.get(path)
    assert (await desk.visitor.get(f"{path}/versions/99")).status == 404


async def test_import_is_seen_before_it_is_done_and_tells_what_is_wrong(house: House):
    desk, tenant = await a_desk(house)
    path = await a_widget(house, tenant) + "/knowledge"
    wrong = await desk.send(f"{path}/import/file?kind=csv", b"question,answer\nA?,B\nC?,\n")
    seen = await desk.send(f"{path}/import/file?kind=csv", CSV.encode("utf-16"))
    before = await desk.get(path)
    done = await desk.post(f"{path}/import/text", kind="csv", content=CSV, **{"for": "good"})
    unknown = await desk.send(f"{path}/import/file?kind=xls", b"x")
    form = await desk.post(f"{path}/import/file", kind="csv")
    private = await desk.post(f"{path}/import/text", url="http://127.0.0.1/faq")

    assert "Put these rows right" in wrong.body.decode()
    assert re.search(r'<th scope="row" class="number">3</th>', wrong.body.decode())
    assert "2 new, 0 changed" in seen.body.decode()
    assert "It knows nothing yet" in before
    assert "Taken in: 2 new" in done.body.decode()
    assert "Do you deliver?" in await desk.get(path)
    assert b"Say what kind of file" in unknown.body
    assert (form.status, private.status) == (400, 400)


async def test_duplicates_are_shown_and_one_is_deleted(house: House):
    desk, tenant = await a_desk(house)
    path = await a_widget(house, tenant) + "/knowledge"
    for question in ("When do you open?", "When do you open", "Where are you?"):
        await desk.post(f"{path}/new", phrasings=question, answer="Here.")
    page = await desk.get(f"{path}/duplicates")
    pick = re.findall(r'name="(pick-\d+)"', page)

    assert len(pick) == 2
    gone = await desk.post(f"{path}/bulk", change="delete", back="duplicates", **{pick[0]: "on"})
    assert gone.headers["location"].endswith("/duplicates")
    assert "No duplicates" in await desk.get(f"{path}/duplicates")


async def test_preview_may_show_a_widget_that_no_website_may(house: House):
    desk, tenant = await a_desk(house)
    path = await a_widget(house, tenant)
    embed = await desk.visitor.get(f"{path}/embed")
    preview = await desk.visitor.get(f"{path}/preview")
    key = re.findall(r'data-widget-key="([^"]+)"', preview.body.decode())[0]
    config = f"/api/chat-widget/public/widget/{key}/config"
    ours = await desk.visitor.get(config, sec_fetch_site="same-origin")
    plain = await desk.visitor.get(config, x_widget_origin="http://box.lan", host="box.lan")
    foreign = await desk.visitor.get(
        config, origin="https://evil.example", sec_fetch_site="cross-site", host="box.lan"
    )
    stranger = await Visitor(house.app).get(config, sec_fetch_site="same-origin")

    assert "frame-src 'self'" in embed.headers["content-security-policy"]
    assert "frame-ancestors 'self'" in preview.headers["content-security-policy"]
    assert preview.headers["x-frame-options"] == "SAMEORIGIN"
    assert key in embed.body.decode()
    assert (ours.status, plain.status, foreign.status, stranger.status) == (200, 200, 403, 403)


@pytest.mark.parametrize("role", ["viewer", "member"])
async def test_whoever_may_not_change_sees_but_changes_nothing(house: House, role: Role):
    admin, tenant = await a_desk(house)
    path = await a_widget(house, tenant)
    await admin.post(f"{path}/knowledge/new", phrasings="A?", answer="B.")
    desk = await another_desk(house, tenant, role, "eve@example.com")
    for end in ("", "/ai", "/knowledge", "/knowledge/1", "/knowledge/versions", "/embed"):
        page = await desk.get(path + end)
        assert "Save" not in re.sub(r"Saved", "", page)
        assert "Restore" not in page
    refused = [
        await desk.post(path, name="Mine"),
        await desk.post(f"{path}/ai", persona="Mine"),
        await desk.post(f"{path}/delete"),
        await desk.post(f"{path}/knowledge/1", answer="Mine"),
        await desk.post(f"{path}/knowledge/bulk", change="delete", **{"pick-1": "on"}),
        await desk.post(f"{path}/knowledge/import/text", kind="csv", content=CSV),
        await desk.post(f"{ROOT}/new", name="Mine", new_client="Mine"),
    ]

    assert [reply.status for reply in refused] == [403] * len(refused)
    tried = await desk.post(f"{path}/ai/try", question="Hi")
    assert tried.status == (200 if role == "member" else 403)


async def test_nothing_of_another_tenant_is_to_be_seen_or_changed(house: House):
    _, alpha = await a_desk(house)
    path = await a_widget(house, alpha)
    eve, _ = await a_desk(house, tenant="Beta")
    there = [
        await eve.visitor.get(path + end)
        for end in ("", "/ai", "/embed", "/preview", "/knowledge", "/knowledge/import", "/knowledge/versions")
    ]
    changed = [
        await eve.post(path, name="Mine"),
        await eve.post(f"{path}/ai", persona="Mine"),
        await eve.post(f"{path}/ai/try", question="Hi"),
        await eve.post(f"{path}/delete"),
        await eve.post(f"{path}/knowledge/new", phrasings="A?", answer="B."),
        await eve.post(f"{path}/knowledge/bulk", change="delete", **{"pick-1": "on"}),
        await eve.post(f"{path}/knowledge/versions/0/restore"),
        await eve.post(f"{path}/knowledge/import/text", kind="csv", content=CSV),
    ]

    assert [reply.status for reply in [*there, *changed]] == [404] * (len(there) + len(changed))
    assert "Bakery" not in await eve.get(ROOT)
    assert "Bakery" not in await eve.get(f"{ROOT}/new")
    clients = await house.parts.clients.list_clients(operator_of(alpha))
    other = await eve.post(f"{ROOT}/new", name="Mine", client=str(clients[0].id))
    assert other.status == 404
