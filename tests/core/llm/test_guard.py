"""Where a tenant's addresses can lead: refused by their looks, or by where a name turns out to lead."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from ipaddress import ip_address
from typing import Any

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from officium.core.llm import guard as guard_module
from officium.core.llm.completion import CompletionRequest
from officium.core.llm.deployment import Deployment
from officium.core.llm.dispatch import Attempt, Dispatcher
from officium.core.llm.errors import AddressRefused, LLMConnectionError, LLMError, LLMProtocolError
from officium.core.llm.guard import AddressGuard, is_public
from officium.core.llm.http import HttpRequest, Timeouts
from officium.core.llm.http1 import Http1Transport
from officium.core.llm.message import user
from officium.core.llm.providers import PROVIDERS
from officium.core.llm.retry import RetryPolicy
from officium.core.llm.scheme import SchemeTransport
from officium.core.llm.transport import AiohttpTransport
from officium.testing import ScriptedTransport
from tests.support.upstream import Upstream, answer

SOON = Timeouts(connect=0.5, first_byte=0.5, idle=0.5, total=2.0)
SECRET = "sk-canary-6f1d"
PUBLIC = "93.184.215.14"

AnyTransport = AiohttpTransport | Http1Transport
Kind = Callable[..., AnyTransport]


@pytest.fixture(params=[AiohttpTransport, Http1Transport], ids=["aiohttp", "http1"])
def kind(request: pytest.FixtureRequest) -> Kind:
    return request.param


@pytest.fixture
async def transport(kind: Kind) -> AsyncIterator[AnyTransport]:
    transport = kind()
    yield transport
    assert transport.in_flight == 0
    await transport.close()


def a_guarded(url: str) -> HttpRequest:
    return HttpRequest("POST", url, {"authorization": f"Bearer {SECRET}"}, b"{}", is_guarded=True)


def look_up(monkeypatch: pytest.MonkeyPatch, *answers: tuple[str, ...]) -> list[str]:
    """Let names have these addresses, one answer after the other; returns the names as they are asked."""
    names: list[str] = []
    left = list(answers)
    ask_the_system = asyncio.get_running_loop().getaddrinfo

    async def getaddrinfo(host: str, port: int, **options: Any) -> list[Any]:
        if host[-1].isdigit() or ":" in host:
            return await ask_the_system(host, port, **options)
        names.append(host)
        found = left.pop(0) if len(left) > 1 else left[0]
        family = {True: socket.AF_INET6, False: socket.AF_INET}
        return [(family[":" in at], socket.SOCK_STREAM, 6, "", (at, port)) for at in found]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo, raising=False)
    return names


# How an address looks

HOSTILE = [
    # this machine and the networks around it
    "https://localhost/v1",
    "https://LOCALHOST/v1",
    "https://localhost./v1",
    "https://api.localhost/v1",
    "https://localhost.localdomain/v1",
    "https://127.0.0.1/v1",
    "https://127.0.0.1./v1",
    "https://127.255.255.254/v1",
    "https://0.0.0.0/v1",
    "https://10.0.0.1/v1",
    "https://172.16.0.1/v1",
    "https://172.31.255.255/v1",
    "https://192.168.1.1/v1",
    "https://100.64.0.1/v1",
    "https://169.254.0.1/v1",
    "https://198.18.0.1/v1",
    "https://192.0.0.8/v1",
    "https://192.0.2.1/v1",
    "https://224.0.0.1/v1",
    "https://240.0.0.1/v1",
    "https://255.255.255.255/v1",
    # clouds' metadata
    "https://169.254.169.254/latest/meta-data/",
    "https://169.254.170.2/v2/credentials",
    "https://100.100.100.200/latest/meta-data/",
    "https://168.63.129.16/machine",
    "https://192.0.0.192/opc/v2/instance/",
    "https://metadata.google.internal/computeMetadata/v1/",
    "https://metadata/computeMetadata/v1/",
    "https://[fd00:ec2::254]/latest/meta-data/",
    "https://[fd20:ce::254]/computeMetadata/v1/",
    # other ways to write the same numbers
    "https://127.1/v1",
    "https://127.0.1/v1",
    "https://0/v1",
    "https://2130706433/v1",
    "https://017700000001/v1",
    "https://0x7f000001/v1",
    "https://0x7f.1/v1",
    "https://0177.0.0.1/v1",
    "https://0x7f.0x0.0x0.0x1/v1",
    "https://127.0.0.01/v1",
    "https://127.0.0x1/v1",
    "https://1.2.3.4.5/v1",
    "https://256.1.1.1/v1",
    "https://4294967297/v1",
    "https://10.0.0.0x/v1",
    "https://\uff11\uff12\uff17.0.0.1/v1",
    "https://127。0。0。1/v1",
    "https://①②⑦.⓪.⓪.①/v1",
    "https://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ/v1",
    "https://٣.1.1.1/v1",
    "https://%31%32%37.0.0.1/v1",
    "https://127%2e0%2e0%2e1/v1",
    "https://loc%61lhost/v1",
    # IPv6
    "https://[::1]/v1",
    "https://[::]/v1",
    "https://[0:0:0:0:0:0:0:1]/v1",
    "https://[fe80::1]/v1",
    "https://[fe80::1%25eth0]/v1",
    "https://[fe80::1%eth0]/v1",
    "https://[2606:4700::1111%25lo]/v1",
    "https://[fec0::1]/v1",
    "https://[fc00::1]/v1",
    "https://[fd12:3456::1]/v1",
    "https://[ff02::1]/v1",
    "https://[100::1]/v1",
    "https://[2001:db8::1]/v1",
    "https://[3fff::1]/v1",
    "https://[5f00::1]/v1",
    # IPv4 within IPv6
    "https://[::ffff:127.0.0.1]/v1",
    "https://[::ffff:7f00:1]/v1",
    "https://[::ffff:a9fe:a9fe]/v1",
    "https://[0:0:0:0:0:ffff:10.0.0.1]/v1",
    "https://[::127.0.0.1]/v1",
    "https://[::93.184.215.14]/v1",
    "https://[64:ff9b::7f00:1]/v1",
    "https://[64:ff9b::10.0.0.1]/v1",
    "https://[64:ff9b:1::1]/v1",
    "https://[2002:7f00:1::]/v1",
    "https://[2002:5db8:d70e::1]/v1",
    "https://[2001:0:53aa:64c:0:fbff:80ff:fffe]/v1",
    "https://[2606:4700::5efe:10.0.0.1]/v1",
    "https://[2606:4700::200:5efe:127.0.0.1]/v1",
    # names of the inside
    "https://postgres/v1",
    "https://officium/v1",
    "https://printer.local/v1",
    "https://kubernetes.default.svc.cluster.local/api",
    "https://vault.service.internal/v1",
    "https://router.home.arpa/",
    # schemes
    "http://api.example.com/v1",
    "HTTP://api.example.com/v1",
    "mock://scripted/v1",
    "file:///etc/passwd",
    "ftp://api.example.com/",
    "gopher://127.0.0.1:6379/_INFO",
    "unix:///var/run/docker.sock",
    "ws://api.example.com/",
    "javascript:alert(1)",
    "data:text/plain,x",
    "//api.example.com/v1",
    "api.example.com/v1",
    "https:api.example.com",
    "https:/api.example.com",
    "https:///v1",
    "https://",
    "https",
    "",
    # ports
    "https://api.example.com:22/v1",
    "https://api.example.com:25/v1",
    "https://api.example.com:5432/v1",
    "https://api.example.com:6379/v1",
    "https://api.example.com:0/v1",
    "https://api.example.com:65536/v1",
    "https://api.example.com:-1/v1",
    "https://api.example.com:\uff12\uff12/v1",
    "https://api.example.com:443:80/v1",
    # who is the host?
    "https://user@api.example.com/v1",
    "https://user:password@api.example.com/v1",
    "https://:@api.example.com/v1",
    "https://api.example.com@127.0.0.1/v1",
    "https://api.example.com;@127.0.0.1/v1",
    "https://api.example.com\\@127.0.0.1/v1",
    "https://127.0.0.1\\.api.example.com/v1",
    "https://api.example.com%40127.0.0.1/v1",
    "https://127.0.0.1%2f.example.com/v1",
    "https://127.0.0.1%00.example.com/v1",
    "https://127.0.0.1\x00.example.com/v1",
    "https://api.example.com#@127.0.0.1/v1",
    "https://api.example.com/v1#fragment",
    "https://127.0.0.1,api.example.com/v1",
    "https://api..example.com/v1",
    "https://.example.com/v1",
    "https://api.example.com../v1",
    "https://-api.example.com/v1",
    "https://api example.com/v1",
    " https://api.example.com/v1",
    "https://api.example.com/v1 ",
    "https://api.exam\tple.com/v1",
    "https://api.example.com/\r\nHost: localhost/v1",
    "https://api.example.com/v1\u00a0",
    "https://[api.example.com]/v1",
    "https://[v1.fe80]/v1",
    "https://[::1/v1",
    "https://::1/v1",
    f"https://{'a' * 64}.example.com/v1",
    f"https://{'a.' * 130}com/v1",
    f"https://api.example.com/{'v' * 2048}",
]


@pytest.mark.parametrize("url", HOSTILE)
def test_hostile_address_is_refused_by_its_looks(url: str) -> None:
    with pytest.raises(AddressRefused) as raised:
        AddressGuard().check_url(url)

    assert not raised.value.is_retryable


@pytest.mark.parametrize(
    "url",
    [
        "https://api.openai.com/v1",
        "https://API.OpenAI.com/v1",
        "https://api.openai.com./v1",
        "https://api.openai.com:443/v1",
        "https://llm.example.com:8443/v1",
        "https://acme.openai.azure.com/openai/v1?api-version=2026-01-01",
        "https://api.example.com/v1#",
        "https://bücher.example/v1",
        "https://xn--bcher-kva.example/v1",
        "https://my_llm.example.com/v1",
        "https://93.184.215.14/v1",
        "https://[2606:4700:4700::1111]/v1",
        "https://[64:ff9b::93.184.215.14]/v1",
        "https://[::ffff:93.184.215.14]/v1",
        "https://127.0.0.1.nip.example/v1",
    ],
)
def test_address_on_the_internet_passes(url: str) -> None:
    AddressGuard().check_url(url)


@pytest.mark.parametrize(
    ("allowed", "url"),
    [
        pytest.param("ollama", "http://ollama:11434/v1", id="a host, every port and scheme"),
        pytest.param("Ollama.", "http://OLLAMA./v1", id="however it is written"),
        pytest.param("ollama.corp:11434", "http://ollama.corp:11434/v1", id="a host and port"),
        pytest.param("api.example.com:9000", "https://api.example.com:9000/v1", id="a port of the internet"),
        pytest.param("10.1.0.0/16", "http://10.1.2.3:8080/v1", id="a range"),
        pytest.param("10.1.0.0/16", "http://[::ffff:10.1.2.3]:8080/v1", id="a range, written in IPv6"),
        pytest.param("127.0.0.1:11434", "http://127.0.0.1:11434/v1", id="an address and port"),
        pytest.param("127.0.0.1", "http://127.0.0.1:11434/v1", id="an address"),
        pytest.param("[fd00::5]:8080", "http://[fd00::5]:8080/v1", id="an IPv6 address and port"),
        pytest.param("::1", "http://[::1]:8080/v1", id="an IPv6 address"),
        pytest.param("fd00::/8", "http://[fd00::5]:8080/v1", id="an IPv6 range"),
    ],
)
def test_operator_names_exceptions(allowed: str, url: str) -> None:
    with pytest.raises(AddressRefused):
        AddressGuard().check_url(url)

    AddressGuard([allowed]).check_url(url)


@pytest.mark.parametrize(
    ("allowed", "url"),
    [
        pytest.param("ollama.corp:11434", "http://ollama.corp:11435/v1", id="another port"),
        pytest.param("ollama.corp", "http://evil.ollama.corp/v1", id="a name below"),
        pytest.param("ollama.corp", "http://ollama.corp.example/v1", id="a name that begins so"),
        pytest.param("ollama.corp", "http://user@ollama.corp/v1", id="with a user"),
        pytest.param("ollama.corp", "http://ollama.corp@10.0.0.1/v1", id="as a user"),
        pytest.param("10.1.0.0/16", "http://10.2.0.1/v1", id="out of range"),
        pytest.param("10.1.0.0/16", "http://10.1.1/v1", id="in range, but written short"),
    ],
)
def test_exception_opens_nothing_else(allowed: str, url: str) -> None:
    with pytest.raises(AddressRefused):
        AddressGuard([allowed]).check_url(url)


@pytest.mark.parametrize(
    "entry", ["10.1.0.1/16", "10.0.0.0/33", "host:", "host:x", "host:70000", "a b", "", "*"]
)
def test_exception_that_cannot_be_read_is_an_error(entry: str) -> None:
    with pytest.raises(ValueError, match=r"is no|has no"):
        AddressGuard([entry])


@given(st.text(max_size=40))
def test_any_text_is_either_passed_or_refused(text: str) -> None:
    for url in (text, f"https://{text}", f"https://{text}/v1"):
        try:
            AddressGuard().check_url(url)
        except AddressRefused:
            continue


@given(st.ip_addresses())
def test_public_addresses_are_global_ones(address: Any) -> None:
    """Python's own table of special addresses has nothing that ours has forgotten."""
    reached = address.ipv4_mapped if address.version == 6 and address.ipv4_mapped else address

    if is_public(address) and reached not in guard_module._TRANSLATED:
        assert reached.is_global
        assert not reached.is_multicast


@pytest.mark.parametrize(
    "text", ["192.0.0.9", "192.88.99.1", "2001:20::1", "64:ff9b:1::1", "::ffff:0:1.1.1.1"]
)
def test_address_of_a_special_kind_is_not_public(text: str) -> None:
    assert not is_public(ip_address(text))


# Where a name leads

INSIDE = [
    pytest.param(("127.0.0.1",), id="this machine"),
    pytest.param(("10.0.0.5",), id="private"),
    pytest.param(("169.254.169.254",), id="metadata"),
    pytest.param(("0.0.0.0",), id="any"),
    pytest.param(("::1",), id="this machine, IPv6"),
    pytest.param(("fe80::1%eth0",), id="link-local with a zone"),
    pytest.param(("::ffff:127.0.0.1",), id="mapped"),
    pytest.param(("64:ff9b::7f00:1",), id="NAT64 to the inside"),
    pytest.param((PUBLIC, "127.0.0.1"), id="public first, then inside"),
    pytest.param(("127.0.0.1", PUBLIC), id="inside first, then public"),
]


@pytest.mark.parametrize("addresses", INSIDE)
async def test_name_that_leads_inside_is_refused(
    transport: AnyTransport, monkeypatch: pytest.MonkeyPatch, addresses: tuple[str, ...]
) -> None:
    look_up(monkeypatch, addresses)
    connected = forbid_connections(monkeypatch)

    with pytest.raises(AddressRefused) as raised:
        await transport.send(a_guarded("https://api.example.com/v1"), SOON)

    assert connected == []
    assert SECRET not in str(raised.value)
    assert all(address not in str(raised.value) for address in addresses)


def forbid_connections(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Note every address that somebody tries to connect to, and let none succeed."""
    tried: list[Any] = []

    async def start_connection(addr_infos: list[Any], **options: Any) -> socket.socket:
        tried.extend(info[4][0] for info in addr_infos)
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr("officium.core.llm.http1.connector.start_connection", start_connection)
    monkeypatch.setattr("aiohappyeyeballs.start_connection", start_connection)
    return tried


async def test_connection_goes_to_the_very_address_that_was_checked(
    transport: AnyTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = look_up(monkeypatch, (PUBLIC,), ("127.0.0.1",))
    connected = forbid_connections(monkeypatch)

    with pytest.raises(LLMConnectionError):
        await transport.send(a_guarded("https://api.example.com/v1"), SOON)

    assert connected == [PUBLIC]
    assert names == ["api.example.com"]


async def test_name_that_changes_is_checked_each_time(
    transport: AnyTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_up(monkeypatch, (PUBLIC,), ("127.0.0.1",))
    connected = forbid_connections(monkeypatch)
    with pytest.raises(LLMConnectionError):
        await transport.send(a_guarded("https://api.example.com/v1"), SOON)

    with pytest.raises(AddressRefused):
        await transport.send(a_guarded("https://api.example.com/v1"), SOON)

    assert connected == [PUBLIC]


@pytest.fixture
def tls_port(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a test's own port count as a usual one."""
    monkeypatch.setattr(guard_module, "OPEN_PORTS", range(65_536))


@pytest.mark.usefixtures("tls_port")
async def test_certificate_and_host_are_those_of_the_name(
    kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = trustme.CA()
    trust, tls = ssl.create_default_context(), ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.configure_trust(trust)
    authority.issue_cert("api.example.com").configure_cert(tls)
    transport = kind(ssl_context=trust, guard=AddressGuard(["127.0.0.0/8"]))
    look_up(monkeypatch, ("127.0.0.1",))

    async with Upstream(answer({}), tls=tls) as upstream:
        named = upstream.url.replace("127.0.0.1", "api.example.com")
        response = await transport.send(a_guarded(f"{named}/v1"), SOON)
        response.close()
        with pytest.raises(LLMConnectionError, match="TLS"):
            await transport.send(a_guarded(named.replace("api.", "other.")), SOON)
        await transport.close()

    assert response.status == 200
    assert [request.headers["host"] for request in upstream.requests] == [named.removeprefix("https://")]


async def test_guarded_request_never_rides_on_a_trusted_connection(transport: AnyTransport) -> None:
    async with Upstream(answer({})) as upstream:
        trusted = await transport.send(HttpRequest("GET", f"{upstream.url}/v1"), SOON)
        await trusted.read(99)
        trusted.close()

        with pytest.raises(AddressRefused):
            await transport.send(a_guarded(f"{upstream.url}/v1"), SOON)

        assert len(upstream.requests) == 1


async def test_guarded_and_trusted_requests_share_no_connection(kind: Kind) -> None:
    transport = kind(guard=AddressGuard(["127.0.0.0/8"]))
    async with Upstream(answer({})) as upstream:
        for request in (HttpRequest("GET", f"{upstream.url}/v1"), a_guarded(f"{upstream.url}/v1")) * 2:
            response = await transport.send(request, SOON)
            await response.read(99)
            response.close()

        if kind is Http1Transport:
            assert upstream.connections_made == 2
        assert len(upstream.requests) == 4
        await transport.close()


async def test_operators_own_address_is_not_guarded(transport: AnyTransport) -> None:
    async with Upstream(answer({})) as upstream:
        response = await transport.send(HttpRequest("GET", f"{upstream.url}/v1"), SOON)
        response.close()

    assert response.status == 200


async def test_host_the_operator_named_may_lead_inside(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    look_up(monkeypatch, ("127.0.0.1",))
    async with Upstream(answer({})) as upstream:
        place = upstream.host.replace("127.0.0.1", "ollama")
        transport = kind(guard=AddressGuard([place]))

        response = await transport.send(a_guarded(f"http://{place}/v1"), SOON)
        response.close()
        await transport.close()

    assert response.status == 200


# Behind a proxy


@pytest.fixture
async def proxy(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Upstream]:
    """Every way out leads over this one, which opens no tunnel."""
    async with Upstream(answer({}, 502)) as upstream:
        for name in ("http_proxy", "https_proxy"):
            monkeypatch.setenv(name, upstream.url)
        monkeypatch.setenv("no_proxy", "")
        yield upstream


async def test_proxy_is_given_the_address_that_was_checked(
    kind: Kind, proxy: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_up(monkeypatch, (PUBLIC,))
    transport = kind(trust_env=True)

    with pytest.raises(LLMError):
        await transport.send(a_guarded("https://api.example.com/v1"), SOON)

    await transport.close()
    assert [(asked.method, asked.target) for asked in proxy.requests] == [("CONNECT", f"{PUBLIC}:443")]
    assert "authorization" not in proxy.requests[0].headers


@pytest.mark.parametrize("addresses", INSIDE)
async def test_proxy_is_not_asked_for_the_inside(
    kind: Kind, proxy: Upstream, monkeypatch: pytest.MonkeyPatch, addresses: tuple[str, ...]
) -> None:
    look_up(monkeypatch, addresses)
    transport = kind(trust_env=True)

    with pytest.raises(AddressRefused):
        await transport.send(a_guarded("https://api.example.com/v1"), SOON)

    await transport.close()
    assert proxy.requests == []


async def test_proxy_is_given_the_name_where_the_operator_named_it(kind: Kind, proxy: Upstream) -> None:
    transport = kind(trust_env=True, guard=AddressGuard(["api.example.com"]))

    with pytest.raises(LLMError):
        await transport.send(a_guarded("https://api.example.com/v1"), SOON)

    await transport.close()
    assert [asked.target for asked in proxy.requests] == ["api.example.com:443"]


# All the way from a deployment


def a_deployment(base_url: str) -> Deployment:
    return Deployment(
        provider=PROVIDERS["openai"], model="gpt-x", base_url=base_url, api_key=SECRET, is_guarded=True
    )


async def ask(transport: Any, deployment: Deployment) -> list[Attempt]:
    attempts: list[Attempt] = []
    dispatcher = Dispatcher(transport, retry=RetryPolicy(max_retries=2), timeouts=SOON)
    request = CompletionRequest(model="x", messages=(user("Hello"),))
    await dispatcher.complete(request, (deployment,), attempts)
    return attempts


async def test_guarded_deployment_is_refused_once_and_without_a_retry() -> None:
    transport = Http1Transport()

    with pytest.raises(AddressRefused) as raised:
        await ask(transport, a_deployment("http://127.0.0.1:1/v1"))

    await transport.close()
    assert raised.value.provider == "openai"
    assert SECRET not in repr(raised.value)


async def test_guarded_deployment_does_not_reach_the_scripted_provider() -> None:
    transport = SchemeTransport(Http1Transport(), {"mock": ScriptedTransport()})

    with pytest.raises(AddressRefused):
        await ask(transport, a_deployment("mock://scripted/v1"))

    await transport.close()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirect_of_a_guarded_deployment_is_refused(status: int) -> None:
    transport = Http1Transport(guard=AddressGuard(["127.0.0.0/8"]))
    async with (
        Upstream(answer({})) as inside,
        Upstream(answer(b"", status, Location=f"{inside.url}/v1")) as upstream,
    ):
        with pytest.raises(LLMProtocolError, match="redirect"):
            await ask(transport, a_deployment(f"{upstream.url}/v1"))

        assert inside.requests == []
        await transport.close()
