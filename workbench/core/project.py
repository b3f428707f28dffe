"""A project folder: ``workbench.toml``, ``policies/``, ``plans/``, ``cases/``, stores in ``.workbench/``."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from workbench.core.errors import InvalidInput, NotFound, Unavailable
from workbench.core.settings import FILE, STATE, Settings, load

_TOML = """\
# Settings of this Model Workbench project. Every key can also be set as WORKBENCH_<KEY>.
# actor = "ada"                    # who acts; default: the login name
# tracking_uri = "http://..."      # an MLflow server; default: SQLite in .workbench/
# gateway_port = 8765
# identity = "jupyterhub"          # who says who acts: settings, jupyterhub or oidc

[people]
# Roles by person. Approvals count only from someone who has the role, and never from the author.
# grace = ["model-risk"]
"""

#: Starting points that a team edits and reviews like code: (package, file, place in the project).
_TEMPLATES = (
    ("workbench.gates", "policies/default.yaml"),
    ("workbench.releases", "plans/canary.yaml"),
)


def find(path: str | Path = ".") -> Path:
    """Return the project folder for ``path``: itself, or for ``"."`` the nearest parent that is a project."""
    here = Path(path).expanduser().resolve()
    if str(path) != ".":
        return here
    return next((folder for folder in (here, *here.parents) if (folder / FILE).is_file()), here)


def existing(path: str | Path = ".") -> Path:
    """Return the project folder for ``path`` without making one.

    Raises:
        NotFound: there is no project.
    """
    root = find(path)
    if not (root / FILE).is_file():
        raise NotFound(
            f"There is no project in {root}.",
            remedy="Give its folder with -C. To make one: workbench register, or wb.open() in Python.",
            field="project",
        )
    return root


def open_settings(path: str | Path = ".", *, actor: str | None = None) -> Settings:
    """Read the project's settings, making the project first where there is none.

    Raises:
        InvalidInput: the path is a file, or the settings are wrong.
        Unavailable: the folder cannot be written.
    """
    root = find(path)
    if root.exists() and not root.is_dir():
        raise InvalidInput(f"path: {root.name} is a file.", remedy="Give a folder.", field="path")
    try:
        _make(root)
    except OSError as error:
        raise Unavailable(
            f"The project folder cannot be written: {error.strerror or error}.",
            remedy="Choose a folder you may write to: wb.open('my-project').",
            field="path",
        ) from error
    return load(root, **({"actor": actor} if actor else {}))


def document(root: Path, folder: str, name: str | Path) -> str | Path:
    """Return the file that a name means: ``canary`` is ``plans/canary.yaml`` of the project at ``root``.

    A path is a path, from the project; what is neither is returned as it is, for it may be built in.
    """
    own = root / folder / f"{name}.yaml"
    if isinstance(name, str) and own.is_file():
        return own
    given = root / name
    return given if given.is_file() else name


def documents(root: Path, folder: str) -> list[str]:
    """Return the names of the files in a folder that ``document`` would find."""
    return sorted(file.stem for file in (root / folder).glob("*.yaml"))


def _make(root: Path) -> None:
    """Write what is missing of a project; what is there is left alone."""
    state = root / STATE
    state.mkdir(parents=True, exist_ok=True)
    ignore = state / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n", encoding="utf-8")
    if (root / FILE).exists():
        return
    for package, file in _TEMPLATES:
        place = root / file
        if not place.exists():
            place.parent.mkdir(exist_ok=True)
            place.write_text((resources.files(package) / file).read_text("utf-8"), encoding="utf-8")
    (root / FILE).write_text(_TOML, encoding="utf-8")
