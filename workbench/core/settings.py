"""Settings of a project: ``workbench.toml`` beside the code, overridden by ``WORKBENCH_*`` variables."""

from __future__ import annotations

import getpass
import os
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from workbench.core.errors import InvalidInput, Refused, nearest

FILE = "workbench.toml"
STATE = ".workbench"

#: Who may act as whom: where the file asks for a proof of it, these stand in the file alone.
_IN_THE_FILE_ALONE = frozenset(
    f"WORKBENCH_{key}"
    for key in (
        "IDENTITY",
        "PEOPLE",
        "KEYS",
        "ROLES",
        "OIDC_ISSUER",
        "OIDC_AUDIENCE",
        "OIDC_JWKS",
        "OIDC_NAME_CLAIM",
        "OIDC_GROUPS_CLAIM",
    )
)


def _login() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


class Settings(BaseSettings):
    """Everything a project can set. Unknown keys are refused with the nearest match."""

    model_config = SettingsConfigDict(env_prefix="WORKBENCH_", extra="forbid", frozen=True)

    root: Path = Path()
    """The project folder. Set by ``wb.open``, never by the file."""
    actor: str = Field(default_factory=_login)
    """Who acts: the name written into the journal. Defaults to the login name."""
    people: dict[str, list[str]] = {}
    """Roles by person, for approvals: ``[people]`` with lines like ``ada = ["model-risk"]``."""
    keys: dict[str, list[str]] = {}
    """Public keys by person: ``[keys]`` with lines as ``workbench key`` prints them. Of whoever is listed no
    other key counts; of everybody else the one they first sign with does."""
    roles: dict[str, list[str]] = {}
    """Groups that have a role, for approvals: ``[roles]`` with lines like ``model-risk = ["risk-team"]``."""
    identity: Literal["settings", "jupyterhub", "oidc"] = "settings"
    """Who says who acts: ``actor`` above, the JupyterHub that one works in, or an OpenID Connect token."""
    oidc_issuer: str = ""
    """Whose tokens are believed: the provider's address, as it stands in them."""
    oidc_audience: str = ""
    """For whom a token must be issued: the client that this project is at the provider."""
    oidc_jwks: str = ""
    """The provider's public keys, a file or an address. Empty: where its discovery document says."""
    oidc_name_claim: str = "preferred_username"
    """The claim that names the person. It must be one that people cannot choose for themselves."""
    oidc_groups_claim: str = "groups"
    """The claim that lists the person's groups."""
    oidc_token_file: str = ""
    """The file that holds the token. Empty: the variable ``WORKBENCH_OIDC_TOKEN``."""
    tracking_uri: str = ""
    """MLflow tracking and registry URI. Empty: SQLite in ``.workbench/``."""
    pickles: Literal["own", "waiver"] = "own"
    """Which models may be kept as a pickle: ``own`` lets an object in memory, ``waiver`` asks always."""
    trusted_types: list[Annotated[str, Field(pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)+$")]] = []
    """Types that skops files may ask for beside those on the list of this package, by their full names. They
    stand in the file alone, where they are reviewed as code is."""
    signing_key: str = ""
    """Private key (PEM, elliptic curve) that artifacts are signed with. Empty: the acting person's own, made
    on first use beside their other keys, where the extra ``supply-chain`` is installed."""
    verify_key: str = ""
    """Public key that the signatures of artifacts are checked with. Empty: that of who signed, kept with the
    project. Where one is named, releases and gateways take only what it has signed."""
    journal_url: str = ""
    """The journal on a PostgreSQL server, ``postgresql://user@host/database?schema=name``. Empty: SQLite in
    ``.workbench/``. A password belongs into ``WORKBENCH_JOURNAL_URL`` or ``~/.pgpass``, not into the file."""
    signer: str = "file"
    """Who keeps the key of whoever acts, which signs checkpoints and approvals: ``file``, ``keyring``, or a
    plug-in of the group ``signers``."""
    key_folder: str = ""
    """Where the signer ``file`` keeps private keys. Empty: ``model-workbench/keys`` in the person's own
    configuration folder. They are the person's, not the project's."""
    witnesses: list[str] = []
    """Where each checkpoint is handed out to: folders, git repositories, files; relative to the project."""
    checkpoint_minutes: int = Field(default=60, ge=1)
    """Minutes an entry of the journal may stay without a checkpoint over it."""
    target: str = "local"
    """Where releases move traffic: ``local``, the gateway on this machine; ``ray``, Ray Serve; or a plug-in
    of the group ``targets``."""
    ray_address: str = "http://127.0.0.1:8265"
    """Dashboard of the Ray cluster that the target ``ray`` declares to."""
    ray_token_file: str = ""
    """File with the token of that cluster. Empty: one made on first use, ``.workbench/ray/token``."""
    ray_replicas: int = Field(default=1, ge=1)
    """Replicas of each version on Ray."""
    gateway_host: str = "127.0.0.1"
    """Address the gateway listens on."""
    gateway_port: int = Field(default=8765, ge=0, le=65535)
    """Port the gateway listens on; 0 picks a free one."""
    gateway_deadline_seconds: float = Field(default=2.0, gt=0)
    """Seconds a model version has to answer one request."""
    gateway_max_body_bytes: int = Field(default=1 << 20, ge=1)
    """Largest request body, as sent and as unpacked."""
    gateway_max_rows: int = Field(default=10_000, ge=1, le=25_000)
    """Rows of one request. Captured traffic has room for 50,000 that wait: two of the largest fit."""
    gateway_max_cells: int = Field(default=500_000, ge=1)
    """Cells of one request: its rows times the columns that are read, whether they are sent or not."""
    gateway_max_waiting: int = Field(default=256, ge=8)
    """Requests that may be under way in the gateway at once. Above half the shadow gets no copies, above
    three quarters the candidate no requests, at the limit nobody: 503."""
    gateway_workers: int = Field(default=2, ge=1)
    """Processes in which each version answers."""
    gateway_worker_memory_mb: int = Field(default=2048, ge=64)
    """Memory at which a worker process is replaced by a fresh one; at twice that its allocations fail."""
    gateway_join_ms: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    """Calls that wait for a worker anyway are put to the model together, as long as that should take no
    longer than this many milliseconds. 0: each alone."""
    lease_seconds: float = Field(default=30.0, gt=0)
    """Seconds without a sign of life after which a controller that still runs is displaced by another."""
    drill_hours: float = Field(default=0.0, ge=0)
    """Hours after which a running controller tries the standby of an endpoint again; 0: never by itself."""
    gateway_auth: Literal["none", "keys", "oidc", "both"] = "none"
    """How callers of the gateway prove who they are: not at all, with a key, with a token of the provider
    above, or with either."""
    gateway_open: bool = False
    """Whether something in front of the gateway asks who calls, so that it may listen to others with
    ``gateway_auth = "none"``."""
    gateway_hosts: list[str] = []
    """Names by which the gateway may be asked. Empty: the loopback names and the address it listens on."""
    gateway_per_minute: int = Field(default=0, ge=0)
    """Requests a minute that a caller has whose key does not say another number; 0: as many as they like."""
    gateway_scopes_claim: str = "scope"
    """The claim of a token that lists what its holder may do at the gateway: ``gateway:infer``, and so on."""
    gateway_tls_cert: str = ""
    """Certificate (PEM) that the gateway shows, with those that vouch for it. Empty: HTTP without TLS."""
    gateway_tls_key: str = ""
    """The private key of that certificate, without a password."""
    gateway_tls_client_ca: str = ""
    """Certificates (PEM) of who signs those that clients must show. Empty: clients show none."""
    gateway_admin_port: int | None = Field(default=None, ge=0, le=65535)
    """Port on loopback for metrics, status and the kill switch; 0 picks a free one. Not set: none."""
    capture_max_rows: int = Field(default=100_000, ge=1)
    """Most exchanges an incident may freeze."""
    capture_sample: float = Field(default=1.0, ge=0, le=1)
    """Share of the exchanges whose rows are kept, drawn by request id. All else of each is kept, always."""
    capture_redact: list[str] = []
    """Columns whose values never reach the disk with captured traffic."""
    capture_subject: str = ""
    """The column that names the person a row is about: a keyed digest is captured in its place."""
    capture_url: str = ""
    """Where captured traffic lies: object storage such as ``s3://bucket/prefix``, or ``file:///folder``.
    Empty: ``.workbench/traffic``."""

    @property
    def state(self) -> Path:
        """The folder of embedded stores."""
        return self.root / STATE

    @property
    def journal(self) -> Path | str:
        """Where the journal lies: a file or a URL. What is kept beside it lies in ``state`` either way."""
        return self.journal_url or self.state / "journal.db"

    @property
    def mlflow_uri(self) -> str:
        """The URI MLflow is opened with."""
        return self.tracking_uri or f"sqlite:///{(self.state / 'mlflow.db').as_posix()}"

    @classmethod
    def settings_customise_sources(  # noqa: D102 - pydantic-settings' hook
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)


def load(root: Path, **overrides: Any) -> Settings:
    """Read the settings of the project at ``root``.

    Raises:
        InvalidInput: the file is not TOML, or a key is unknown or has the wrong type.
        Refused: the file asks for a proof of who acts, and a variable of the environment would change it; or
            one would add trusted types.
    """
    file = root / FILE

    class ProjectSettings(Settings):
        model_config = SettingsConfigDict(toml_file=file)

    try:
        settings = ProjectSettings(root=root, **overrides)
        _refuse_shortcut(file)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        remedy = (
            nearest(key, Settings.model_fields)
            if first["type"] == "extra_forbidden"
            else "Correct the value."
        )
        raise InvalidInput(f"{file.name}: {key}: {first['msg']}.", remedy=remedy, field=key) from error
    except ValueError as error:  # tomllib.TOMLDecodeError
        raise InvalidInput(f"{file.name} is not valid TOML: {error}.", field=file.name) from error
    return settings


def _refuse_shortcut(file: Path) -> None:
    """Let no variable undo a proof that the file asks for, as ``WORKBENCH_IDENTITY=settings`` would."""
    asked = tomllib.loads(file.read_text("utf-8")).get("identity") if file.is_file() else None
    given = [name for name in os.environ if name.upper() in _IN_THE_FILE_ALONE]
    if asked not in (None, "settings") and given:
        raise Refused(
            f"{file.name} asks {asked} who acts, and the variable {given[0]} would change that.",
            remedy=f"Unset {given[0]}. Who may act as whom is changed in {file.name}, where others see it.",
            field=given[0],
        )
    if trusting := [name for name in os.environ if name.upper() == "WORKBENCH_TRUSTED_TYPES"]:
        raise Refused(
            f"The variable {trusting[0]} would let types through that nobody has reviewed.",
            remedy=f"Unset it. Which types are trusted stands in {file.name}: trusted_types = [...]",
            field="trusted_types",
        )
