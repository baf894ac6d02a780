"""Which addresses of others are called: tables of URLs and addresses, and a sender that is told lies by names."""

import asyncio
import datetime as dt
import ssl
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from app.notify.errors import DestinationRefused, NoAnswer
from app.notify.guard import is_public, read_allowed, read_destination, require_public
from app.notify.outside import GuardedSender
from tests.factories.sink import LOOPBACK, Reply, a_sender, a_sink


@pytest.mark.parametrize(
    ("url", "called"),
    [
        ("https://farm.example/hooks", ("https", "farm.example", 443, "/hooks")),
        ("https://farm.example", ("https", "farm.example", 443, "/")),
        ("HTTPS://Farm.Example./a?b=c", ("https", "farm.example", 443, "/a?b=c")),
        ("https://farm.example:8443/a", ("https", "farm.example", 8443, "/a")),
        ("https://xn--fiq228c.example/%E5", ("https", "xn--fiq228c.example", 443, "/%E5")),
        ("https://93.184.216.34/a", ("https", "93.184.216.34", 443, "/a")),
        ("https://[2606:2800:220:1:248:1893:25c8:1946]/a", ("https", "2606:2800:220:1:248:1893:25c8:1946", 443, "/a")),
    ],
)
def test_public_https_is_called(url, called):
    to = read_destination(url)
    assert (to.scheme, to.host, to.port, to.target) == called


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://farm.example/hooks", "https"),
        ("ftp://farm.example/", "https"),
        ("file:///etc/passwd", "https"),
        ("gopher://farm.example:70/_x", "https"),
        ("//farm.example/", "https"),
        ("farm.example/hooks", "https"),
        ("https:///hooks", "https"),
        ("https://farm.example:22/", "ports"),
        ("https://farm.example:80/", "ports"),
        ("https://farm.example:6379/", "ports"),
        ("https://farm.example:99999/", "URL"),
        ("https://farm.example:x/", "URL"),
        ("https://me@farm.example/", "password"),
        ("https://me:word@farm.example/", "password"),
        ("https://93.184.216.34@10.0.0.1/", "password"),
        ("https://@farm.example/", "password"),
        ("https://farm.example/#@10.0.0.1/", "fragment"),
        ("https://farm.example\\@10.0.0.1/", "URL"),
        ("https://farm.example/a b", "URL"),
        ("https://farm.example/\r\nx: y", "URL"),
        ("https://农场.example/", "URL"),
        ("https://farm%2eexample/", "URL"),
        ("https://-farm.example/", "URL"),
        ("https://[::1/", "URL"),
        ("https://" + "a" * 500 + ".example/", "URL"),
        ("https://127.0.0.1/", "public"),
        ("https://10.1.2.3/", "public"),
        ("https://169.254.169.254/latest/meta-data/", "public"),
        ("https://[::1]/", "public"),
        ("https://[::ffff:10.0.0.1]/", "public"),
        ("https://[fe80::1%25eth0]/", "public"),
    ],
)
def test_what_is_never_called_is_refused_when_it_is_given(url, why):
    with pytest.raises(DestinationRefused, match=why):
        read_destination(url)


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.1",
        "100.64.0.1",
        "100.100.100.200",
        "127.0.0.1",
        "127.255.255.254",
        "168.63.129.16",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.1",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::10.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "::ffff:0:10.0.0.1",
        "64:ff9b::10.0.0.1",
        "64:ff9b::127.0.0.1",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:db8::1",
        "2002:0a00:0001::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fec0::1",
        "ff02::1",
    ],
)
def test_address_that_is_not_the_publics_is_refused(address):
    assert not is_public(ip_address(address))
    with pytest.raises(DestinationRefused):
        require_public([ip_address("93.184.216.34"), ip_address(address)])


@pytest.mark.parametrize(
    "address", ["93.184.216.34", "8.8.8.8", "2606:2800:220:1::1", "::ffff:93.184.216.34", "64:ff9b::93.184.216.34"]
)
def test_address_of_the_public_is_called(address):
    require_public([ip_address(address)])


def test_name_without_any_address_is_refused():
    with pytest.raises(DestinationRefused):
        require_public([])


def test_what_the_allow_list_has_is_called_at_any_port_and_without_tls():
    allowed = read_allowed(["hooks.farm.internal", "10.0.0.0/8", "::1"])
    for url in ("http://hooks.farm.internal:9000/a", "http://10.9.8.7:81/", "https://[::1]:4/"):
        read_destination(url, allowed)
    require_public([ip_address("10.1.2.3"), ip_address("::ffff:10.1.2.3")], allowed)
    for url in ("http://other.internal/", "http://11.0.0.1/", "https://192.168.0.1/"):
        with pytest.raises(DestinationRefused):
            read_destination(url, allowed)


@pytest.mark.parametrize("entry", ["http://x", "10.0.0.1/8", "a b", "", "/etc"])
def test_allow_list_that_cannot_be_read_is_refused(entry):
    with pytest.raises(ValueError, match="names, addresses and networks"):
        read_allowed([entry])


class Liar:
    """A name that means something else each time it is asked for."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers, self.asked = list(answers), 0

    async def __call__(self, host, port):
        self.asked += 1
        return [ip_address(each) for each in self.answers[min(self.asked, len(self.answers)) - 1]]


async def test_sender_posts_what_it_is_given_and_tells_the_answer():
    async with a_sink() as sink, a_sender() as sender:
        sink.reply = Reply(202, {"retry-after": "7"}, b"taken")
        answer = await sender.send(sink.url, b'{"a":1}', {"content-type": "application/json"})
        assert (answer.status, answer.body, answer.retry_after, answer.is_good) == (202, b"taken", "7", True)
        (got,) = sink.received
        assert (got.method, got.target, got.body) == ("POST", "/hooks?of=village", b'{"a":1}')
        assert got.headers["host"] == f"127.0.0.1:{sink.port}"
        assert got.headers["content-type"] == "application/json"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirect_is_an_answer_and_not_followed(status):
    async with a_sink() as sink, a_sender() as sender:
        sink.reply = Reply(status, {"location": f"http://127.0.0.1:{sink.port}/other"})
        answer = await sender.send(sink.url, b"{}", {})
        assert (answer.status, answer.is_good, len(sink.received)) == (status, False, 1)


@pytest.mark.parametrize("meant", ["127.0.0.1", "::ffff:127.0.0.1", "169.254.169.254"])
async def test_name_that_means_one_of_our_own_is_not_called(meant):
    async with a_sink() as sink:
        sender = GuardedSender(resolver=Liar(["93.184.216.34", meant]))
        with pytest.raises(DestinationRefused):
            await sender.send(f"https://farm.example:8443/{sink.port}", b"{}", {})
        assert sink.received == []
        await sender.close()


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "127.1", "0177.0.0.1", "localhost"])
async def test_spellings_of_loopback_are_not_called(host):
    """The real resolver reads some of them as 127.0.0.1, and knows no others."""
    sender = GuardedSender()
    with pytest.raises((DestinationRefused, NoAnswer)) as refused:
        await sender.send(f"https://{host}/", b"{}", {})
    assert isinstance(refused.value, DestinationRefused) or "not known" in str(refused.value)
    await sender.close()


async def test_connection_goes_to_the_address_that_was_checked():
    """DNS rebinding: the second answer, and every later one, is another; only the first is ever asked for and used."""
    liar = Liar(["127.0.0.1"], ["10.255.255.1"])
    async with a_sink() as sink:
        sender = GuardedSender(read_allowed(["farm.example"]), resolver=liar)
        answer = await sender.send(f"http://farm.example:{sink.port}/a", b"{}", {})
        assert (answer.status, liar.asked) == (204, 1)
        assert sink.received[0].headers["host"] == f"farm.example:{sink.port}"
        await sender.close()


async def test_network_on_the_allow_list_opens_its_addresses_and_no_others():
    async with a_sink() as sink:
        sender = GuardedSender(LOOPBACK, resolver=Liar(["127.0.0.1"]), timeout_s=1)
        # The name itself is not listed, so that it has to be https at a port of the public.
        with pytest.raises(DestinationRefused):
            await sender.send(f"http://farm.example:{sink.port}/", b"{}", {})
        with pytest.raises(NoAnswer):
            await sender.send("https://farm.example:8443/", b"{}", {})
        await sender.close()


async def test_next_address_is_tried_when_the_first_takes_no_connection():
    async with a_sink() as sink:
        # Nobody listens at ::1 with this port.
        sender = GuardedSender(read_allowed(["farm.example"]), resolver=Liar(["::1", "127.0.0.1"]))
        assert (await sender.send(f"http://farm.example:{sink.port}/", b"{}", {})).status == 204
        await sender.close()


@pytest.mark.parametrize(
    "reply",
    [Reply(wait_s=5), Reply(200, drip_s=0.05), Reply(hang_up=True), Reply(raw=b"HTTP/9 nonsense\r\n\r\n")],
    ids=["slow", "endless", "hangs up", "nonsense"],
)
async def test_server_that_gives_no_answer_in_time_gives_none(reply):
    async with a_sink() as sink, a_sender(timeout_s=0.4) as sender:
        sink.reply = reply
        before = asyncio.get_running_loop().time()
        with pytest.raises(NoAnswer):
            await sender.send(sink.url, b"{}", {})
        assert asyncio.get_running_loop().time() - before < 3


async def test_server_that_is_not_there_gives_no_answer():
    async with a_sender() as sender:
        with pytest.raises(NoAnswer, match="refused"):
            await sender.send("http://127.0.0.1:9/", b"{}", {})


async def test_only_the_beginning_of_an_answer_is_read():
    async with a_sink() as sink, a_sender() as sender:
        sink.reply = Reply(200, {"content-length": str(10**9)}, b"y" * 500_000)
        answer = await sender.send(sink.url, b"{}", {}, answer_bytes_max=1_000)
        assert answer.body == b"y" * 1_000


async def test_compressed_answer_is_not_unpacked():
    async with a_sink() as sink, a_sender() as sender:
        sink.reply = Reply(200, {"content-encoding": "gzip"}, b"\x1f\x8bnot really")
        assert (await sender.send(sink.url, b"{}", {})).body == b"\x1f\x8bnot really"


async def test_proxy_of_the_environment_is_not_used(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    async with a_sink() as sink, a_sender() as sender:
        assert (await sender.send(sink.url, b"{}", {})).status == 204


def a_certificate(folder, name):
    """A certificate for this name, signed by itself: contexts of a server that has it and of a client that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    named = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(named)
        .issuer_name(named)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    written = folder / f"{name}.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = certificate.public_bytes(serialization.Encoding.PEM)
    written.write_bytes(private + public)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(written)
    return server, ssl.create_default_context(cadata=public.decode())


@pytest.mark.parametrize(("called", "is_good"), [("farm.example", True), ("other.example", False)])
async def test_tls_is_verified_for_the_name_though_the_address_is_called(tmp_path, called, is_good):
    server_side, client_side = a_certificate(tmp_path, "farm.example")
    heard = []

    async def serve(reader, writer):
        heard.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=server_side)
    port = server.sockets[0].getsockname()[1]
    sender = GuardedSender(read_allowed([called]), resolver=Liar(["127.0.0.1"]), trust=client_side)
    url = f"https://{called}:{port}/"
    if is_good:
        assert (await sender.send(url, b"", {})).status == 204
    else:
        with pytest.raises(NoAnswer, match="certificate"):
            await sender.send(url, b"", {})
        assert heard == []
    await sender.close()
    server.close()
