"""Gates: a policy judges a version's evidence, and people approve.

A **policy** is a YAML file of rules on measurements. A **verdict** is what it says of one version's evidence:
pass, fail, inconclusive or error, with a reason for every rule. An **approval** is one person's yes, bound to
the bytes of the model and of the policy. Audits measure, gates compare, and releases act on what gates find.
"""

from __future__ import annotations

from workbench.gates.approvals import approvals_of, approve
from workbench.gates.judge import judge, verdict_event
from workbench.gates.policy import Policy, Rule, load_policy
from workbench.gates.records import Approval, RuleResult, Verdict

__all__ = [
    "Approval",
    "Policy",
    "Rule",
    "RuleResult",
    "Verdict",
    "approvals_of",
    "approve",
    "judge",
    "load_policy",
    "verdict_event",
]
