"""An OpenID Connect token says who acts: one that a real provider issued, and every one that must not."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
import traceback

import jwt
import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

import workbench as wb
from workbench.core import oidc, provider_keys
from workbench.core.errors import InvalidInput, Refused, Unavailable, WorkbenchError
from workbench.core.identity import Person, whoami
from workbench.core.settings import load

ISSUER, AUDIENCE, SECRET = "https://id.example.org", "model-workbench", "staff-number-4711"

RSA, OTHER = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2))
P256, P384 = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP384R1())
ED = ed25519.Ed25519PrivateKey.generate()
KEYS = {"rsa": RSA, "p256": P256, "p384": P384, "ed": ED}
FAMILIES = {"rsa": RSAAlgorithm, "p256": ECAlgorithm, "p384": ECAlgorithm, "ed": OKPAlgorithm}


def jwk(kid, **more):
    public = FAMILIES[kid].to_jwk(KEYS[kid].public_key(), as_dict=True)
    return {**public, "kid": kid, **more}


def claims(**changed):
    now = int(time.time())
    told = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": SECRET,
        "iat": now,
        "exp": now + 300,
        "preferred_username": "grace",
        "groups": ["risk-team"],
    }
    return {name: value for name, value in {**told, **changed}.items() if value is not None}


def issued(told=None, *, key=RSA, algorithm="RS256", **header):
    return jwt.encode(told or claims(), key, algorithm=algorithm, headers={"kid": "rsa", **header})


def encoded(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


@pytest.fixture(autouse=True)
def _forget():
    """What one test's provider said is not kept for the next."""
    provider_keys._kept.clear()


@pytest.fixture
def trusting(project, monkeypatch):
    """``trusting(token)`` reads who acts in a project whose provider's keys lie in a file."""
    asked = f'identity = "oidc"\noidc_issuer = "{ISSUER}"\noidc_audience = "{AUDIENCE}"\noidc_jwks = "keys.json"\n'
    root = project(asked)
    (root / "keys.json").write_text(json.dumps({"keys": [jwk(kid) for kid in KEYS]}))

    def read(token, *, keys=None, **changed):
        if keys is not None:
            (root / "keys.json").write_text(json.dumps({"keys": keys}))
        monkeypatch.setenv("WORKBENCH_OIDC_TOKEN", token)
        return whoami(load(root).model_copy(update=changed))

    read.root = root
    return read


# What is believed


@pytest.mark.parametrize(
    ("algorithm", "kid"),
    [
        ("RS256", "rsa"),
        ("RS384", "rsa"),
        ("RS512", "rsa"),
        ("PS256", "rsa"),
        ("ES256", "p256"),
        ("ES384", "p384"),
        ("EdDSA", "ed"),
    ],
)
def test_a_token_in_date_that_the_provider_signed_for_us_names_the_person(trusting, algorithm, kid):
    token = issued(key=KEYS[kid], algorithm=algorithm, kid=kid)
    assert trusting(token) == Person(name="grace", groups=("risk-team",), source="oidc")


def test_a_token_may_be_for_others_too_when_it_was_issued_to_us(trusting):
    assert trusting(issued(claims(aud=[AUDIENCE, "mail"], azp=AUDIENCE))).name == "grace"


def test_clocks_may_differ_a_little(trusting):
    now = int(time.time())
    assert trusting(issued(claims(exp=now - oidc.LEEWAY + 5, iat=now + 5, nbf=now + 5))).name == "grace"


def test_the_claims_are_those_of_the_settings(trusting):
    token = issued(claims(preferred_username=None, upn="ada", teams=["staff"]))
    assert trusting(token, oidc_name_claim="upn", oidc_groups_claim="teams") == Person(
        name="ada", groups=("staff",), source="oidc"
    )


@pytest.mark.parametrize("groups", [None, "risk-team", [7], {"risk-team": True}])
def test_a_token_without_a_list_of_groups_is_no_token_of_somebody_in_none(trusting, groups):
    person = trusting(issued(claims(groups=groups)))
    assert person.groups == ()
    assert "does not tell the groups" in person.note


def test_a_token_that_names_no_key_will_do_where_the_provider_has_one(trusting):
    token = jwt.encode(claims(), RSA, algorithm="RS256")
    assert trusting(token, keys=[jwk("rsa"), jwk("p256", use="enc")]).name == "grace"
    provider_keys._kept.clear()
    with pytest.raises(Refused, match="a key that the provider does not have"):
        trusting(token, keys=[jwk("rsa"), jwk("p256")])


# What is not


def unsigned(algorithm):
    return f"{encoded({'alg': algorithm, 'typ': 'JWT', 'kid': 'rsa'})}.{encoded(claims())}."


def signed_with_the_public_key(form):
    """The public key is known to all; whoever takes it for a shared secret lets all of them sign."""
    public = RSA.public_key()
    secret = {
        "pem": public.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        ),
        "jwk": json.dumps(jwk("rsa")).encode(),
        "modulus": public.public_numbers().n.to_bytes(256),
    }[form]
    text = f"{encoded({'alg': 'HS256', 'typ': 'JWT', 'kid': 'rsa'})}.{encoded(claims())}"
    mac = hmac.new(secret, text.encode(), hashlib.sha256).digest()
    return f"{text}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


def other_payload(**changed):
    header, _, signature = issued().split(".")
    return f"{header}.{encoded(claims(**changed))}.{signature}"


def other_header(**changed):
    _, payload, signature = issued().split(".")
    return f"{encoded({'alg': 'RS256', 'typ': 'JWT', 'kid': 'rsa', **changed})}.{payload}.{signature}"


WEAK = rsa.generate_private_key(public_exponent=65537, key_size=1024)


def attacks():
    """Tokens that must be refused, made anew for each test: they are right in everything else, also in time."""
    now = int(time.time())
    return {
        "alg none": (unsigned("none"), "not signed in a way that can be believed"),
        "alg None": (unsigned("None"), "not signed in a way that can be believed"),
        "alg empty": (unsigned(""), "not signed in a way that can be believed"),
        "alg a list": (unsigned(["RS256"]), "not signed in a way that can be believed"),
        "signature cut off": (issued().rpartition(".")[0] + ".", "not signed in a way that can be believed"),
        "two parts": (issued().rpartition(".")[0], "not signed in a way that can be believed"),
        "padded": (issued() + "==", "not signed in a way that can be believed"),
        "HS256 with the PEM": (signed_with_the_public_key("pem"), "not signed in a way that can be believed"),
        "HS256 with the JWK": (signed_with_the_public_key("jwk"), "not signed in a way that can be believed"),
        "HS256 with the modulus": (
            signed_with_the_public_key("modulus"),
            "not signed in a way that can be believed",
        ),
        "PS384, which nobody asked for": (
            issued(algorithm="PS384"),
            "not signed in a way that can be believed",
        ),
        "another issuer": (issued(claims(iss="https://id.example.org.evil")), "from another issuer"),
        "the issuer with a slash": (issued(claims(iss=ISSUER + "/")), "from another issuer"),
        "no issuer": (issued(claims(iss=None)), "lacks the claim 'iss'"),
        "another audience": (issued(claims(aud="mail")), "for another audience"),
        "no audience": (issued(claims(aud=None)), "lacks the claim 'aud'"),
        "an audience that is no text": (issued(claims(aud={AUDIENCE: 1})), "for another audience"),
        "issued to another client": (issued(claims(aud=[AUDIENCE, "mail"], azp="mail")), "to another client"),
        "expired": (issued(claims(exp=now - 60)), "has run out"),
        "for ever": (issued(claims(exp=None)), "lacks the claim 'exp'"),
        "an expiry that is none": (issued(claims(exp="never")), "no valid JWT"),
        "not yet valid": (issued(claims(nbf=now + 120)), "not valid yet"),
        "issued tomorrow": (issued(claims(iat=now + 86_400)), "not valid yet"),
        "issued at no time": (issued(claims(iat=None)), "lacks the claim 'iat'"),
        "unknown kid": (issued(kid="stranger"), "a key that the provider does not have"),
        "a kid that is a path": (issued(kid="../../keys.json"), "a key that the provider does not have"),
        "no kid among several keys": (issued(kid=""), "a key that the provider does not have"),
        "another's key": (issued(key=OTHER), "not signed by the provider's key"),
        "another's key, brought along": (
            issued(key=OTHER, jwk=RSAAlgorithm.to_jwk(OTHER.public_key(), as_dict=True)),
            "not signed by the provider's key",
        ),
        "another's key, linked": (issued(key=OTHER, jku="https://evil.example.org/jwks"), "not signed by"),
        "a key of another kind": (issued(kid="p256"), "no valid JWT"),
        "a curve for another algorithm": (
            issued(key=P256, algorithm="ES256", kid="p384"),
            "no valid JWT",
        ),
        "a changed payload": (other_payload(preferred_username="ada"), "not signed by the provider's key"),
        "a changed header": (other_header(alg="RS512"), "not signed by the provider's key"),
        "an access token": (issued(typ="at+jwt"), "another type than an ID token"),
        "a logout token": (issued(typ="logout+jwt"), "another type than an ID token"),
        "an unknown critical header": (issued(crit=["strange"], strange=1), "no valid JWT"),
        "a detached payload": (issued(crit=["b64"], b64=False).replace("..", ".e30."), "no valid JWT"),
        "no name": (issued(claims(preferred_username=None)), "has no claim 'preferred_username'"),
        "a name that is no text": (issued(claims(preferred_username=["grace"])), "no name that can be used"),
        "an empty name": (issued(claims(preferred_username="")), "no name that can be used"),
        "a name with a space before it": (
            issued(claims(preferred_username=" grace")),
            "no name that can be used",
        ),
        "a name that turns the line": (
            issued(claims(preferred_username="\u202egrace")),
            "no name that can be used",
        ),
        "nothing": ("", "no token that says who acts"),
        "text": ("grace", "not signed in a way that can be believed"),
        "a payload that is a list": (jwt.api_jws.encode(b"[]", RSA, "RS256", {"kid": "rsa"}), "no valid JWT"),
        "a payload that is nested": (
            jwt.api_jws.encode(b"[" * 20_000, RSA, "RS256", {"kid": "rsa"}),
            "no valid JWT",
        ),
    }


@pytest.mark.parametrize("attack", attacks())
def test_a_token_that_does_not_hold_is_refused_and_nothing_of_it_is_shown(trusting, attack):
    token, why = attacks()[attack]
    with pytest.raises(Refused, match=why) as caught:
        trusting(token)
    shown = "".join(traceback.format_exception(caught.value)) + caught.value.remedy
    assert SECRET not in shown
    assert all(part not in shown for part in token.split(".") if len(part) > 10)


@pytest.mark.parametrize("verified", [None, False, "true", 1])
def test_an_address_that_the_provider_has_not_verified_is_no_name(trusting, verified):
    token = issued(claims(email="grace@example.org", email_verified=verified))
    with pytest.raises(Refused, match="not verified"):
        trusting(token, oidc_name_claim="email")
    token = issued(claims(email="grace@example.org", email_verified=True))
    assert trusting(token, oidc_name_claim="email").name == "grace@example.org"


def test_a_short_key_of_the_provider_is_refused(trusting):
    with pytest.warns(jwt.warnings.InsecureKeyLengthWarning):
        token = issued(key=WEAK)
    weak = {**RSAAlgorithm.to_jwk(WEAK.public_key(), as_dict=True), "kid": "rsa"}
    with pytest.raises(Refused, match="no valid JWT"):
        trusting(token, keys=[weak])


@pytest.mark.parametrize(
    "key",
    [
        jwk("rsa", use="enc"),
        jwk("rsa", alg="RS512"),
        {"kty": "oct", "k": "c2VjcmV0", "kid": "rsa"},
        {"kid": "rsa"},
    ],
    ids=["for encryption", "for another algorithm", "a shared secret", "without a kind"],
)
def test_a_key_that_is_for_something_else_is_not_used(trusting, key):
    with pytest.raises(Refused):
        trusting(issued(), keys=[key])


def test_two_keys_of_one_name_are_none(trusting):
    with pytest.raises(Refused, match="a key that the provider does not have"):
        trusting(issued(), keys=[jwk("rsa"), jwk("rsa")])


TOKEN = issued(claims(exp=int(time.time()) + 86_400))
PLACES = st.integers(0, len(TOKEN) - 1)
ANYTHING = st.characters(min_codepoint=33, max_codepoint=126)


@given(place=PLACES, other=ANYTHING, cut=st.sampled_from([0, 1]))
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_token_with_a_character_changed_or_put_in_is_never_accepted(trusting, place, other, cut):
    mangled = TOKEN[:place] + other + TOKEN[place + cut :]
    if mangled != TOKEN:
        with pytest.raises(Refused):
            trusting(mangled)


@given(start=PLACES, end=PLACES, again=st.booleans())
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_token_with_a_piece_missing_or_repeated_is_never_accepted(trusting, start, end, again):
    start, end = sorted((start, end))
    mangled = TOKEN[:end] + TOKEN[start:] if again else TOKEN[:start] + TOKEN[end:]
    if mangled != TOKEN:
        with pytest.raises(Refused):
            trusting(mangled)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@given(
    header=st.dictionaries(st.sampled_from(["alg", "typ", "kid", "crit", "b64", "jwk"]), JSON, max_size=4),
    payload=st.dictionaries(
        st.sampled_from(["iss", "aud", "exp", "nbf", "iat", "sub", "azp"]), JSON, max_size=5
    ),
)
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_whatever_a_stranger_puts_into_a_token_it_is_refused(trusting, header, payload):
    text = f"{encoded({'alg': 'RS256', 'kid': 'rsa', **header})}.{encoded({**claims(), **payload})}"
    signature = RSAAlgorithm(RSAAlgorithm.SHA256).sign(text.encode(), OTHER)
    with pytest.raises(Refused):
        trusting(f"{text}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}")


@given(
    payload=st.dictionaries(
        st.sampled_from(["iss", "aud", "exp", "nbf", "iat", "azp", "preferred_username"]), JSON, min_size=1
    )
)
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_whatever_the_provider_itself_puts_into_a_token_only_a_sound_one_is_accepted(trusting, payload):
    told = {**claims(), **payload}
    text = f"{encoded({'alg': 'RS256', 'kid': 'rsa'})}.{encoded(told)}"
    signature = RSAAlgorithm(RSAAlgorithm.SHA256).sign(text.encode(), RSA)
    try:
        person = trusting(f"{text}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}")
    except Refused:
        return
    assert told["iss"] == ISSUER
    assert told["aud"] in (AUDIENCE, [AUDIENCE])
    assert person.name == told["preferred_username"]
    assert float(told["exp"]) > time.time() - oidc.LEEWAY
    assert float(told["iat"]) <= time.time() + oidc.LEEWAY


# Where the token lies


def test_a_token_may_lie_in_a_private_file(trusting, monkeypatch):
    file = trusting.root / "token"
    file.touch(mode=0o600)
    file.write_text(issued() + "\n")
    assert trusting("", oidc_token_file="token").name == "grace"


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o622])
def test_a_token_that_others_can_read_is_refused(trusting, mode):
    file = trusting.root / "token"
    file.write_text(issued())
    file.chmod(mode)
    with pytest.raises(Refused, match=rf"Others can read the token in .*token \(mode {mode:o}\)") as caught:
        trusting("", oidc_token_file="token")
    assert caught.value.field == "oidc_token_file"


def test_a_token_file_that_is_not_there_is_said(trusting):
    with pytest.raises(Unavailable, match="cannot be read"):
        trusting("", oidc_token_file="token")


def test_where_a_file_is_named_the_variable_is_not_read(trusting):
    file = trusting.root / "token"
    file.touch(mode=0o600)
    with pytest.raises(Refused, match="no token that says who acts") as caught:
        trusting(issued(), oidc_token_file="token")
    assert "put it into the file token" in caught.value.remedy


@pytest.mark.parametrize("key", ["oidc_issuer", "oidc_audience"])
def test_who_is_believed_must_be_written_down(trusting, key):
    with pytest.raises(InvalidInput, match=key):
        trusting(issued(), **{key: ""})


# Where the keys are


def test_the_discovery_document_says_where_the_keys_are(trusting, loopback):
    where = "/.well-known/openid-configuration"
    loopback.answers[where] = 200, {"issuer": loopback.url, "jwks_uri": f"{loopback.url}/jwks"}
    loopback.answers["/jwks"] = 200, {"keys": [jwk("rsa")]}
    token = issued(claims(iss=loopback.url))
    for _ in range(3):
        assert trusting(token, oidc_issuer=loopback.url, oidc_jwks="").name == "grace"
    assert loopback.count(where) == loopback.count("/jwks") == 1
    assert all(not token for _, token in loopback.asked)


@pytest.mark.parametrize(
    ("document", "why"),
    [
        ({"issuer": ISSUER, "jwks_uri": "{url}/jwks"}, "calls itself by another name"),
        ({"issuer": "{url}/", "jwks_uri": "{url}/jwks"}, "calls itself by another name"),
        ({"issuer": "{url}", "jwks_uri": "http://keys.example.org/jwks"}, "is no https address"),
        ({"issuer": "{url}", "jwks_uri": "http://127.0.0.1.example.org/jwks"}, "is no https address"),
        ({"issuer": "{url}", "jwks_uri": "http://localhost@example.org/jwks"}, "is no https address"),
        ({"issuer": "{url}", "jwks_uri": "file:///etc/passwd"}, "is no https address"),
        ({"issuer": "{url}"}, "is no https address"),
    ],
)
def test_a_provider_that_says_something_else_is_not_believed(trusting, loopback, document, why):
    said = {key: value.format(url=loopback.url) for key, value in document.items()}
    loopback.answers["/.well-known/openid-configuration"] = 200, said
    loopback.answers["/jwks"] = 200, {"keys": [jwk("rsa")]}
    with pytest.raises((Refused, InvalidInput), match=why):
        trusting(issued(claims(iss=loopback.url)), oidc_issuer=loopback.url, oidc_jwks="")


@pytest.mark.parametrize(
    "issuer", ["http://id.example.org", "ftp://127.0.0.1", "id.example.org", "http://[", "https://"]
)
def test_an_issuer_that_is_not_asked_over_https_is_refused(trusting, issuer):
    with pytest.raises(InvalidInput, match="is no https address"):
        trusting(issued(claims(iss=issuer)), oidc_issuer=issuer, oidc_jwks="")


@pytest.mark.parametrize(
    "answer",
    [(200, {"keys": {}}), (200, []), (200, b"no JSON"), (500, {}), (302, {}, ("Location", "/moved"))],
    ids=["keys are no list", "a list", "text", "fault", "elsewhere"],
)
def test_a_provider_without_keys_is_unavailable(trusting, loopback, answer):
    loopback.answers["/jwks"] = answer
    loopback.answers["/moved"] = 200, {"keys": [jwk("rsa")]}
    with pytest.raises(Unavailable):
        trusting(issued(), oidc_jwks=f"{loopback.url}/jwks")


def test_a_provider_that_does_not_answer_is_unavailable(trusting):
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:1 does not answer"):
        trusting(issued(), oidc_jwks="http://127.0.0.1:1/jwks")


@pytest.mark.parametrize("text", [None, "no JSON", "[]", "[" * 20_000])
def test_a_file_without_keys_is_said(trusting, text):
    (trusting.root / "keys.json").unlink()
    if text:
        (trusting.root / "keys.json").write_text(text)
    with pytest.raises(Unavailable, match=r"keys\.json"):
        trusting(issued())


def test_a_key_that_the_provider_has_changed_is_asked_for_once(trusting, loopback):
    where = f"{loopback.url}/jwks"
    loopback.answers["/jwks"] = 200, {"keys": [jwk("p256")]}
    assert trusting(issued(key=P256, algorithm="ES256", kid="p256"), oidc_jwks=where).name == "grace"
    loopback.answers["/jwks"] = 200, {"keys": [jwk("rsa")]}
    assert trusting(issued(), oidc_jwks=where).name == "grace"
    assert loopback.count("/jwks") == 2
    with pytest.raises(Refused):
        trusting(issued(key=OTHER, kid="stranger"), oidc_jwks=where)
    assert loopback.count("/jwks") == 3


def test_a_key_that_the_provider_has_withdrawn_is_not_believed_for_ever(trusting, loopback, monkeypatch):
    where = f"{loopback.url}/jwks"
    loopback.answers["/jwks"] = 200, {"keys": [jwk("rsa")]}
    assert trusting(issued(), oidc_jwks=where).name == "grace"
    loopback.answers["/jwks"] = 200, {"keys": [jwk("p256")]}
    assert trusting(issued(), oidc_jwks=where).name == "grace"
    monkeypatch.setattr(provider_keys, "_KEPT", 0.0)
    with pytest.raises(Refused):
        trusting(issued(), oidc_jwks=where)


# A real provider


def test_a_token_of_a_real_provider_names_the_person(provider, project, monkeypatch):
    """The authorization code flow as a browser and a client walk it, then the token that comes out."""
    back = "http://localhost/back"
    asked = {"client_id": AUDIENCE, "redirect_uri": back, "response_type": "code", "scope": "openid profile"}
    page = requests.post(
        f"{provider}/oauth2/authorize", params=asked, data={"sub": "u-1"}, allow_redirects=False, timeout=10
    )
    code = page.headers["Location"].partition("code=")[2].partition("&")[0]
    given = requests.post(
        f"{provider}/oauth2/token",
        data={"grant_type": "authorization_code", "code": code, "redirect_uri": back},
        auth=(AUDIENCE, "a secret"),
        timeout=10,
    ).json()
    settings = f'identity = "oidc"\noidc_issuer = "{provider}"\noidc_audience = "{AUDIENCE}"\n'
    root = project(settings + '[roles]\nmodel-risk = ["risk-team"]\n')
    monkeypatch.setenv("WORKBENCH_OIDC_TOKEN", given["id_token"])
    found = wb.open(root).whoami()
    assert (found.name, found.groups, found.source) == ("grace", ("risk-team",), "oidc")
    assert [role.by for role in found.roles] == ["oidc group risk-team"]
    assert wb.open(root).settings.actor == "grace"
    monkeypatch.setenv("WORKBENCH_OIDC_TOKEN", given["access_token"])
    with pytest.raises(WorkbenchError):
        wb.open(root).whoami()
