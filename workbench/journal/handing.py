"""Where checkpoints are kept and handed out: a folder, a git repository, another person's file.

A folder holds one note a file, named by size, root and key: two that contradict each other stay side by side,
which is the evidence. A file holds notes one after the other.
"""

from __future__ import annotations

import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from workbench.core.errors import Unavailable, WorkbenchError
from workbench.journal.checkpoints import Checkpoint, several

_SUFFIX = ".checkpoint"

#: Seconds git may take: a hook or a passphrase somebody must type would hold up whoever approves.
_PATIENCE = 20.0


def hand_out(checkpoint: Checkpoint, to: Path) -> Path:
    """Write a checkpoint where somebody else will find it; return the file. Twice is once.

    Args:
        checkpoint: What to hand out.
        to: A git repository (committed to ``checkpoints/`` in it), another folder (made when there is none),
            or a file with a suffix, to whose end it is added.

    Raises:
        Unavailable: it cannot be written, or git refuses.
    """
    with _explained(to):
        if (to / ".git").exists():
            file = _into_folder(checkpoint, to / "checkpoints")
            _commit(to, file)
            return file
        if to.is_dir() or not (to.exists() or to.suffix):
            return _into_folder(checkpoint, to)
        return _into_file(checkpoint, to)


def handed_out(place: Path) -> Iterator[tuple[str, Checkpoint | WorkbenchError]]:
    """Yield name and content of every checkpoint in a folder or a file, oldest first; or what is wrong."""
    place = place / "checkpoints" if (place / ".git").exists() else place
    for file in sorted(place.glob(f"*{_SUFFIX}")) if place.is_dir() else [place]:
        try:
            for checkpoint in several(file.read_bytes().decode()):
                yield file.name, checkpoint
        except (OSError, UnicodeDecodeError) as error:
            yield file.name, Unavailable(f"{file.name} cannot be read ({error}).", field="checkpoint")
        except WorkbenchError as error:
            yield file.name, error


def earlier(place: Path, origin: str) -> list[tuple[str, Checkpoint]]:
    """Return name and content of the checkpoints of one log that lie in a place, if there is that place.

    Raises:
        Unavailable: one may not look.
    """
    with _explained(place):
        found = handed_out(place) if place.exists() else ()
        notes = [(name, note) for name, note in found if isinstance(note, Checkpoint)]
        return [(name, note) for name, note in notes if note.origin == origin]


def newest(folder: Path) -> int:
    """Return the greatest size among the checkpoints in a folder, by their names alone; 0 for none."""
    sizes = (file.name.partition("-")[0] for file in folder.glob(f"*{_SUFFIX}"))
    return max((int(size) for size in sizes if size.isdecimal()), default=0)


def _into_folder(checkpoint: Checkpoint, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    names = ["".join(c for c in name if c.isalnum())[:40] for name in checkpoint.signers]
    keys = "_".join(f"{n}-{h.hex()}" for n, h in zip(names, checkpoint.key_hashes, strict=True))
    file = folder / f"{checkpoint.size:012d}-{checkpoint.root[:16]}-{keys}{_SUFFIX}"
    if not file.exists():
        draft = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
        draft.write_bytes(checkpoint.note.encode())
        draft.replace(file)  # whole or not at all
    return file


def _into_file(checkpoint: Checkpoint, file: Path) -> Path:
    there = file.read_text(encoding="utf-8") if file.exists() else ""
    if checkpoint.note not in there:
        with file.open("ab") as end:
            end.write(("\n" * bool(there) + checkpoint.note).encode())
    return file


def _commit(repository: Path, file: Path) -> None:
    # The whole folder: a checkpoint that git did not take last time is taken with this one.
    folder = str(file.parent.relative_to(repository))
    _git(repository, "add", "--", folder)
    if _git(repository, "status", "--porcelain", "--", folder):
        _git(repository, "commit", "--quiet", "--message", f"Checkpoint {file.stem}", "--only", "--", folder)


def _git(repository: Path, *arguments: str) -> str:
    with subprocess.Popen(  # noqa: S603 - no shell, and the file's name is ours
        ["git", "-C", str(repository), *arguments],  # noqa: S607 - the git of whoever owns the repository
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as git:
        try:
            output, errors = git.communicate(timeout=_PATIENCE)
        except subprocess.TimeoutExpired as error:
            git.terminate()  # not killed: it takes its locks away first
            raise Unavailable(
                f"git did not take the checkpoint within {_PATIENCE:g} s.",
                remedy=f"See what it waits for: git -C {repository} commit. The file itself is written.",
                field="to",
            ) from error
    if git.returncode:
        raise Unavailable(
            f"git did not take the checkpoint: {errors.strip() or output.strip()}.",
            remedy=f"See: git -C {repository} status. The file itself is written.",
            field="to",
        )
    return output


@contextmanager
def _explained(place: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Unavailable(
            f"The checkpoint cannot be written to {place} ({error.strerror or error}).",
            remedy="Give a folder, a git repository or a file you may write to.",
            field="to",
        ) from error
