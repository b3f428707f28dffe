"""Parameters of a playbook: JSON values of declared names and types, nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench.core.errors import InvalidInput
from workbench.playbooks import parse_parameters
from workbench.playbooks.library import playbook
from workbench.playbooks.parameters import check


@pytest.fixture(scope="module")
def release_gate():
    return playbook("release_gate", Path("/nonexistent"))


def test_values_are_json_where_they_parse_and_text_where_they_do_not():
    given = parse_parameters(["seed=3", "model=recidivism/3", "audits=[1, 2]", "note=a=b"])
    assert given == {"seed": 3, "model": "recidivism/3", "audits": [1, 2], "note": "a=b"}


def test_a_parameter_without_a_value_is_refused():
    with pytest.raises(InvalidInput, match=r"Write -p name=value"):
        parse_parameters(["model"])


def test_an_undeclared_parameter_is_refused_with_the_nearest_name(release_gate):
    with pytest.raises(InvalidInput, match="Did you mean 'model'"):
        check(release_gate, {"modle": "x"})


@pytest.mark.parametrize("value", ["three", True, 2.5, [1]])
def test_a_value_of_another_type_is_refused(release_gate, value):
    with pytest.raises(InvalidInput, match="seed is declared as int"):
        check(release_gate, {"seed": value})


def test_a_model_named_by_a_number_is_taken_as_its_name(release_gate):
    assert check(release_gate, {"model": 7}) == {"model": "7"}


def test_an_unknown_playbook_is_refused_with_the_nearest_name():
    with pytest.raises(InvalidInput, match="Did you mean 'release_gate'"):
        playbook("release-gate", Path("/nonexistent"))
