"""The console in the reader's language."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from officium.core.tenancy import operator_of
from officium.web.console.amounts import moment
from officium.web.console.texts import ENGLISH, LANGUAGES, arabic, choose_language, english, speak
from tests.support.console import PASSWORD, Visitor, csrf_in
from tests.support.house import House, open_house
from tests.support.web import Reply

ADA = "ada@example.com"
OTHERS = {code: language for code, language in LANGUAGES.items() if code != "en"}
SAME_IN_BOTH = frozenset(
    (
        "product",
        "language.label",
        "rules.tab.json",
        *(f"rules.intent_example.{number}" for number in range(1, 5)),
    )
)
"""What has no words of a language, and the sentences that the grammar of rules reads: it reads English."""


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(tmp_path) as house:
        yield house


async def _visitor(house: House, **headers: str) -> Visitor:
    tenant = await house.resident("Alpha")
    operator = operator_of(tenant.tenant.id)
    await house.parts.members.create_member(operator, ADA, role="admin", password=PASSWORD)
    visitor = Visitor(house.app)
    await visitor.sign_in(ADA, PASSWORD)
    return visitor


def _written_in(page: Reply) -> tuple[str, str]:
    found = re.search(r'<html lang="(\w+)" dir="(\w+)"', page.body.decode())
    assert found is not None
    return found[1], found[2]


@pytest.mark.parametrize("code", OTHERS)
def test_every_text_is_translated(code: str) -> None:
    assert sorted(set(ENGLISH) - set(OTHERS[code].texts)) == []


@pytest.mark.parametrize("code", OTHERS)
def test_no_text_is_translated_that_nobody_says(code: str) -> None:
    assert set(OTHERS[code].texts) - set(ENGLISH) == set()


@pytest.mark.parametrize("code", OTHERS)
def test_translations_have_the_same_places_for_values(code: str) -> None:
    texts = OTHERS[code].texts

    assert [key for key in texts if _places(texts[key]) != _places(ENGLISH[key])] == []


def test_arabic_is_written_in_arabic_letters() -> None:
    texts = LANGUAGES["ar"].texts

    foreign = {key for key, text in texts.items() if not re.search(r"[\u0600-\u06ff]|^\W*({\w+}\W*)+$", text)}

    assert foreign <= SAME_IN_BOTH


def test_files_of_a_language_are_those_of_english() -> None:
    translated, files = (
        {name: set(module.TEXTS) for name, module in vars(package).items() if hasattr(module, "TEXTS")}
        for package in (arabic, english)
    )

    assert translated == files


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("gpt-5", "العميل \u2068gpt-5\u2069"),
        ("< $0.01", "العميل \u2068< $0.01\u2069"),
        ("2026-11-24", "العميل \u20682026-11-24\u2069"),
        ("80%", "العميل \u206880%\u2069"),
        (-5, "العميل \u2068-5\u2069"),
        ("مخبز", "العميل مخبز"),
        ("1,250", "العميل 1,250"),
        ("", "العميل "),
    ],
    ids=["latin", "sign", "day", "percent", "negative", "arabic", "figure", "nothing"],
)
def test_values_that_run_the_other_way_are_set_apart(value: object, said: str) -> None:
    assert LANGUAGES["ar"].say("overview.client", id=value) == said
    assert LANGUAGES["en"].say("overview.client", id=value) == f"Client {value}"


def test_moment_has_the_comma_of_its_language() -> None:
    when = datetime(2026, 11, 24, 16, 5, tzinfo=UTC)

    speak(LANGUAGES["ar"])
    arabic = moment(when)
    speak(LANGUAGES["en"])

    assert (arabic, moment(when)) == ("الثلاثاء 24 نوفمبر، 16:05", "Tue 24 Nov, 16:05")


@pytest.mark.parametrize(
    ("wanted", "accepted", "chosen"),
    [
        ((), "", "en"),
        ((), "ar", "ar"),
        ((), "ar-EG,ar;q=0.9,en;q=0.8", "ar"),
        ((), "de, en;q=0.7, ar;q=0.9", "ar"),
        ((), "ar;q=0, en", "en"),
        ((), "ar;q=x, *, fr", "en"),
        ((None, "ar"), "en", "ar"),
        (("en", "ar"), "ar", "en"),
        (("tlh", None), "ar", "ar"),
        ((), "\0,;q=,,;;" * 200, "en"),
    ],
)
def test_first_language_that_is_spoken_is_chosen(
    wanted: tuple[str | None, ...], accepted: str, chosen: str
) -> None:
    assert choose_language(*wanted, accepted=accepted).code == chosen


async def test_before_sign_in_the_browser_says_what_it_reads(house: House) -> None:
    visitor = Visitor(house.app)

    arabic = await visitor.get("/console/sign-in", accept_language="ar-SA,ar;q=0.9")
    english = await visitor.get("/console/sign-in", accept_language="de")

    assert (_written_in(arabic), _written_in(english)) == (("ar", "rtl"), ("en", "ltr"))
    assert b"tabler.rtl." in arabic.body
    assert b"tabler.rtl." not in english.body


async def test_language_is_chosen_before_sign_in_and_kept(house: House) -> None:
    visitor = await _visitor(house)
    await visitor.post("/console/sign-out", {"csrf": csrf_in(await visitor.get("/console"))})

    sent_on = await visitor.get("/console/sign-in?language=ar&next=/console/password")
    page = await visitor.get(sent_on.headers["location"])
    refused = await visitor.get("/console/sign-in?language=tlh")
    await visitor.sign_in(ADA, PASSWORD)

    assert sent_on.headers["location"] == "/console/sign-in?next=/console/password"
    assert _written_in(page) == ("ar", "rtl")
    assert refused.status == 303
    assert _written_in(await visitor.get("/console")) == ("ar", "rtl")


async def test_members_own_language_follows_them_into_another_browser(house: House) -> None:
    visitor = await _visitor(house)

    sent_on = await visitor.post(
        "/console/language",
        {"csrf": csrf_in(await visitor.get("/console")), "language": "ar", "next": "/console/password"},
    )
    elsewhere = Visitor(house.app)
    await elsewhere.sign_in(ADA, PASSWORD)
    page = await elsewhere.get("/console", accept_language="en")
    missing = await elsewhere.get("/console/nothing", accept_language="en")

    assert (sent_on.status, sent_on.headers["location"]) == (303, "/console/password")
    assert _written_in(page) == ("ar", "rtl")
    assert _written_in(missing) == ("ar", "rtl")
    assert "لا يوجد شيء هنا" in missing.body.decode()


@pytest.mark.parametrize("language", ["tlh", "", "../en"])
async def test_language_that_is_not_spoken_is_refused(house: House, language: str) -> None:
    visitor = await _visitor(house)

    reply = await visitor.post(
        "/console/language", {"csrf": csrf_in(await visitor.get("/console")), "language": language}
    )

    assert reply.status == 400
    assert _written_in(await visitor.get("/console")) == ("en", "ltr")


def _places(text: str) -> set[str]:
    return set(re.findall(r"{(\w+)}", text))
