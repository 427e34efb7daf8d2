"""Who may do what with prompts; versions that stay; labels that move."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import text

from officium.core.prompts import (
    InvalidPrompt,
    Prompt,
    PromptAltered,
    PromptDraft,
    PromptNotFound,
    PromptRegistry,
    PromptTooCostly,
    PromptVariablesMissing,
    Variable,
)
from officium.core.prompts import store as store_module
from officium.core.prompts.service import PromptService
from officium.core.prompts.store import PromptStore
from officium.core.tenancy import AuditService, AuditStore, Caller
from officium.kit.database import Database
from officium.kit.errors import InvalidRequest, PermissionDenied
from tests.support.tenancy import Tenancy

SHIPPED = Prompt(
    name="deal.summarize.v1",
    description="Sums up a deal.",
    variables={"title": Variable(), "notes": Variable(type="list", required=False, untrusted=True)},
    tier="fast",
    max_tokens=250,
    output_schema={"type": "object"},
    system="You sum up deals.",
    user="{{ title }}",
)
NAME = SHIPPED.name


def draft(name: str = NAME, **said: Any) -> PromptDraft:
    return PromptDraft(name=name, **said)


@pytest.fixture
def tenancy(database: Database) -> Tenancy:
    return Tenancy(database)


@pytest.fixture
def prompts(tenancy: Tenancy) -> PromptService:
    registry = PromptRegistry()
    registry.register(SHIPPED)
    return PromptService(PromptStore(tenancy.database), registry, tenancy.clock)


@pytest.fixture
async def admin(tenancy: Tenancy) -> Caller:
    return await tenancy.an_admin()


def with_scopes(caller: Caller, *scopes: str) -> Caller:
    return Caller(caller.tenant_id, "key:ak_1", frozenset(scopes), key_id="ak_1")


async def test_shipped_prompts_are_there_without_being_stored(prompts: PromptService, admin: Caller) -> None:
    (summary,) = await prompts.list_prompts(admin)

    assert (summary.name, summary.description) == (NAME, "Sums up a deal.")
    assert (summary.shipped, summary.own, summary.labels) == (1, None, [])
    assert (await prompts.resolve(admin, NAME)).ref == "shipped/1"


async def test_a_tenants_own_version_counts_once_it_is_labelled(
    prompts: PromptService, admin: Caller
) -> None:
    made = await prompts.create_version(admin, draft(system="Be brief."))

    assert made.ref == "own/1"
    assert (await prompts.resolve(admin, NAME)).ref == "shipped/1"

    await prompts.move_label(admin, NAME, "production", "own/1")

    rendered = await prompts.render(admin, NAME, {"title": "Alpha"})
    assert (rendered.system, rendered.user) == ("Be brief.", "Alpha")
    assert (rendered.name, rendered.version, rendered.digest) == (NAME, "own/1", made.digest)


async def test_what_a_draft_leaves_out_stays_as_shipped(prompts: PromptService, admin: Caller) -> None:
    made = await prompts.create_version(admin, draft(system="Be brief.", temperature=1))

    assert made.prompt == replace(SHIPPED, system="Be brief.", temperature=1.0)


async def test_prompts_of_ones_own_have_names_of_their_own(prompts: PromptService, admin: Caller) -> None:
    made = await prompts.create_version(
        admin,
        draft("my.greeting", variables={"name": Variable()}, user="Hi {{ name }}.", description="Greets."),
        label="production",
    )

    assert (await prompts.render(admin, "my.greeting", {"name": "Ada"})).user == "Hi Ada."
    assert await prompts.get_version(admin, "my.greeting", "own/1") == made
    assert (await prompts.get_prompt(admin, "my.greeting")).description == "Greets."


async def test_a_prompt_without_a_label_is_not_used(prompts: PromptService, admin: Caller) -> None:
    await prompts.create_version(admin, draft("my.greeting", user="Hi."))

    with pytest.raises(PromptNotFound):
        await prompts.resolve(admin, "my.greeting")


async def test_versions_count_up_and_stay(prompts: PromptService, admin: Caller) -> None:
    first = await prompts.create_version(admin, draft(system="One."))
    second = await prompts.create_version(admin, draft(system="Two."))

    assert [first.ref, second.ref] == ["own/1", "own/2"]
    assert (await prompts.get_version(admin, NAME, "own/1")).prompt.system == "One."
    assert [version.ref for version in await prompts.list_versions(admin, NAME)] == [
        "own/2",
        "own/1",
        "shipped/1",
    ]


async def test_the_same_version_is_not_published_twice(prompts: PromptService, admin: Caller) -> None:
    first = await prompts.create_version(admin, draft(system="One."))

    again = await prompts.create_version(admin, draft(system="One."), label="candidate")

    assert again == first
    assert (await prompts.resolve(admin, NAME, "candidate")).ref == "own/1"


async def test_versions_made_at_once_have_different_numbers(prompts: PromptService, admin: Caller) -> None:
    made = await asyncio.gather(
        *(prompts.create_version(admin, draft(system=f"Wording {number}.")) for number in range(6))
    )

    assert sorted(version.version for version in made) == [1, 2, 3, 4, 5, 6]


async def test_pages_of_versions_follow_each_other(prompts: PromptService, admin: Caller) -> None:
    for number in range(4):
        await prompts.create_version(admin, draft(system=f"Wording {number}."))

    first = await prompts.list_versions(admin, NAME, limit=2)
    second = await prompts.list_versions(admin, NAME, before=first[-1].ref, limit=3)
    third = await prompts.list_versions(admin, NAME, before=second[-1].ref, limit=3)

    assert [version.ref for version in (*first, *second, *third)] == [
        "own/4",
        "own/3",
        "own/2",
        "own/1",
        "shipped/1",
    ]


async def test_pages_of_prompts_follow_each_other(prompts: PromptService, admin: Caller) -> None:
    for name in ("a.first", "z.last", "deal.other"):
        await prompts.create_version(admin, draft(name, system="x"))

    first = await prompts.list_prompts(admin, limit=3)
    second = await prompts.list_prompts(admin, after=first[-1].name, limit=3)

    assert [prompt.name for prompt in first] == ["a.first", "deal.other", NAME]
    assert [prompt.name for prompt in second] == ["z.last"]


@pytest.mark.parametrize("limit", [0, 101])
async def test_pages_have_a_size(prompts: PromptService, admin: Caller, limit: int) -> None:
    for listing in (
        prompts.list_prompts(admin, limit=limit),
        prompts.list_versions(admin, NAME, limit=limit),
        prompts.list_moves(admin, NAME, limit=limit),
    ):
        with pytest.raises(InvalidRequest):
            await listing


async def test_labels_remember_where_they_were(
    prompts: PromptService, admin: Caller, tenancy: Tenancy
) -> None:
    await prompts.create_version(admin, draft(system="One."), label="candidate")
    tenancy.clock.advance(60)
    await prompts.move_label(admin, NAME, "production", "own/1")
    await prompts.move_label(admin, NAME, "production", "shipped/1")
    await prompts.remove_label(admin, NAME, "production")

    moves = await prompts.list_moves(admin, NAME)

    assert [(move.label, move.ref) for move in moves] == [
        ("production", None),
        ("production", "shipped/1"),
        ("production", "own/1"),
        ("candidate", "own/1"),
    ]
    assert {move.moved_by for move in moves} == {admin.actor}
    assert moves[0].moved_at - moves[-1].moved_at == timedelta(seconds=60)
    older = await prompts.list_moves(admin, NAME, before=moves[1].id, limit=1)
    assert [move.ref for move in older] == ["own/1"]


async def test_without_its_label_the_shipped_version_is_used_again(
    prompts: PromptService, admin: Caller
) -> None:
    await prompts.create_version(admin, draft(system="One."), label="production")
    assert (await prompts.resolve(admin, NAME)).ref == "own/1"

    await prompts.remove_label(admin, NAME, "production")

    assert (await prompts.resolve(admin, NAME)).ref == "shipped/1"
    with pytest.raises(PromptNotFound):
        await prompts.remove_label(admin, NAME, "production")


async def test_a_label_that_nobody_set_means_production(prompts: PromptService, admin: Caller) -> None:
    await prompts.create_version(admin, draft(system="One."), label="production")

    assert (await prompts.resolve(admin, NAME, "candidate")).ref == "own/1"


async def test_a_label_points_at_what_exists(prompts: PromptService, admin: Caller) -> None:
    for ref in ("own/1", "shipped/2"):
        with pytest.raises(PromptNotFound):
            await prompts.move_label(admin, NAME, "production", ref)

    with pytest.raises(InvalidPrompt):
        await prompts.move_label(admin, NAME, "Not A Label", "shipped/1")


OWN_WORDINGS_REFUSED: dict[str, dict[str, Any]] = {
    "variable nobody fills": {"variables": {"colour": Variable()}},
    "other type": {"variables": {"title": Variable(type="integer")}},
    "requiring what may be missing": {"variables": {"notes": Variable(type="list")}},
    "other output": {"output_schema": {"type": "array"}},
    "hostile template": {"system": "{{ 9 ** 9 }}"},
    "unknown variable": {"system": "{{ colour }}"},
    "no storable text": {"system": "x", "description": "a\0b"},
    "no storable schema": {"name": "mine", "system": "x", "output_schema": {"enum": [float("nan")]}},
}


@pytest.mark.parametrize("said", OWN_WORDINGS_REFUSED.values(), ids=OWN_WORDINGS_REFUSED)
async def test_what_cannot_be_used_is_not_published(
    prompts: PromptService, admin: Caller, said: dict[str, Any]
) -> None:
    with pytest.raises(InvalidPrompt):
        await prompts.create_version(admin, PromptDraft(**{"name": NAME, **said}))

    assert [version.ref for version in await prompts.list_versions(admin, NAME)] == ["shipped/1"]


async def test_a_tenant_cannot_trust_what_is_untrusted(prompts: PromptService, admin: Caller) -> None:
    variables = {"title": Variable(), "notes": Variable(type="list", required=False, untrusted=False)}

    made = await prompts.create_version(admin, draft(variables=variables, user="{{ notes }}"))

    assert made.prompt.variables["notes"].untrusted


async def test_what_was_changed_behind_our_back_is_not_used(
    prompts: PromptService, admin: Caller, database: Database
) -> None:
    await prompts.create_version(admin, draft("mine", system="Be kind."), label="production")
    async with database.writing(admin.tenant_id) as connection:
        await connection.execute(
            text("UPDATE prompt_versions SET content = :content WHERE tenant_id = :tenant"),
            {"content": '{"name": "mine", "system": "Be mean."}', "tenant": admin.tenant_id},
        )

    with pytest.raises(PromptAltered):
        await prompts.render(admin, "mine", {})


async def test_preview_counts_tokens(prompts: PromptService, admin: Caller) -> None:
    preview = await prompts.preview(admin, NAME, {"title": "Project Alpha"}, ref="shipped/1")

    assert preview.rendered.user == "Project Alpha"
    assert preview.system_tokens > preview.user_tokens > 0


async def test_missing_variables_are_named(prompts: PromptService, admin: Caller) -> None:
    with pytest.raises(PromptVariablesMissing) as caught:
        await prompts.preview(admin, NAME, {})

    assert caught.value.fields["variables"] == ["title"]


async def test_a_hostile_template_does_not_hold_up_others(prompts: PromptService, admin: Caller) -> None:
    loops = "{% for a in range(9999) %}{% for b in range(99) %}{% set x = a * b %}{% endfor %}{% endfor %}"
    await prompts.create_version(admin, draft("mine", system=loops + "x"), label="production")
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.001)
            ticks += 1

    ticking = asyncio.create_task(tick())
    with pytest.raises(PromptTooCostly):
        await prompts.render(admin, "mine", {})
    ticking.cancel()

    assert ticks > 0


async def test_diff_shows_what_changed(prompts: PromptService, admin: Caller) -> None:
    await prompts.create_version(admin, draft(system="You sum up deals.\nBe brief.", tier="advanced"))

    lines = (await prompts.diff(admin, NAME, "shipped/1", "own/1")).split("\n")

    assert lines[:2] == ["--- shipped/1", "+++ own/1"]
    assert "+Be brief." in lines
    assert any(line.startswith("-") and "fast" in line for line in lines)


@pytest.mark.parametrize("scope", ["config:read", "config:write"])
async def test_reading_takes_a_scope(prompts: PromptService, admin: Caller, scope: str) -> None:
    reader = with_scopes(admin, scope)

    assert await prompts.list_prompts(reader)
    assert await prompts.get_version(reader, NAME, "shipped/1")


async def test_without_scopes_nothing_is_shown_or_changed(prompts: PromptService, admin: Caller) -> None:
    nobody, reader = with_scopes(admin, "inference"), with_scopes(admin, "config:read")

    for refused in (
        prompts.list_prompts(nobody),
        prompts.get_prompt(nobody, NAME),
        prompts.list_versions(nobody, NAME),
        prompts.list_moves(nobody, NAME),
        prompts.get_version(nobody, NAME, "shipped/1"),
        prompts.preview(nobody, NAME, {"title": "x"}),
        prompts.diff(nobody, NAME, "shipped/1", "shipped/1"),
        prompts.create_version(reader, draft(system="x")),
        prompts.move_label(reader, NAME, "production", "shipped/1"),
        prompts.remove_label(reader, NAME, "production"),
    ):
        with pytest.raises(PermissionDenied):
            await refused


async def test_tenants_do_not_see_each_others(prompts: PromptService, tenancy: Tenancy) -> None:
    alpha, beta = await tenancy.an_admin(), await tenancy.an_admin()
    await prompts.create_version(alpha, draft(system="Alpha's."), label="production")
    await prompts.create_version(alpha, draft("alpha.own", system="x"), label="production")

    assert (await prompts.resolve(beta, NAME)).ref == "shipped/1"
    assert [prompt.name for prompt in await prompts.list_prompts(beta)] == [NAME]
    assert await prompts.list_moves(beta, NAME) == []
    for refused in (
        prompts.get_prompt(beta, "alpha.own"),
        prompts.get_version(beta, NAME, "own/1"),
        prompts.move_label(beta, NAME, "production", "own/1"),
        prompts.remove_label(beta, NAME, "production"),
        prompts.resolve(beta, "alpha.own"),
    ):
        with pytest.raises(PromptNotFound):
            await refused


async def test_changes_stand_in_the_audit_log(
    prompts: PromptService, admin: Caller, database: Database
) -> None:
    await prompts.create_version(admin, draft(system="One."), label="production", request_id="req_1")
    await prompts.move_label(admin, NAME, "production", "shipped/1")
    await prompts.remove_label(admin, NAME, "production")

    entries = await AuditService(AuditStore(database)).list_entries(admin)

    lines = [
        (entry.action, entry.thing_id, entry.before, entry.after)
        for entry in entries
        if "prompt" in entry.thing
    ]
    published = lines.pop()
    assert published[:2] == ("prompt.published", NAME)
    assert lines == [
        ("prompt_label.removed", f"{NAME}/production", {"version": "shipped/1"}, None),
        ("prompt_label.moved", f"{NAME}/production", {"version": "own/1"}, {"version": "shipped/1"}),
        ("prompt_label.moved", f"{NAME}/production", None, {"version": "own/1"}),
    ]


async def test_tenants_have_limited_room(
    prompts: PromptService, admin: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "MOST_NAMES", 1)
    monkeypatch.setattr(store_module, "MOST_VERSIONS", 2)
    monkeypatch.setattr(store_module, "MOST_LABELS", 1)
    await prompts.create_version(admin, draft(system="One."), label="production")
    await prompts.create_version(admin, draft(system="Two."))

    for refused in (
        prompts.create_version(admin, draft("another", system="x")),
        prompts.create_version(admin, draft(system="Three.")),
        prompts.move_label(admin, NAME, "candidate", "own/1"),
    ):
        with pytest.raises(InvalidPrompt):
            await refused


async def test_default_that_somebody_writes_out_is_read_back_unaltered(
    prompts: PromptService, admin: Caller
) -> None:
    said = "".join(["balan", "ced"])  # as it comes from a form: equal to the default, but another object

    made = await prompts.create_version(admin, draft("own.words", system="Hi", tier=said))

    assert (await prompts.get_version(admin, "own.words", "own/1")).digest == made.digest


async def test_draft_is_previewed_and_checked_without_being_published(
    prompts: PromptService, admin: Caller
) -> None:
    made = await prompts.preview_draft(admin, draft(user="{{ title }}!"), {"title": "Alpha"})
    cases, failures = await prompts.check_draft(admin, draft(user="{{ title }}!"))

    assert made.rendered.user == "Alpha!"
    assert (cases, failures) == (0, [])
    with pytest.raises(InvalidPrompt) as caught:
        await prompts.preview_draft(admin, draft(user="Hello\n{{ titel }}"), {"title": "Alpha"})
    assert (caught.value.fields["line"], caught.value.fields["column"]) == (2, 4)
    assert caught.value.message.endswith("Did you mean title?")
    assert [version.ref for version in await prompts.list_versions(admin, NAME)] == ["shipped/1"]


async def test_list_is_searched_and_says_who_changed_what_last(
    prompts: PromptService, admin: Caller, tenancy: Tenancy
) -> None:
    await prompts.create_version(admin, draft("own.words", description="Greets people", system="Hi"))
    tenancy.clock.advance(3600)
    await prompts.move_label(admin, "own.words", "candidate", "own/1")
    await prompts.remove_label(admin, "own.words", "candidate")

    found = await prompts.list_prompts(admin, words="PEOPLE greets")
    shipped = await prompts.list_prompts(admin, words="sums")

    assert [(one.name, one.changed_at, one.changed_by) for one in found] == [
        ("own.words", tenancy.clock.now(), admin.actor)
    ]
    assert [(one.name, one.changed_at) for one in shipped] == [(NAME, None)]
