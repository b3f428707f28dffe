"""What was packed."""

from __future__ import annotations

from workbench.core.records import Record


class PackRecord(Record):
    """A pack that was made, and what its reader must be given beside it."""

    model: str
    """``name/version``."""
    path: str
    digest: str
    """``sha256:`` of the file."""
    size: int
    """Bytes."""
    files: int
    claims: int
    """Sentences on the index page, each of which the script verifies."""
    journal_size: int
    """Entries under the pack's checkpoint."""
    key: str
    """Public key that signed it, ``name+hash+base64``: for the reader, by another way than the pack."""
    script: str
    """``sha256:`` of the script, so that the reader can tell it is this one."""

    def __str__(self) -> str:
        return (
            f"{self.path}: {self.claims} claims about {self.model}, {self.files} files, {self.size:,} bytes\n"
            f"{self.digest}\n"
            f"To verify it, its reader needs this key, by another way than the pack:\n{self.key}"
        )
