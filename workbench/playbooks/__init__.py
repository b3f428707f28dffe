"""A playbook is a notebook with a ``parameters`` cell, run the same way by a person, a scheduler or CI.

Its result is what it shows: the last verdict decides the outcome, the last report becomes a page. A notebook
that raises, or that shows no verdict, ends in ``error``.
"""

from workbench.playbooks.library import Playbook, playbooks
from workbench.playbooks.parameters import parse_parameters
from workbench.playbooks.runner import PlaybookRun, run_playbook

__all__ = ["Playbook", "PlaybookRun", "parse_parameters", "playbooks", "run_playbook"]
