"""Who acts in a request to the Jupyter server: read from how it was authenticated, never from what it says.

A server runs as its owner, and others may be let in: a server that is shared on JupyterHub, or one with an
identity provider of its own. Then the owner's token and groups are the owner's alone.
"""

from __future__ import annotations

from jupyter_server.auth.identity import IdentityProvider, PasswordIdentityProvider, User
from jupyter_server.base.handlers import JupyterHandler

from workbench.core.errors import Refused
from workbench.core.identity import Person, require_name, whoami
from workbench.core.jupyterhub import person_of
from workbench.core.settings import Settings

#: Jupyter's own: whoever has the server's token or password. The names they give ("Anonymous Io") are drawn.
_NAME_NOBODY = (IdentityProvider, PasswordIdentityProvider)


def acting(handler: JupyterHandler, settings: Settings) -> Person:
    """Return who acts in an authenticated request, for ``Workbench(settings, person=…)``.

    * With Jupyter's own token or password: the owner of the server, as ``wb.open()`` in its kernels says. All
      who have the token act as the owner.
    * On JupyterHub, with ``identity = "jupyterhub"``: whoever the hub says sent the request, with the groups
      that it tells of them there (JupyterHub's own code keeps them for at most five minutes). Whoever is not
      the owner never gets the owner's groups.
    * With another identity provider, and ``identity = "settings"``: its user, whose roles stand in
      ``[people]`` alone.

    It may ask a hub or a provider: call it in a thread. What that person then signs is signed with a key in
    the server owner's ``key_folder``, which the owner can read: where it must be the person's own, let only
    the owner sign (``person.name == whoami(settings).name``).

    Args:
        handler: of a request that ``@authenticated`` has let through.
        settings: of the project, as ``open_settings`` reads them.

    Raises:
        Refused: the server lets in everybody, or knows its users otherwise than the project asks for.
        Unavailable: a hub or provider does not answer.
    """
    user, provider = handler.current_user, handler.identity_provider
    if user is None or not provider.auth_enabled:
        raise Refused(
            "This server asks nobody who they are, so nobody can act through it.",
            remedy="Start it with a token or a password, as it does when nothing is configured.",
            field="identity",
        )
    if type(provider) in _NAME_NOBODY:  # what derives from them may know its users
        return whoami(settings)
    if settings.identity == "settings":
        return _known_here(user)
    hub_user = getattr(user, "hub_user", None)
    if settings.identity == "jupyterhub" and isinstance(hub_user, dict):
        return person_of(hub_user)
    raise Refused(
        f"This project asks {settings.identity} who acts, and this server knows {user.username!r} otherwise.",
        remedy="Act from a notebook or a terminal, where the proof lies: workbench whoami",
        field="identity",
    )


def _known_here(user: User) -> Person:
    return Person(
        name=require_name(user.username, "This server's user"),
        source="jupyter",
        note="the Jupyter server does not tell the groups",
    )
