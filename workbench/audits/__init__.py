"""An audit measures one property of one model on one data set and leaves evidence; it does not judge.

``load_suite`` says which audits, ``run`` makes evidence of them, ``assemble`` makes the report. One audit is
one file of this folder: a frozen dataclass whose fields are its options, and ``measure``.
"""

from workbench.audits.base import Audit, Finding, Subject
from workbench.audits.report import assemble
from workbench.audits.runner import AuditsInterrupted, Step, run
from workbench.audits.suite import load_suite

__all__ = ["Audit", "AuditsInterrupted", "Finding", "Step", "Subject", "assemble", "load_suite", "run"]
