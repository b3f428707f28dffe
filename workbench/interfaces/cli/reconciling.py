"""What ``workbench verify`` says after the journal: what was done and never written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.core.errors import WorkbenchError
from workbench.core.settings import Settings
from workbench.core.values import Outcome
from workbench.views.formats import visible

if TYPE_CHECKING:
    from workbench.releases.reconciliation import Reconciliation


def reconciled(settings: Settings) -> Reconciliation | WorkbenchError:
    """Hold the gateway's record against the journal; one that cannot be read is no end of ``verify``."""
    from workbench.bench import Workbench

    try:
        return Workbench(settings).reconcile()
    except WorkbenchError as error:
        return error


def outcome(holds: bool, found: Reconciliation | WorkbenchError) -> Outcome:
    """Return what both together say; an error when only one could be looked at, and that one holds."""
    if not holds:
        return Outcome.FAIL
    if isinstance(found, WorkbenchError):
        return Outcome.ERROR
    return Outcome.PASS if found.ok else Outcome.FAIL


def as_keys(found: Reconciliation | WorkbenchError) -> dict[str, Any]:
    """Return it for ``--json``, beside what the journal says."""
    if isinstance(found, WorkbenchError):
        return {"reconciliation": None, "not_reconciled": found.message}
    return {"reconciliation": found.model_dump(mode="json")}


def say_reconciliation(found: Reconciliation | WorkbenchError) -> None:
    """Print it for a person; nothing where there is no endpoint."""
    if isinstance(found, WorkbenchError):
        print(visible(f"reconciliation was not possible: {found.message}"))
    elif found.endpoints:
        print(found)
