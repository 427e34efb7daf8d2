"""Conversations as their owners use them, on both databases."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from msgspec import json
from sqlalchemy import func, select, text

from officium.core.conversations import (
    AnswerFinished,
    Conversation,
    ConversationFull,
    ConversationNotFound,
    ConversationService,
    InvalidConversation,
    Message,
    MessageNotFound,
    Wanted,
    answer_metadata,
    store,
)
from officium.core.conversations.tables import conversations, message_feedback, messages
from officium.core.llm.token_usage import TokenUsage
from officium.core.tenancy import AuditService, AuditStore, Caller, operator_of
from officium.kit.database import ALL_TENANTS, Database
from officium.kit.errors import InvalidRequest, PermissionDenied
from tests.core.conversations.conftest import People
from tests.support.clock import HandClock

DAY_S = 86_400
SPENT = answer_metadata("qwen2p5-72b-instruct", TokenUsage(input_tokens=245, output_tokens=128))


async def a_turn(
    chats: ConversationService, caller: Caller, conversation: Conversation, question: str, answer: str
) -> tuple[Message, Message]:
    asked = await chats.ask(caller, conversation.id, question)
    begun = await chats.begin_answer(caller, asked.id)
    return asked, await chats.save_answer(caller, begun.id, answer, status="complete", metadata=SPENT)


async def texts_of(chats: ConversationService, caller: Caller, id: int, **which: int) -> list[str]:
    return [shown.message.content for shown in await chats.list_messages(caller, id, **which)]


async def whole(pieces: AsyncIterator[str]) -> str:
    return "".join([piece async for piece in pieces])


async def counted(database: Database) -> list[int]:
    async with database.reading(ALL_TENANTS) as connection:
        return [
            (await connection.execute(select(func.count()).select_from(table))).scalar_one()
            for table in (conversations, messages, message_feedback)
        ]


async def test_messages_come_back_in_their_order(chats: ConversationService, people: People):
    chat = await chats.create_conversation(people.ada, "personas", "ceo")
    await a_turn(chats, people.ada, chat, "How is revenue?", "Up.")
    await a_turn(chats, people.ada, chat, "And cost?", "Down.")

    assert await texts_of(chats, people.ada, chat.id) == ["How is revenue?", "Up.", "And cost?", "Down."]


async def test_answer_carries_its_model_and_tokens(chats: ConversationService, people: People):
    chat = await chats.create_conversation(people.ada, "personas", "ceo")
    _, answer = await a_turn(chats, people.ada, chat, "Hi", "Hello")

    read = await chats.get_message(people.ada, answer.id)

    assert read.metadata == {
        "model": "qwen2p5-72b-instruct",
        "tokens": {"input": 245, "output": 128, "total": 373},
    }
    assert (read.status, read.role, read.tenant_id) == ("complete", "assistant", people.ada.tenant_id)


async def test_first_question_names_the_conversation(chats: ConversationService, people: People):
    chat = await chats.create_conversation(people.ada, "personas", "ceo")
    await chats.ask(people.ada, chat.id, "  What should we\nask the bank? ")
    await chats.ask(people.ada, chat.id, "And why?")

    assert (await chats.get_conversation(people.ada, chat.id)).title == "What should we ask the bank?"


async def test_name_given_by_hand_stays(chats: ConversationService, people: People):
    chat = await chats.create_conversation(people.ada, "personas", title="Bank")
    await chats.ask(people.ada, chat.id, "Hello")
    assert (await chats.get_conversation(people.ada, chat.id)).title == "Bank"

    assert (await chats.rename(people.ada, chat.id, " The\n bank ")).title == "The bank"


async def test_history_is_the_last_five_turns(chats: ConversationService, people: People):
    chat = await chats.create_conversation(people.ada, "personas", "ceo")
    for number in range(7):
        await a_turn(chats, people.ada, chat, f"q{number}", f"a{number}")
    await chats.ask(people.ada, chat.id, "now")

    history = await chats.history(people.ada, chat.id)

    assert [message.content for message in history] == [
        text for number in range(2, 7) for text in (f"q{number}", f"a{number}")
    ]
    assert await chats.history(people.ada, chat.id, turns=0) == []


async def test_edited_question_begins_a_branch_and_the_old_one_stays(
    chats: ConversationService, people: People
):
    chat = await chats.create_conversation(people.ada, "personas", "ceo")
    asked, answer = await a_turn(chats, people.ada, chat, "q1", "a1")
    await a_turn(chats, people.ada, chat, "q2", "a2")

    edited = await chats.edit(people.ada, asked.id, "q1 again")

    shown = await chats.list_messages(people.ada, chat.id)
    assert [one.message.content for one in shown] == ["q1 again"]
    assert shown[0].sibling_ids == (asked.id, edited.id)
    assert await texts_of(chats, people.ada, chat.id, leaf_id=answer.id) == ["q1", "a1"]


async def test_other_branch_is_shown_again_down_to_its_end(chats: ConversationService, people: People):
    chat = await chats.create_conversation(people.ada, "personas", "ceo")
    asked, _ = await a_turn(chats, people.ada, chat, "q1", "a1")
    await a_turn(chats, people.ada, chat, "q2", "a2")
    await chats.edit(people.ada, asked.id, "q1 again")

    await chats.select_branch(people.ada, asked.id)

    assert await texts_of(chats, people.ada, chat.id) == ["q1", "a1", "q2", "a2"]


async def test_regenerated_answer_stands_beside_the_first(chats: ConversationService, people: People):
    chat = await chats.create_conversation(people.ada, "personas", "ceo")
    asked, first = await a_turn(chats, people.ada, chat, "q", "a")

    second = await chats.regenerate(people.ada, first.id)
    await chats.save_answer(people.ada, second.id, "b", status="complete", metadata=SPENT)

    shown = await chats.list_messages(people.ada, chat.id)
    assert [one.message.content for one in shown] == ["q", "b"]
    assert shown[1].sibling_ids == (first.id, second.id)
    assert second.parent_id == asked.id


async def test_answer_is_written_on_until_it_is_done(chats: ConversationService, people: People):
    chat = await chats.create_conversation(people.ada, "personas", "ceo")
    begun = await chats.begin_answer(people.ada, (await chats.ask(people.ada, chat.id, "q")).id)

    await chats.save_answer(people.ada, begun.id, "He", status="partial", metadata={})
    done = await chats.save_answer(people.ada, begun.id, "Hel", status="stopped", metadata=SPENT)

    assert (done.content, done.status) == ("Hel", "stopped")
    with pytest.raises(AnswerFinished):
        await chats.save_answer(people.ada, begun.id, "Hello", status="complete", metadata=SPENT)


async def test_answer_that_failed_is_no_turn_of_the_history(chats: ConversationService, people: People):
    chat = await chats.create_conversation(people.ada, "personas", "ceo")
    await a_turn(chats, people.ada, chat, "q1", "a1")
    failed = await chats.begin_answer(people.ada, (await chats.ask(people.ada, chat.id, "q2")).id)
    await chats.save_answer(people.ada, failed.id, "", status="failed", metadata={})

    history = await chats.history(people.ada, chat.id)

    assert [message.content for message in history] == ["q1", "a1"]


async def test_list_is_read_in_pages_newest_first(
    chats: ConversationService, people: People, clock: HandClock
):
    made = []
    for number in range(5):
        clock.advance(0 if number == 3 else 1)
        made.append((await chats.create_conversation(people.ada, "personas", title=f"{number}")).id)
    clock.advance(1)
    await chats.ask(people.ada, made[0], "still here")

    read, cursor = [], None
    while True:
        page = await chats.list_conversations(people.ada, cursor=cursor, limit=2)
        read += [chat.id for chat in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break

    assert read == [made[0], made[4], made[3], made[2], made[1]]


async def test_list_has_one_app_and_leaves_out_the_archive(chats: ConversationService, people: People):
    kept = await chats.create_conversation(people.ada, "personas", "ceo")
    await chats.create_conversation(people.ada, "personas", "cfo")
    away = await chats.create_conversation(people.ada, "personas", "ceo")
    await chats.create_conversation(people.ada, "writer")
    await chats.set_archived(people.ada, away.id, is_archived=True)

    used = await chats.list_conversations(people.ada, Wanted(app="personas", persona="ceo"))
    archived = await chats.list_conversations(people.ada, Wanted(is_archived=True))

    assert [chat.id for chat in used.items] == [kept.id]
    assert [chat.id for chat in archived.items] == [away.id]
    taken_out = await chats.set_archived(people.ada, away.id, is_archived=False)
    assert taken_out.archived_at is None


@pytest.mark.parametrize(
    "words",
    ["STRASSE", "straße", "in der Stra", "50%", "É tarde"],
    ids=["upper", "same", "part", "percent", "accent"],
)
async def test_search_finds_words_in_any_case(chats: ConversationService, people: People, words: str):
    chat = await chats.create_conversation(people.ada, "personas", title="T")
    asked = await chats.ask(people.ada, chat.id, "Das Büro in der Straße kostet 50% mehr. e\u0301 TARDE")
    await chats.create_conversation(people.ada, "personas", title="another, 50 more")

    page = await chats.search(people.ada, words)

    assert [(one.conversation.id, one.message_id) for one in page.items] == [(chat.id, asked.id)]
    assert "Straße" in (page.items[0].excerpt or "")


async def test_search_looks_at_titles_and_into_the_archive(chats: ConversationService, people: People):
    chat = await chats.create_conversation(people.ada, "personas", title="ÜBER uns")
    await chats.set_archived(people.ada, chat.id, is_archived=True)

    page = await chats.search(people.ada, "über")

    assert [(one.conversation.id, one.message_id, one.excerpt) for one in page.items] == [
        (chat.id, None, None)
    ]
    assert (await chats.search(people.ada, "über", Wanted())).items == []


async def test_search_is_read_in_pages(chats: ConversationService, people: People):
    made = [(await chats.create_conversation(people.ada, "a", title="word")).id for _ in range(3)]

    first = await chats.search(people.ada, "word", limit=2)
    second = await chats.search(people.ada, "word", limit=2, cursor=first.next_cursor)

    assert [one.conversation.id for one in (*first.items, *second.items)] == made[::-1]
    assert second.next_cursor is None


async def test_deleted_conversation_leaves_nothing(
    chats: ConversationService, people: People, database: Database
):
    chat = await chats.create_conversation(people.ada, "personas", "ceo")
    _, answer = await a_turn(chats, people.ada, chat, "q", "a")
    await chats.give_feedback(people.ada, answer.id, "up")
    assert await counted(database) == [1, 2, 1]

    await chats.delete_conversation(people.ada, chat.id)

    assert await counted(database) == [0, 0, 0]
    with pytest.raises(ConversationNotFound):
        await chats.delete_conversation(people.ada, chat.id)


async def test_long_conversation_can_be_deleted(
    chats: ConversationService, people: People, database: Database
):
    chat = await chats.create_conversation(people.ada, "personas", "ceo")
    links = [
        {
            "tenant_id": people.ada.tenant_id,
            "conversation_id": chat.id,
            "parent_id": number or None,
            "role": "user",
            "content": "",
            "folded": "",
            "status": "complete",
            "metadata": {},
            "created_at": chat.created_at,
        }
        for number in range(1500)
    ]
    async with database.writing(people.ada.tenant_id) as connection:
        await connection.execute(messages.insert(), links)

    await chats.delete_conversation(people.ada, chat.id)

    assert await counted(database) == [0, 0, 0]


async def test_markdown_is_the_branch_that_is_shown(chats: ConversationService, people: People):
    chat = await chats.create_conversation(people.ada, "personas", "ceo")
    asked, _ = await a_turn(chats, people.ada, chat, "old", "old answer")
    await chats.edit(people.ada, asked.id, "new")

    assert await whole(await chats.export(people.ada, chat.id, "markdown")) == (
        "# old\n\n2026-11-21 08:00 UTC\n\n## You, 2026-11-21 08:00\n\nnew\n"
    )


async def test_json_has_every_branch(chats: ConversationService, people: People):
    chat = await chats.create_conversation(people.ada, "personas", "ceo")
    asked, answer = await a_turn(chats, people.ada, chat, "old", "old answer")
    edited = await chats.edit(people.ada, asked.id, "new")

    document = json.decode(await whole(await chats.export(people.ada, chat.id, "json")))

    assert document["conversation"]["leaf_id"] == edited.id
    assert [(one["id"], one["parent_id"], one["content"]) for one in document["messages"]] == [
        (asked.id, None, "old"),
        (answer.id, asked.id, "old answer"),
        (edited.id, None, "new"),
    ]


async def test_feedback_is_one_opinion_for_each_person(
    chats: ConversationService, people: People, clock: HandClock
):
    chat = await chats.create_conversation(people.key, "personas", "ceo")
    _, answer = await a_turn(chats, people.key, chat, "q", "a")
    await chats.give_feedback(people.key, answer.id, "up")
    await chats.give_feedback(people.admin, answer.id, "up", "fine")
    clock.advance(5)

    changed = await chats.give_feedback(people.key, answer.id, "down", "wrong")

    shown = (await chats.list_messages(people.key, chat.id))[1].feedback
    assert shown == changed
    assert (changed.rating, changed.text, changed.updated_at > changed.created_at) == ("down", "wrong", True)
    await chats.withdraw_feedback(people.key, answer.id)
    assert (await chats.list_messages(people.key, chat.id))[1].feedback is None
    assert (await chats.list_messages(people.admin, chat.id))[1].feedback is not None


async def test_questions_get_no_feedback(chats: ConversationService, people: People):
    chat = await chats.create_conversation(people.ada, "personas")
    asked = await chats.ask(people.ada, chat.id, "q")

    with pytest.raises(InvalidConversation):
        await chats.give_feedback(people.ada, asked.id, "up")


Attempt = Callable[[ConversationService, Caller, Conversation, Message, Message], Awaitable[object]]
ATTEMPTS: dict[str, Attempt] = {
    "get": lambda chats, who, chat, q, a: chats.get_conversation(who, chat.id),
    "rename": lambda chats, who, chat, q, a: chats.rename(who, chat.id, "mine"),
    "archive": lambda chats, who, chat, q, a: chats.set_archived(who, chat.id, is_archived=True),
    "delete": lambda chats, who, chat, q, a: chats.delete_conversation(who, chat.id),
    "export": lambda chats, who, chat, q, a: chats.export(who, chat.id, "json"),
    "list_messages": lambda chats, who, chat, q, a: chats.list_messages(who, chat.id),
    "history": lambda chats, who, chat, q, a: chats.history(who, chat.id),
    "ask": lambda chats, who, chat, q, a: chats.ask(who, chat.id, "x"),
    "get_message": lambda chats, who, chat, q, a: chats.get_message(who, a.id),
    "edit": lambda chats, who, chat, q, a: chats.edit(who, q.id, "x"),
    "begin_answer": lambda chats, who, chat, q, a: chats.begin_answer(who, q.id),
    "regenerate": lambda chats, who, chat, q, a: chats.regenerate(who, a.id),
    "save_answer": lambda chats, who, chat, q, a: chats.save_answer(
        who, a.id, "x", status="complete", metadata={}
    ),
    "select_branch": lambda chats, who, chat, q, a: chats.select_branch(who, q.id),
    "give_feedback": lambda chats, who, chat, q, a: chats.give_feedback(who, a.id, "up"),
    "withdraw_feedback": lambda chats, who, chat, q, a: chats.withdraw_feedback(who, a.id),
}


@pytest.mark.parametrize("verb", ATTEMPTS)
async def test_what_is_anothers_is_not_there(chats: ConversationService, people: People, verb: str):
    chat = await chats.create_conversation(people.ada, "personas", "ceo")
    asked = await chats.ask(people.ada, chat.id, "a secret")
    answer = await chats.begin_answer(people.ada, asked.id)

    for who in (people.bob, people.key, people.boss, people.stranger, people.other_admin):
        with pytest.raises((ConversationNotFound, MessageNotFound)):
            await ATTEMPTS[verb](chats, who, chat, asked, answer)
    with pytest.raises(PermissionDenied):
        await ATTEMPTS[verb](chats, people.reader, chat, asked, answer)

    untouched = await chats.get_conversation(people.ada, chat.id)
    assert (untouched.title, untouched.message_count) == ("a secret", 2)
    assert (await chats.get_message(people.ada, answer.id)).status == "partial"


async def test_lists_and_searches_show_ones_own_alone(chats: ConversationService, people: People):
    for who in (people.ada, people.bob, people.key, people.stranger):
        await chats.create_conversation(who, "personas", title=f"of {who.member_id or who.actor}")

    async def seen(who: Caller) -> tuple[set[str], set[str]]:
        listed = await chats.list_conversations(who)
        found = await chats.search(who, "of ")
        return {chat.owner for chat in listed.items}, {one.conversation.owner for one in found.items}

    assert await seen(people.ada) == ({"member:mem_ada"}, {"member:mem_ada"})
    assert await seen(people.bob) == ({"member:mem_bob"}, {"member:mem_bob"})
    assert await seen(people.key) == ({"key:ak_app"}, {"key:ak_app"})
    assert await seen(people.boss) == (set(), set())
    everyone = {"member:mem_ada", "member:mem_bob", "key:ak_app"}
    assert await seen(people.admin) == (everyone, everyone)


async def test_leaf_of_another_conversation_is_not_there(chats: ConversationService, people: People):
    one = await chats.create_conversation(people.ada, "personas")
    other = await chats.create_conversation(people.ada, "personas")
    asked = await chats.ask(people.ada, other.id, "q")

    with pytest.raises(MessageNotFound):
        await chats.history(people.ada, one.id, leaf_id=asked.id)
    with pytest.raises(MessageNotFound):
        await chats.list_messages(people.ada, one.id, before_id=asked.id)


async def test_older_messages_are_read_backwards(chats: ConversationService, people: People):
    chat = await chats.create_conversation(people.ada, "personas")
    asked = [await chats.ask(people.ada, chat.id, f"q{number}") for number in range(5)]

    assert await texts_of(chats, people.ada, chat.id, limit=2) == ["q3", "q4"]
    assert await texts_of(chats, people.ada, chat.id, limit=2, before_id=asked[3].id) == ["q1", "q2"]


async def test_questions_at_the_same_time_follow_each_other(chats: ConversationService, people: People):
    chat = await chats.create_conversation(people.ada, "personas")

    await asyncio.gather(*(chats.ask(people.ada, chat.id, f"q{number}") for number in range(8)))

    assert len(await texts_of(chats, people.ada, chat.id)) == 8
    assert (await chats.get_conversation(people.ada, chat.id)).message_count == 8


async def test_full_conversation_takes_no_more(
    chats: ConversationService, people: People, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(store, "MOST_MESSAGES", 1)
    chat = await chats.create_conversation(people.ada, "personas")
    await chats.ask(people.ada, chat.id, "q")

    with pytest.raises(ConversationFull):
        await chats.ask(people.ada, chat.id, "q")


@pytest.mark.parametrize("content", ["", " \n", "x" * 200_001], ids=["empty", "blank", "too-long"])
async def test_question_that_says_nothing_or_too_much_is_refused(
    chats: ConversationService, people: People, content: str
):
    chat = await chats.create_conversation(people.ada, "personas")

    with pytest.raises(InvalidConversation):
        await chats.ask(people.ada, chat.id, content)


async def test_texts_no_database_takes_are_kept_all_the_same(chats: ConversationService, people: People):
    chat = await chats.create_conversation(people.ada, "personas")
    _, answer = await a_turn(chats, people.ada, chat, "a\0b", "c\ud800d")

    assert await texts_of(chats, people.ada, chat.id) == ["a\ufffdb", "c\ufffdd"]
    await chats.give_feedback(people.ada, answer.id, "up", "\0")


@pytest.mark.parametrize("cursor", ["", "x", "1-2-3", "-1", "f" * 40 + "-1", "1-" + "f" * 40, "1-\0"])
async def test_cursor_that_is_none_is_refused(chats: ConversationService, people: People, cursor: str):
    with pytest.raises(InvalidRequest):
        await chats.list_conversations(people.ada, cursor=cursor)


async def test_id_too_large_for_a_database_is_nobodys(chats: ConversationService, people: People):
    with pytest.raises(ConversationNotFound):
        await chats.get_conversation(people.ada, 10**30)
    with pytest.raises(MessageNotFound):
        await chats.get_message(people.ada, 10**30)


async def test_metadata_that_cannot_be_summed_up_is_refused(chats: ConversationService, people: People):
    chat = await chats.create_conversation(people.ada, "personas")
    begun = await chats.begin_answer(people.ada, (await chats.ask(people.ada, chat.id, "q")).id)

    for tokens in ({"total": "many"}, {"input": 1, "output": 1, "total": 10**12}, 3):
        with pytest.raises(InvalidConversation):
            await chats.save_answer(people.ada, begun.id, "a", status="complete", metadata={"tokens": tokens})


async def test_tokens_of_a_tenant_come_from_its_messages(
    chats: ConversationService, people: People, clock: HandClock
):
    for who in (people.ada, people.bob, people.stranger):
        chat = await chats.create_conversation(who, "personas")
        await a_turn(chats, who, chat, "long ago", "a")
    clock.advance(31 * DAY_S)
    for who in (people.ada, people.bob):
        chat = await chats.create_conversation(who, "personas")
        await a_turn(chats, who, chat, "q", "a")

    spent = await chats.get_tokens(people.reader)

    assert (spent.input, spent.output, spent.total, spent.messages) == (490, 256, 746, 2)
    by_tenant = {one.tenant_id: one.total for one in await chats.list_tokens(operator_of(""), days=60)}
    assert by_tenant == {people.ada.tenant_id: 4 * 373, people.stranger.tenant_id: 373}
    with pytest.raises(PermissionDenied):
        await chats.list_tokens(people.admin)
    with pytest.raises(PermissionDenied):
        await chats.get_tokens(people.ada)


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
async def test_documented_query_says_the_same(chats: ConversationService, people: People, database: Database):
    chat = await chats.create_conversation(people.ada, "personas")
    await a_turn(chats, people.ada, chat, "q", "a")
    query = text(
        "SELECT tenant_id, SUM((metadata->'tokens'->>'total')::int) FROM messages"
        " WHERE created_at > '2026-11-01' GROUP BY tenant_id"
    )

    async with database.reading(people.ada.tenant_id) as connection:
        rows = (await connection.execute(query)).all()

    assert [tuple(row) for row in rows] == [(people.ada.tenant_id, 373)]


async def test_silent_conversations_go_when_their_tenant_says_so(
    chats: ConversationService, people: People, clock: HandClock, database: Database
):
    old = await chats.create_conversation(people.ada, "personas")
    talking = await chats.create_conversation(people.ada, "personas")
    other = await chats.create_conversation(people.stranger, "personas")
    await chats.set_retention(people.admin, 30)
    clock.advance(20 * DAY_S)
    await chats.ask(people.ada, talking.id, "still here")
    clock.advance(11 * DAY_S)

    await chats.sweep()

    assert await chats.get_retention(people.ada) == 30
    assert await chats.get_retention(people.stranger) is None
    with pytest.raises(ConversationNotFound):
        await chats.get_conversation(people.ada, old.id)
    assert (await chats.get_conversation(people.ada, talking.id)).id == talking.id
    assert (await chats.get_conversation(people.stranger, other.id)).id == other.id
    await chats.set_retention(people.admin, None)
    entries = await AuditService(AuditStore(database)).list_entries(people.admin)
    assert [(entry.before, entry.after) for entry in entries] == [
        ({"days": 30}, {"days": None}),
        ({"days": None}, {"days": 30}),
    ]


async def test_retention_is_for_administrators_to_say(chats: ConversationService, people: People):
    with pytest.raises(PermissionDenied):
        await chats.set_retention(people.ada, 30)
    for days in (0, 3651):
        with pytest.raises(InvalidConversation):
            await chats.set_retention(people.admin, days)
