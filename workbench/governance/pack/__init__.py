"""Evidence packs: what the journal knows of one version in one file, for somebody without this product.

A **pack** is a zip archive of journal entries with their proofs, of the evidence, the policies and an index
page of **claims**. Its script (``verifier.py``, in the pack as ``verify.py``) needs Python's standard library
and the public key of whoever signed, and verifies every claim.
"""

from __future__ import annotations

from workbench.governance.pack.contents import Sources
from workbench.governance.pack.make import make_pack
from workbench.governance.pack.records import PackRecord

__all__ = ["PackRecord", "Sources", "make_pack"]
