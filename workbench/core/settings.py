"""Settings of a project: ``workbench.toml`` beside the code, overridden by ``WORKBENCH_*`` variables."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from workbench.core.errors import InvalidInput, nearest

FILE = "workbench.toml"
STATE = ".workbench"


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
    tracking_uri: str = ""
    """MLflow tracking and registry URI. Empty: SQLite in ``.workbench/``."""
    pickles: Literal["own", "waiver"] = "own"
    """Which models may be kept as a pickle: ``own`` lets an object in memory, ``waiver`` asks always."""
    signing_key: str = ""
    """Private key (PEM, elliptic curve) that artifacts are signed with. Empty: they are not signed."""
    verify_key: str = ""
    """Public key that the signatures of artifacts are checked with whenever one is loaded."""
    journal_url: str = ""
    """The journal on a PostgreSQL server, ``postgresql://user@host/database?schema=name``. Empty: SQLite in
    ``.workbench/``. A password belongs into ``WORKBENCH_JOURNAL_URL`` or ``~/.pgpass``, not into the file."""
    gateway_host: str = "127.0.0.1"
    """Address the gateway listens on."""
    gateway_port: int = Field(default=8765, ge=0, le=65535)
    """Port the gateway listens on; 0 picks a free one."""
    gateway_deadline_seconds: float = Field(default=2.0, gt=0)
    """Seconds a model version has to answer one request."""
    gateway_max_body_bytes: int = Field(default=1 << 20, ge=1)
    """Largest request body, as sent and as unpacked."""
    capture_max_rows: int = Field(default=100_000, ge=1)
    """Most exchanges an incident may freeze."""

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
    """
    file = root / FILE

    class ProjectSettings(Settings):
        model_config = SettingsConfigDict(toml_file=file)

    try:
        return ProjectSettings(root=root, **overrides)
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
