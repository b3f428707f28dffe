"""Scores and gradients of a torch module, when torch is there and a model is or holds one."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from workbench.audits.parts.robustness.gather import Array


def module_of(model: Any) -> Any | None:
    """Return the ``torch.nn.Module`` that a model is or holds in an attribute, or None."""
    torch: Any = sys.modules["torch"]  # a module can only be there when torch is
    held = [model, *vars(model).values()] if hasattr(model, "__dict__") else [model]
    return next((found for found in held if isinstance(found, torch.nn.Module)), None)


@dataclass(frozen=True)
class Module:
    """A module from (n, m) reals to (n, k) scores, or to one column for the second of two labels."""

    module: Any

    def scores(self, X: Array) -> Array:
        """Return a score for every label, shape (n, k)."""
        torch: Any = sys.modules["torch"]
        with _evaluating(self.module), torch.no_grad():
            return np.asarray(self._forward(self._tensor(X)).double().cpu().numpy())

    def gradient(self, X: Array, weights: Array) -> Array:
        """Return the gradient of the weighted scores, shape (n, m), by autograd."""
        torch: Any = sys.modules["torch"]
        x = self._tensor(X).requires_grad_()
        with _evaluating(self.module), torch.enable_grad():
            out = self._forward(x)
            weighted = (out * torch.as_tensor(weights, dtype=out.dtype, device=out.device)).sum()
            [found] = torch.autograd.grad(weighted, x)  # of the inputs only: the weights' are left alone
        return np.asarray(found.double().cpu().numpy())

    def _tensor(self, X: Array) -> Any:
        torch: Any = sys.modules["torch"]
        first = next(self.module.parameters(), None)
        kind = {"dtype": torch.float32} if first is None else {"dtype": first.dtype, "device": first.device}
        return torch.tensor(X, **kind)

    def _forward(self, x: Any) -> Any:
        torch: Any = sys.modules["torch"]
        out = self.module(x)
        out = out.reshape(len(x), -1)
        return torch.cat([torch.zeros_like(out), out], dim=1) if out.shape[1] == 1 else out


@contextmanager
def _evaluating(module: Any) -> Iterator[None]:
    """Dropout and batch statistics as when predicting; afterwards every part is as it was."""
    training = [part for part in module.modules() if part.training]
    module.eval()
    try:
        yield
    finally:
        for part in training:
            part.training = True
