"""The compiled path: a copy of a model that answers the same, sooner, and only where that was compared.

A copy is made once (``workbench compile``), compared with the model on thousands of rows, and kept under
``.workbench/compiled/<digest of the model>`` with a record of the comparison. Whoever serves asks
``look``; where there is no copy, or anything about it does not hold, the model itself answers.
"""

from __future__ import annotations

from workbench.models.compiled.fast import FastPath, look
from workbench.models.compiled.records import Compiled

__all__ = ["Compiled", "FastPath", "look"]
