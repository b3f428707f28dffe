"""Monitoring: captured traffic is watched, and what it shows that nobody promised is an **alert**.

Two triggers. *errors*: the share of requests that failed is above an objective, by the evidence of
``stats.sequential.log_e_objective``. *drift*: an input column has moved from the training data by more than a
margin, judged by the lower end of the interval of its PSI, never by a p-value. With too little traffic there
is no alert and no all-clear. Alerts are events in the stream ``alert/<endpoint>``.
"""

from __future__ import annotations

from workbench.monitoring.monitoring import Monitoring
from workbench.monitoring.records import Alert
from workbench.monitoring.triggers import check

__all__ = ["Alert", "Monitoring", "check"]
