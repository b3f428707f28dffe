"""Folders of MLflow whose description, files or names lead somewhere else."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import numpy as np
import skops.io
import yaml

from hostile.pickles import through_os
from workbench.testing.models import tiny_classifier


def mlflow_folder(described, *, payload=through_os, name="model.pkl", more=None):
    """A folder whose ``MLmodel`` says ``described``, with a payload in it and one beside it."""

    def build(folder, canary):
        (folder / "outside.pkl").write_bytes(through_os(folder, canary))
        model = folder / "model"
        model.mkdir()
        (model / "MLmodel").write_text(described if isinstance(described, str) else yaml.safe_dump(described))
        (model / name).parent.mkdir(exist_ok=True)
        (model / name).write_bytes(payload(folder, canary))
        if more is not None:
            more(model, canary)
        return model

    return build


def sklearn(path="model.pkl", **more):
    loader = {"loader_module": "mlflow.sklearn", "model_path": path}
    return {"flavors": {"python_function": loader, "sklearn": {"pickled_model": path, **more}}}


def loaded(by, **more):
    """A description whose loader is told all that is no mapping, beside flavours for what is one."""
    flavors = {name: described for name, described in more.items() if isinstance(described, dict)}
    keys = {name: path for name, path in more.items() if name not in flavors}
    return {"flavors": {**flavors, "python_function": {"loader_module": by, **keys}}}


def pyfunc(**described):
    return {"flavors": {"python_function": {"loader_module": "mlflow.pyfunc.model", **described}}}


def source(model, canary):
    (model / "code").mkdir()
    (model / "code" / "loader.py").write_text(
        f"open({str(canary)!r}, 'w')\ndef _load_pyfunc(path): return path\n"
    )


def pipe(model, canary):
    os.mkfifo(model / "pipe")


def device(model, canary):
    """A device where one may be made, else a pipe: both are read for ever."""
    try:
        os.mknod(model / "zero.npy", stat.S_IFCHR | 0o666, os.makedev(1, 5))
    except OSError:
        os.mkfifo(model / "zero.npy")


def door(model, canary):
    """A socket in the file system: what is no plain file, and needs no rights to be made."""
    here = Path.cwd()
    os.chdir(model)  # its path may be 108 bytes long
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind("door")
    finally:
        os.chdir(here)


def link(model, canary):
    (model / "data.json").symlink_to(model.parent / "outside.pkl")


def hard_link(model, canary):
    (model / "notes.txt").hardlink_to(model.parent / "outside.pkl")


def named(*names):
    def more(model, canary):
        for name in names:
            with open(os.path.join(os.fsencode(model), os.fsencode(name)), "w") as file:  # noqa: PTH118, PTH123 - names that are no text
                file.write("words")

    return more


def many(model, canary):
    for number in range(10_001):
        (model / f"{number}.txt").touch()


def deep(model, canary):
    (model / "/".join("d" * 20)).mkdir(parents=True)


def beside(name, content):
    return lambda model, canary: (model / name).write_bytes(content(model, canary))


def honest(folder=None, canary=None):
    return skops.io.dumps(tiny_classifier())


def module(name):
    def more(model, canary):
        (model / name).parent.mkdir(exist_ok=True)
        (model / name).write_text(f"open({str(canary)!r}, 'w')\n")

    return more


def buried(*_):
    """A path outside, behind more values than somebody patient would look at."""
    return yaml.safe_dump({"flavors": {"python_function": {"loader_module": "mlflow.sklearn", "model_path": "model.skops", "padding": [["/etc/passwd"], *([] for _ in range(11_000))]}, "sklearn": {"pickled_model": "model.skops"}}})  # fmt: skip


def described_below(model, canary):
    """A folder in it with an ``MLmodel`` of its own, which names a file elsewhere."""
    loader = {"loader_module": "mlflow.sklearn", "model_path": str(model.parent / "outside.pkl")}
    (model / "sub").mkdir()
    (model / "sub" / "MLmodel").write_text(yaml.safe_dump({"flavors": {"python_function": loader}}))


def boosted_and_zip(folder=None, canary=None):
    """An honest model of XGBoost with a skops file behind it."""
    import xgboost

    rows = np.array([[0.0], [1.0], [2.0], [3.0]])
    model = xgboost.XGBClassifier(n_estimators=1, n_jobs=1).fit(rows, [0, 1, 0, 1])
    return bytes(model.get_booster().save_raw("ubj")) + honest()
