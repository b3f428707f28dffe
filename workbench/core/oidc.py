"""An OpenID Connect token says who acts: a JWT that the provider signed for this project, still in date.

Checked as OpenID Connect Core 1.0, section 3.1.3.7, and RFC 8725 ask. Of what a token holds, only the name is
ever shown.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from workbench.core import tokens
from workbench.core.errors import InvalidInput, Refused
from workbench.core.identity import Person, require_name
from workbench.core.provider_keys import signing_key
from workbench.core.settings import Settings

if TYPE_CHECKING:
    from jwt import PyJWTError

#: Signatures with a private key alone. ``none`` and the HS family would let whoever has the public key sign.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA")
#: Seconds by which two clocks may differ.
LEEWAY = 30

# Base64url in one spelling: no padding, no line ends.
_FORM = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")


def whoami(settings: Settings) -> Person:
    """Return the person that this process's token names, with their groups.

    Raises:
        InvalidInput: ``oidc_issuer`` or ``oidc_audience`` is missing, or an address is not https.
        Refused: there is no token, or it does not hold; the remedy says how to get one.
        Unavailable: the provider does not answer.
    """
    for key in ("oidc_issuer", "oidc_audience"):
        if not getattr(settings, key):
            raise InvalidInput(
                f"{key}: it is empty, and identity is oidc.",
                remedy="Write it into workbench.toml.",
                field=key,
            )
    token = tokens.of_oidc(settings)
    if not token:
        raise _refused("There is no token that says who acts", settings)
    claims = _verified(token, settings)
    groups = claims.get(settings.oidc_groups_claim)
    known = isinstance(groups, list) and all(isinstance(group, str) for group in groups)
    return Person(
        name=_name(claims, settings),
        groups=tuple(groups) if known and groups else (),
        source="oidc",
        note=""
        if known
        else f"the token does not tell the groups: it has no list {settings.oidc_groups_claim!r}",
    )


def bearer_claims(token: str, settings: Settings) -> dict[str, Any]:
    """Return the claims of a token that somebody shows to a service of this project: what its holder may do.

    It may be an access token (RFC 9068), and was given to whichever client its holder uses; in all else it is
    held to what ``whoami`` asks.

    Raises:
        Refused: it does not hold.
        Unavailable: the provider does not answer.
    """
    return _signed(token, settings, types=("JWT", "at+jwt"))


def _verified(token: str, settings: Settings) -> dict[str, Any]:
    """Return the claims of an ID token that holds, and was given to this project."""
    claims = _signed(token, settings, types=("JWT",))
    if claims.get("azp", settings.oidc_audience) != settings.oidc_audience:
        raise _refused("The token was issued to another client than oidc_audience", settings)
    return claims


def _signed(token: str, settings: Settings, *, types: tuple[str, ...]) -> dict[str, Any]:
    """Return the claims of a token of these types that the provider signed for the audience, in date."""
    import jwt

    try:
        header = jwt.get_unverified_header(token) if _FORM.fullmatch(token) else {}
        if header.get("alg") not in ALGORITHMS:
            raise _refused("The token is not signed in a way that can be believed", settings)
        if header.get("typ", "JWT") not in types:  # a logout token, or an access token where none will do
            raise _refused("The token is of another type than an ID token", settings)
        claims: dict[str, Any] = jwt.decode(
            token,
            signing_key(header.get("kid"), header["alg"], settings),
            algorithms=ALGORITHMS,
            issuer=settings.oidc_issuer,
            audience=settings.oidc_audience,
            leeway=LEEWAY,
            options={"require": ["iss", "aud", "exp", "iat"], "enforce_minimum_key_length": True},
        )
    except jwt.PyJWTError as error:
        raise _refused(_flaw(error), settings) from None  # what it says may quote the token
    return claims


def _name(claims: dict[str, Any], settings: Settings) -> str:
    claim = settings.oidc_name_claim
    if claim == "email" and claims.get("email_verified") is not True:
        raise _refused("The token has an e-mail address that the provider has not verified", settings)
    if claim not in claims:
        raise _refused(f"The token does not name anybody: it has no claim {claim!r}", settings)
    return require_name(claims[claim], "The token")


def _flaw(error: PyJWTError) -> str:
    import jwt

    if isinstance(error, jwt.MissingRequiredClaimError):
        return f"The token lacks the claim {error.claim!r}"
    sentences: dict[type[PyJWTError], str] = {
        jwt.ExpiredSignatureError: "The token has run out",
        jwt.ImmatureSignatureError: "The token is not valid yet, or the clock of this machine is behind",
        jwt.InvalidIssuerError: "The token is from another issuer than oidc_issuer",
        jwt.InvalidAudienceError: "The token was issued for another audience than oidc_audience",
        jwt.InvalidSignatureError: "The token is not signed by the provider's key",
    }
    return next(
        (said for kind, said in sentences.items() if isinstance(error, kind)), "The token is no valid JWT"
    )


def _refused(why: str, settings: Settings) -> Refused:
    where = (
        f"the file {settings.oidc_token_file}" if settings.oidc_token_file else f"the variable {tokens.OIDC}"
    )
    return Refused(
        f"{why}.",
        remedy=f"Get a new ID token from {settings.oidc_issuer}, for the audience {settings.oidc_audience}, "
        f"and put it into {where}.",
        field="identity",
    )
