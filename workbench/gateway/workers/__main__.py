"""``python -m workbench.gateway.workers FD``: the nursery, started by the gateway."""

from __future__ import annotations

from workbench.gateway.workers.program import main

if __name__ == "__main__":
    main()
