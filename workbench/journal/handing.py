"""Where checkpoints are kept and handed out: a folder, a git repository, another person's file.

A folder holds one note a file, named by size, root and key: two that contradict each other stay side by side,
which is the evidence. A file holds notes one after the other.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from workbench.core.errors import Unavailable, WorkbenchError
from workbench.journal.checkpoints import Checkpoint, several

_SUFFIX = ".checkpoint"


def hand_out(checkpoint: Checkpoint, to: Path) -> Path:
    """Write a checkpoint where somebody else will find it; return the file. Twice is once.

    Args:
        checkpoint: What to hand out.
        to: A git repository (committed to ``checkpoints/`` in it), another folder (made when there is none),
            or a file with a suffix, to whose end it is added.

    Raises:
        Unavailable: it cannot be written, or git refuses.
    """
    try:
        if (to / ".git").exists():
            file = _into_folder(checkpoint, to / "checkpoints")
            _commit(to, file)
            return file
        if to.is_dir() or not (to.exists() or to.suffix):
            return _into_folder(checkpoint, to)
        return _into_file(checkpoint, to)
    except OSError as error:
        raise Unavailable(
            f"The checkpoint cannot be written to {to} ({error.strerror or error}).",
            remedy="Give a folder, a git repository or a file you may write to.",
            field="to",
        ) from error


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


def _into_folder(checkpoint: Checkpoint, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    signer = "_".join("".join(c for c in name if c.isalnum()) for name in checkpoint.signers)
    file = folder / f"{checkpoint.size:012d}-{checkpoint.root[:16]}-{signer}{_SUFFIX}"
    if not file.exists():
        draft = file.with_name(f".{file.name}.{os.getpid()}")
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
    name = str(file.relative_to(repository))
    _git(repository, "add", "--", name)
    if _git(repository, "status", "--porcelain", "--", name):
        _git(repository, "commit", "--quiet", "--message", f"Checkpoint {file.stem}", "--only", "--", name)


def _git(repository: Path, *arguments: str) -> str:
    done = subprocess.run(  # noqa: S603 - no shell, and the file's name is ours
        ["git", "-C", str(repository), *arguments],  # noqa: S607 - the git of whoever owns the repository
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Unavailable(
            f"git did not take the checkpoint: {done.stderr.strip() or done.stdout.strip()}.",
            remedy=f"See: git -C {repository} status. The file itself is written.",
            field="to",
        )
    return done.stdout
