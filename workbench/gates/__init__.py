"""Gates: a policy judges a version's evidence, and people approve.

A **policy** is a YAML file of rules on measurements. A **verdict** is what it says of one version's evidence:
pass, fail, inconclusive or error, with a reason for every rule. An **approval** is one person's signed yes,
bound to the bytes of the model, of the policy and of the data. A **finding** is what somebody must fix or
answer for. Audits measure, gates compare, and releases act on what gates find.
"""

from __future__ import annotations

from workbench.gates.approvals import Approvals
from workbench.gates.docket import Rival
from workbench.gates.findings import Findings
from workbench.gates.judge import judge, judged_data, verdict_event
from workbench.gates.policy import Policy, Rule, load_policy
from workbench.gates.policy_book import PolicyBook
from workbench.gates.records import Approval, Finding, Lapse, Revocation, RuleResult, Verdict
from workbench.gates.requests import ApprovalRequest
from workbench.gates.signatures import KeyBook
from workbench.gates.standing import Standing

__all__ = [
    "Approval",
    "ApprovalRequest",
    "Approvals",
    "Finding",
    "Findings",
    "KeyBook",
    "Lapse",
    "Policy",
    "PolicyBook",
    "Revocation",
    "Rival",
    "Rule",
    "RuleResult",
    "Standing",
    "Verdict",
    "judge",
    "judged_data",
    "load_policy",
    "verdict_event",
]
