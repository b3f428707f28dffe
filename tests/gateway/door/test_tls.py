"""TLS by the gateway itself: real handshakes, with certificates made for the test."""

from __future__ import annotations

import contextlib
import datetime as dt
import http.client
import ipaddress
import ssl
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from workbench.core.errors import InvalidInput, Refused, Unavailable
from workbench.core.settings import load
from workbench.gateway.door.tls import Tls, context_of
from workbench.testing.traffic import send
from workbench.traffic.load import send_load


class Authority:
    """Signs certificates, and writes everything into a folder in PEM."""

    def __init__(self, folder) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "An authority")])
        self.certificate = self._write("ca", self._signed(self._name, self._key, ca=True))

    def issue(self, name, usage):
        """Return the files with a certificate and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        file = self._folder / f"{name}.key"
        file.touch(mode=0o600)
        file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return self._write(name, self._signed(subject, key, usage=usage)), file

    def _signed(self, subject, key, *, ca=False, usage=None):
        now = dt.datetime.now(dt.UTC)
        me = x509.SubjectKeyIdentifier.from_public_key(self._key.public_key())
        made = (
            x509.CertificateBuilder(self._name, subject, key.public_key(), x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(minutes=5))
            .not_valid_after(now + dt.timedelta(hours=1))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(
                x509.SubjectAlternativeName(
                    [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
                ),
                critical=False,
            )
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        )
        if usage:
            made = made.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            made = made.add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(me), critical=False
            )
        else:
            allowed = dict.fromkeys(
                (
                    "digital_signature",
                    "content_commitment",
                    "key_encipherment",
                    "data_encipherment",
                    "key_agreement",
                    "encipher_only",
                    "decipher_only",
                ),
                False,
            )
            made = made.add_extension(
                x509.KeyUsage(**allowed, key_cert_sign=True, crl_sign=True), critical=True
            )
        return made.sign(self._key, hashes.SHA256())

    def _write(self, name, certificate):
        file = self._folder / f"{name}.pem"
        file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        return file


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def served(authority):
    """Settings with a certificate and key for this machine."""
    certificate, key = authority.issue("gateway", ExtendedKeyUsageOID.SERVER_AUTH)
    return {"gateway_tls_cert": str(certificate), "gateway_tls_key": str(key)}


@pytest.fixture(scope="module")
def gateway(gateways, routes, served):
    return gateways(champion=routes.champion, settings=served)


@pytest.fixture(scope="module")
def mutual(gateways, routes, served, authority):
    return gateways(
        champion=routes.champion, settings={**served, "gateway_tls_client_ca": str(authority.certificate)}
    )


def get(gateway, context, path="/v2"):
    parts = urlsplit(gateway.url)
    connection = http.client.HTTPSConnection(parts.hostname, parts.port, timeout=20, context=context)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        return answer
    finally:
        connection.close()


def test_it_answers_over_tls_and_says_so_in_its_status(gateway, authority):
    assert gateway.status.url == gateway.url
    assert gateway.url.startswith("https://127.0.0.1:")
    assert f"on {gateway.url}" in gateway.output
    answer = get(gateway, ssl.create_default_context(cafile=authority.certificate))
    assert answer.status == 200
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"


def test_who_does_not_know_the_authority_does_not_trust_it(gateway):
    with pytest.raises(ssl.SSLCertVerificationError):
        get(gateway, ssl.create_default_context())


def test_without_tls_or_with_an_old_one_nothing_is_answered(gateway, authority):
    parts = urlsplit(gateway.url)
    plain = http.client.HTTPConnection(parts.hostname, parts.port, timeout=20)
    plain.request("GET", "/ping")
    with pytest.raises((http.client.HTTPException, OSError)):
        plain.getresponse()
    plain.close()
    old = ssl.create_default_context(cafile=authority.certificate)
    with pytest.warns(DeprecationWarning, match=r"TLSVersion\.TLSv1_1 is deprecated"):
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(OSError):
        get(gateway, old)


def test_rows_are_sent_to_it_as_to_any_other(gateway, authority, monkeypatch):
    with pytest.raises(Unavailable, match=r"certificate.*SSL_CERT_FILE"):
        send_load(gateway.url, "tiny", [{"x1": 1.0}], rate=5, seconds=1)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.certificate))
    assert send(gateway.url, "tiny", [{"x1": 1.0}] * 5).failed == 0
    assert send_load(gateway.url, "tiny", [{"x1": 1.0}], rate=5, seconds=1).answered == 5


def test_with_an_authority_for_clients_only_those_it_has_signed_are_answered(mutual, authority):
    context = ssl.create_default_context(cafile=authority.certificate)
    with pytest.raises(OSError):  # of TLS 1.3 the client learns of it when it reads
        get(mutual, context)
    context.load_cert_chain(*authority.issue("client", ExtendedKeyUsageOID.CLIENT_AUTH))
    assert get(mutual, context).status == 200


# A certificate that is renewed


def serial(tls, authority):
    """The serial number that a client is shown, in a handshake in memory."""
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    trusting = ssl.create_default_context(cafile=authority.certificate)
    client = trusting.wrap_bio(to_client, to_server, server_hostname="localhost")
    server = tls.context.wrap_bio(to_server, to_client, server_side=True)
    for side in (client, server, client, server):
        with contextlib.suppress(ssl.SSLWantReadError):
            side.do_handshake()
    return client.getpeercert()["serialNumber"]


@pytest.fixture
def renewed(tmp_path, authority):
    """``renewed("gateway_tls_cert")`` puts a newly issued file in the place of one that is named so."""
    names = {"gateway_tls_cert": "here.pem", "gateway_tls_key": "here.key"}

    def put(**sources):
        for key, source in sources.items():
            fresh = tmp_path / "fresh"
            fresh.touch(mode=0o600)
            fresh.write_bytes(Path(source).read_bytes())
            fresh.replace(tmp_path / names[key])
        return names

    return put


def test_a_renewed_certificate_is_shown_to_new_connections(tmp_path, renewed, served, authority):
    tls = Tls.of(load(tmp_path, **renewed(**served)))
    before = serial(tls, authority)
    certificate, key = authority.issue("renewed", ExtendedKeyUsageOID.SERVER_AUTH)
    renewed(gateway_tls_cert=certificate)  # its key is still to come
    tls.renew()
    assert serial(tls, authority) == before
    renewed(gateway_tls_key=key)
    tls.renew()
    assert serial(
        tls, authority
    ) == f"{x509.load_pem_x509_certificate(certificate.read_bytes()).serial_number:X}".zfill(len(before))


def test_a_running_gateway_takes_a_renewed_certificate(
    gateways, routes, tmp_path, renewed, served, authority, wait_until
):
    named = {key: str(tmp_path / name) for key, name in renewed(**served).items()}
    gateway = gateways(champion=routes.champion, settings=named)
    context = ssl.create_default_context(cafile=authority.certificate)
    certificate, key = authority.issue("renewed-too", ExtendedKeyUsageOID.SERVER_AUTH)
    assert get(gateway, context).status == 200
    renewed(gateway_tls_cert=certificate, gateway_tls_key=key)

    def shown():
        parts = urlsplit(gateway.url)
        return ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate((parts.hostname, parts.port)))

    fresh = ssl.PEM_cert_to_DER_cert(certificate.read_text())
    wait_until(lambda: shown() == fresh)
    assert get(gateway, context).status == 200


# What cannot be used


@pytest.fixture
def made(tmp_path, served):
    """``made(gateway_tls_key="x")`` makes the context of such a project."""

    def make(**changed):
        return context_of(load(tmp_path, **{**served, **changed}))

    return make


def test_a_key_that_everybody_can_read_is_refused(made, tmp_path, served):
    copy = tmp_path / "open.key"
    copy.write_bytes(Path(served["gateway_tls_key"]).read_bytes())
    copy.chmod(0o644)
    with pytest.raises(Refused, match=r"Everybody on this machine can read the key .*644"):
        made(gateway_tls_key="open.key")
    copy.chmod(0o640)
    assert made(gateway_tls_key="open.key") is not None


def test_a_certificate_without_its_key_is_refused(made, authority):
    with pytest.raises(InvalidInput, match="gateway_tls_key: it is empty"):
        made(gateway_tls_key="")
    other = authority.issue("other", ExtendedKeyUsageOID.SERVER_AUTH)[1]
    with pytest.raises(InvalidInput, match="is no key"):
        made(gateway_tls_key=str(other))
    with pytest.raises(InvalidInput, match="there is no file"):
        made(gateway_tls_cert="nowhere.pem")


def test_a_key_with_a_password_is_refused_instead_of_asked_for(made, tmp_path):
    locked = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"secret"),
    )
    (tmp_path / "locked.key").touch(mode=0o600)
    (tmp_path / "locked.key").write_bytes(locked)
    with pytest.raises(InvalidInput, match="without a password"):
        made(gateway_tls_key="locked.key")


def test_an_authority_for_clients_needs_tls_and_certificates(made, tmp_path):
    (tmp_path / "empty.pem").write_text("")
    with pytest.raises(InvalidInput, match="has no certificates"):
        made(gateway_tls_client_ca="empty.pem")
    with pytest.raises(InvalidInput, match="over TLS only"):
        made(gateway_tls_cert="", gateway_tls_key="", gateway_tls_client_ca="empty.pem")


def test_without_a_certificate_there_is_no_tls(made):
    assert made(gateway_tls_cert="", gateway_tls_key="") is None
