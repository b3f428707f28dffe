"""Parameters of a playbook: JSON values of declared names and types, nothing else."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

from workbench.core.errors import InvalidInput
from workbench.playbooks import parse_parameters
from workbench.playbooks.library import Playbook, playbook
from workbench.playbooks.parameters import check


@pytest.fixture(scope="module")
def release_gate():
    return playbook("release_gate", Path("/nonexistent"))


@pytest.fixture(scope="module")
def typed(tmp_path_factory):
    """A playbook with a parameter of each type, and one of none."""
    declared = nbformat.v4.new_code_cell(
        'text: str = ""\nwhole: int = 1\nnumber: float = 1.0\nflag: bool = True\nmany: list = []\nany = 1',
        metadata={"tags": ["parameters"]},
    )
    path = tmp_path_factory.mktemp("a {folder}") / "typed.ipynb"
    spec = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=[declared], metadata=spec), path)
    return Playbook("typed", path)


@pytest.mark.parametrize(
    ("pair", "value"),
    [
        ("text=1.10", "1.10"),
        ("text=12e4567", "12e4567"),
        ("text=1e5", "1e5"),
        ("text=007", "007"),
        ("text=100000000000000000000.0", "100000000000000000000.0"),
        ("text=true", "true"),
        ("text=[1, 2]", "[1, 2]"),
        ("text=a=b", "a=b"),
        ("text=", ""),
        ('text="credit/3"', "credit/3"),
        ("whole=3", 3),
        ("number=1.10", 1.1),
        ("flag=true", True),
        ("many=[1, 2]", [1, 2]),
        ("any=3", 3),
        ("any=credit/3", "credit/3"),
    ],
)
def test_what_is_typed_is_kept_where_text_is_declared_and_json_elsewhere(typed, pair, value):
    [checked] = check(typed, parse_parameters([pair])).values()
    assert checked == value
    assert type(checked) is type(value)


@pytest.mark.parametrize("text", ["[" * 100_000, "9" * 5_000])
def test_what_json_cannot_hold_is_text(typed, text):
    assert check(typed, parse_parameters([f"text={text}"])) == {"text": text}
    with pytest.raises(InvalidInput, match="whole is declared as int"):
        check(typed, parse_parameters([f"whole={text}"]))


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
