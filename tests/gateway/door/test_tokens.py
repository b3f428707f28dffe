"""Tokens at a real gateway: of a real provider, and every one that must not open it."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import time
from types import SimpleNamespace

import jwt
import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from workbench.core.settings import load
from workbench.gateway.door.authentication import Authentication
from workbench.gateway.door.callers import Caller
from workbench.gateway.door.credentials import Heads
from workbench.gateway.door.tokens import Tokens
from workbench.gateway.problems import Problem

ISSUER, AUDIENCE = "https://id.example.org", "model-workbench"
KEY, OTHER = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2))


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def issued(key=KEY, algorithm="RS256", typ="at+jwt", **changed):
    now = int(time.time())
    told = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "service-1",
        "azp": "another-client",
        "iat": now,
        "exp": now + 300,
        "scope": "openid gateway:infer",
    }
    claims = {name: value for name, value in {**told, **changed}.items() if value is not None}
    return jwt.encode(claims, key, algorithm=algorithm, headers={"kid": "a", "typ": typ})


@pytest.fixture(scope="module")
def keys_file(tmp_path_factory):
    file = tmp_path_factory.mktemp("keys") / "keys.json"
    public = RSAAlgorithm.to_jwk(KEY.public_key(), as_dict=True)
    file.write_text(json.dumps({"keys": [{**public, "kid": "a"}]}))
    return file


@pytest.fixture(scope="module")
def gateway(gateways, routes, keys_file):
    settings = {
        "gateway_auth": "both",
        "oidc_issuer": ISSUER,
        "oidc_audience": AUDIENCE,
        "oidc_jwks": str(keys_file),
    }
    return gateways(champion=routes.champion, settings=settings)


@pytest.fixture(scope="module")
def provider(tmp_path_factory):
    """A real OpenID Connect provider that knows a service with a scope of ours."""
    port = free_port()
    service = {"sub": "u-1", "permissions": ["gateway:infer", "gateway:admin"]}
    command = [sys.executable, "-m", "oidc_provider_mock", "-p", str(port), "-H", "localhost"]
    with (tmp_path_factory.mktemp("provider") / "log").open("wb") as log:
        process = subprocess.Popen([*command, "--user-claims", json.dumps(service)], stdout=log, stderr=log)
        url, end = f"http://localhost:{port}", time.monotonic() + 60
        try:
            while True:
                try:
                    requests.get(f"{url}/jwks", timeout=5)
                    break
                except requests.ConnectionError:
                    assert time.monotonic() < end
                    assert process.poll() is None
                    time.sleep(0.1)
            yield url
        finally:
            process.kill()
            process.wait()


def of_provider(url):
    """The authorization code flow, and the token that comes out."""
    back = "http://localhost/back"
    asked = {"client_id": AUDIENCE, "redirect_uri": back, "response_type": "code", "scope": "openid profile"}
    page = requests.post(
        f"{url}/oauth2/authorize", params=asked, data={"sub": "u-1"}, allow_redirects=False, timeout=10
    )
    code = page.headers["Location"].partition("code=")[2].partition("&")[0]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": back}
    given = requests.post(f"{url}/oauth2/token", data=form, auth=(AUDIENCE, "a secret"), timeout=10)
    return given.json()["id_token"]


def test_a_token_of_a_real_provider_opens_it_for_the_scopes_in_its_claim(gateways, routes, provider, ask):
    gateway = gateways(
        champion=routes.champion,
        settings={
            "gateway_auth": "oidc",
            "oidc_issuer": provider,
            "oidc_audience": AUDIENCE,
            "gateway_scopes_claim": "permissions",
        },
    )
    token = of_provider(provider)
    assert ask(gateway, token)[0] == 200
    assert gateway.request("GET", "/metrics", headers={"Authorization": f"Bearer {token}"})[0] == 403
    assert ask(gateway, token[:-4] + "AAAA")[0] == 401
    assert ask(gateway)[0] == 401


def test_tokens_and_keys_open_the_same_gateway(gateway, new_key, ask):
    assert ask(gateway, issued())[0] == 200
    assert ask(gateway, issued(typ="JWT"))[0] == 200
    assert ask(gateway, new_key(gateway, "infer"))[0] == 200
    document = gateway.request("GET", "/openapi.json", headers={"X-Api-Key": issued()})[2]
    assert set(document["components"]["securitySchemes"]) == {"key", "token"}


@pytest.mark.parametrize(
    ("claim", "status"),
    [
        ("gateway:infer", 200),
        (["gateway:infer"], 200),
        ("gateway:metrics gateway:infer", 200),
        ("infer", 403),
        ("gateway:inference", 403),
        ("admin", 403),
        ("", 403),
        (None, 403),
        (7, 403),
        ({"gateway:infer": True}, 403),
    ],
)
def test_only_scopes_of_the_gateway_count(gateway, ask, claim, status):
    assert ask(gateway, issued(scope=claim))[0] == status


@pytest.mark.parametrize(
    "token",
    [
        lambda: issued(key=OTHER),
        lambda: issued(iss="https://id.example.org.evil"),
        lambda: issued(aud="mail"),
        lambda: issued(exp=int(time.time()) - 60),
        lambda: issued(exp=None),
        lambda: issued(nbf=int(time.time()) + 600),
        lambda: issued(typ="logout+jwt"),
        lambda: issued(sub=None),
        lambda: issued(sub=""),
        lambda: jwt.encode(jwt.decode(issued(), options={"verify_signature": False}), None, algorithm="none"),
        lambda: issued(key="x" * 64, algorithm="HS256"),
        lambda: issued() + "=",
        lambda: "..",
        lambda: "x",
    ],
)
def test_a_token_that_does_not_hold_is_refused(gateway, ask, token):
    status, headers, body = ask(gateway, token(), X_Forwarded_For="10.0.0.9")
    assert status == 401
    assert headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    assert "WORKBENCH" not in body["error"]


def test_a_token_ends(gateway, ask):
    token = issued(exp=int(time.time()) - 27)  # clocks may differ by 30 s
    assert ask(gateway, token)[0] == 200
    time.sleep(3.5)
    assert ask(gateway, token)[0] == 401


# The cache


@pytest.fixture
def tokens(tmp_path, keys_file):
    return Tokens(load(tmp_path, oidc_issuer=ISSUER, oidc_audience=AUDIENCE, oidc_jwks=str(keys_file)))


def test_what_was_found_out_is_kept_until_the_token_ends(tokens):
    token = issued(exp=int(time.time()) + 2)
    found = asyncio.run(tokens.find(token))
    assert tokens.known(token) is found
    assert tokens.known(issued(sub="somebody else")) is None
    time.sleep(2.1)
    assert tokens.known(token) is None


def test_many_tokens_do_not_fill_the_memory(tokens):
    caller = Caller("token a", "a", frozenset(), time.time() + 300)
    for n in range(10_000):
        tokens._known[n.to_bytes(32)] = caller
    assert len(tokens._known) == 4096


def test_a_provider_that_does_not_answer_is_503_and_no_failed_attempt(tmp_path):
    settings = load(tmp_path, oidc_issuer=f"http://127.0.0.1:{free_port()}", oidc_audience=AUDIENCE)
    authentication = Authentication(
        keys=None, tokens=Tokens(settings), anybody=Caller("anybody", "", frozenset())
    )
    counted = SimpleNamespace(n=0)
    authentication._attempts.failed = lambda _: setattr(counted, "n", counted.n + 1)
    token = issued(iss=settings.oidc_issuer)
    with pytest.raises(Problem) as refused:
        asyncio.run(authentication.caller(Heads("localhost", None, f"Bearer {token}", None), "127.0.0.1"))
    assert (refused.value.status, refused.value.retry_after, counted.n) == (503, 5, 0)
