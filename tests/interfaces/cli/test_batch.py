"""``workbench batch``: what it prints, writes and exits with."""

from __future__ import annotations

import json


def test_a_file_is_scored_and_the_exit_code_says_whether_every_row_was(project, run_in, tmp_path):
    source, to = tmp_path / "rows.csv", tmp_path / "out.csv"
    source.write_text("x1\n1\n-1\n", "utf-8")
    asked = ["batch", "limits/2", "--data", str(source), "--any", "--to"]
    code, out, err = run_in(project, *asked, str(to), "--json")
    account = json.loads(out)
    assert (code, account["scored"], account["rejected"], account["model"]) == (0, 2, 0, "limits/2")
    assert "2 of 2 rows, 0 rejected" in err
    assert to.read_text("utf-8").splitlines()[1].startswith("1,1,")
    source.write_text("x1\n1\nmany\n", "utf-8")
    code, out, _ = run_in(project, *asked, str(tmp_path / "again.csv"))
    assert code == 1
    assert "1 of 2 rows scored by limits/2" in out
    assert "again.rejects.csv" in out


def test_a_version_that_is_not_champion_is_refused_in_words(project, run_in, tmp_path):
    source = tmp_path / "rows.csv"
    source.write_text("x1\n1\n", "utf-8")
    code, _, err = run_in(
        project, "batch", "limits/3", "--data", str(source), "--to", str(tmp_path / "o.csv")
    )
    assert code == 3
    assert "limits/3 is not the champion" in err
    assert "--any" in err
