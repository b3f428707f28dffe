"""Artifacts that would run something when they are read. Each would write the canary file; none may.

``CORPUS`` maps a name to a builder ``(folder, canary) -> (path to register, what the refusal must say)``.
"""

from __future__ import annotations

import bz2
import gzip
import importlib
import io
import json
import logging.config
import lzma
import os
import pickle
import runpy
import stat
import zipfile
import zlib
from pathlib import Path

import cloudpickle
import numpy as np
import skops.io
import yaml

from workbench.testing.models import Threshold, tiny_classifier


class Reduced:
    """Pickles as a call."""

    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


def through_os(folder, canary):
    return pickle.dumps(Reduced(os.system, f"touch {canary}"))


def through_runpy(folder, canary):
    script = folder / "payload.txt"
    script.write_text(f"open({str(canary)!r}, 'w')")
    return pickle.dumps(Reduced(runpy.run_path, str(script)))


def through_logging(folder, canary):
    configuration = {"version": 1, "formatters": {"f": {"()": "os.system", "command": f"touch {canary}"}}}
    return pickle.dumps(Reduced(logging.config.dictConfig, configuration))


def through_importlib(folder, canary):
    """Imports a module of the attacker's from the folder it is told of."""
    (folder / "payload_module.py").write_text(f"open({str(canary)!r}, 'w')")
    path = Reduced(importlib.import_module("sys").path.append, str(folder))
    del path
    return (
        f"cbuiltins\ngetattr\n(cimportlib\nimport_module\n(S'sys'\ntRS'path'\ntR0cbuiltins\nexec\n"
        f"(S'import sys, importlib; sys.path.append({str(folder)!r}); importlib.import_module(\"payload_module\")'\ntR."
    ).encode()


def through_pkgutil(folder, canary):
    """Protocol 0: plain text, with no magic number to know it by."""
    return f"cpkgutil\nresolve_name\n(S'os:system'\ntR(S'touch {canary}'\ntR.".encode()


def through_unfinished_text(folder, canary):
    """Runs, and then ends without a STOP: what reads it raises, too late."""
    return f"cos\nsystem\n(S'touch {canary}'\ntR".encode()


def through_cloudpickle(folder, canary):
    def payload(path=str(canary)):
        open(path, "w").close()  # noqa: PTH123 - it brings no import along
        return 1

    payload.__module__ = "__main__"
    return cloudpickle.dumps(Reduced(payload))


PICKLES = {
    builder.__name__.removeprefix("through_"): builder
    for builder in (
        through_os,
        through_runpy,
        through_logging,
        through_importlib,
        through_pkgutil,
        through_unfinished_text,
        through_cloudpickle,
    )
}


def as_file(name, content):
    def build(folder, canary):
        file = folder / name
        file.write_bytes(content(folder, canary))
        return file

    return build


def packed(pack):
    return lambda folder, canary: pack(through_os(folder, canary))


def zipped(content, name="model.pkl"):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, content)
    return buffer.getvalue()


def skops_with(*members, compression=zipfile.ZIP_STORED):
    """An honest skops file with members added."""

    def build(folder, canary):
        buffer = io.BytesIO(skops.io.dumps(tiny_classifier()))
        with zipfile.ZipFile(buffer, "a", compression) as archive:
            for name, content in members:
                archive.writestr(name, content(folder, canary) if callable(content) else content)
        return buffer.getvalue()

    return build


def linked(name="link.npy", target="/etc/passwd"):
    info = zipfile.ZipInfo(name)
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info, target


def untrusted_skops(folder, canary):
    return skops.io.dumps(Threshold())


def skops_that_calls(folder, canary):
    """A schema that asks for a function by name."""
    model = json.dumps(
        {
            "__class__": "system",
            "__module__": "os",
            "__loader__": "FunctionNode",
            "__id__": 1,
            "content": {"module_path": "os", "function": "system"},
            "protocol": 2,
            "_skops_version": "0.16",
        }
    )
    return zipped(model, "schema.json")


def object_array(folder, canary):
    buffer = io.BytesIO()
    np.save(buffer, np.array([Reduced(os.system, f"touch {canary}")], object), allow_pickle=True)
    return buffer.getvalue()


def nested(folder, canary):
    return zipped(zipped(through_os(folder, canary)), "inner.zip")


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


def pyfunc(**described):
    return {"flavors": {"python_function": {"loader_module": "mlflow.pyfunc.model", **described}}}


def source(model, canary):
    (model / "code").mkdir()
    (model / "code" / "loader.py").write_text(
        f"open({str(canary)!r}, 'w')\ndef _load_pyfunc(path): return path\n"
    )


def pipe(model, canary):
    os.mkfifo(model / "pipe")


def link(model, canary):
    (model / "data.json").symlink_to(model.parent / "outside.pkl")


def text(folder, canary):
    return b"only words"


#: A pickle is refused for want of a waiver; all else, for good.
WAIVABLE = {
    f"{name} in a {kind}": as_file(kind, builder) for name, builder in PICKLES.items() for kind in ["m.pkl"]
} | {
    "a pickle as joblib": as_file("m.joblib", through_os),
    "an MLflow folder with a pickle": mlflow_folder(sklearn()),
    "an MLflow folder with a pickle called skops": mlflow_folder(
        sklearn("model.skops", serialization_format="skops"), name="model.skops"
    ),
    "a Python model": mlflow_folder(pyfunc(python_model="python_model.pkl"), name="python_model.pkl"),
    "a loader module": mlflow_folder(
        {"flavors": {"python_function": {"loader_module": "loader", "code": "code"}}},
        payload=text,
        more=source,
    ),
    "models from code": mlflow_folder(
        pyfunc(python_model="code/loader.py", model_code_path="code/loader.py"), payload=text, more=source
    ),
    "a flavour nobody has read": mlflow_folder({"flavors": {"statsmodels": {"data": "model.pkl"}}}),
}

REFUSED = {
    "gzip": (as_file("m.pkl", packed(gzip.compress)), "packed with gzip"),
    "xz": (as_file("m.pkl", packed(lzma.compress)), "packed with xz"),
    "bzip2": (as_file("m.joblib", packed(bz2.compress)), "packed with bzip2"),
    "zlib": (as_file("m.joblib", packed(zlib.compress)), "packed with zlib"),
    "zip": (as_file("m.pkl", packed(zipped)), "which is a pickle"),
    "a pickle called skops": (as_file("m.skops", through_os), "it holds pickle, and its ending says skops"),
    "a pickle called onnx": (as_file("m.onnx", through_os), "it holds pickle, and its ending says onnx"),
    "a skops file called pickle": (as_file("m.pkl", skops_with()), "it holds skops, and its ending says pickle"),
    "zip slip": (as_file("m.skops", skops_with(("../../evil.npy", text))), "points outside the archive"),
    "absolute member": (as_file("m.skops", skops_with(("/etc/evil.npy", text))), "points outside the archive"),
    "linked member": (as_file("m.skops", skops_with(linked())), "is a link"),
    "pickled member": (as_file("m.skops", skops_with(("1.npy", through_os))), "is a pickle"),
    "packed member": (as_file("m.skops", skops_with(("1.bin", packed(gzip.compress)))), "packed with gzip"),
    "zip in a zip in a zip": (as_file("m.skops", skops_with(("1.npz", nested))), "packed"),
    "objects in an array": (as_file("m.skops", skops_with(("9.npy", object_array))), "as a pickle"),
    "a bomb": (
        as_file("m.skops", skops_with(("9.npy", bytes(32 << 20)), compression=zipfile.ZIP_DEFLATED)),
        "more than 200 times its size",
    ),
    "a type off the list": (as_file("m.skops", untrusted_skops), "not on the reviewed list"),
    "a schema that calls": (as_file("m.skops", skops_that_calls), "not on the reviewed list"),
    "a type that the model itself calls trusted": (
        mlflow_folder(
            sklearn("model.skops", skops_trusted_types=["workbench.testing.models.Threshold"]),
            payload=untrusted_skops,
            name="model.skops",
        ),
        "not on the reviewed list",
    ),
    "an MLmodel that points outside": (mlflow_folder(sklearn("../outside.pkl")), "points outside its folder"),
    "an MLmodel with an absolute path": (mlflow_folder(sklearn("/etc/passwd")), "points outside its folder"),
    "an MLmodel that names what is not there": (mlflow_folder(sklearn("other.pkl")), "not in its folder"),
    "an MLmodel that opens words as a pickle": (mlflow_folder(sklearn(), payload=text), "which holds text"),
    "an MLmodel that names a class of os": (
        mlflow_folder(
            {"flavors": {"xgboost": {"data": "m.json", "model_class": "os.system"}}}, payload=lambda *_: b'{"learner": 1}', name="m.json"
        ),
        "as a class of xgboost",
    ),
    "an MLmodel that refers to itself": (mlflow_folder("flavors: &a\n  sklearn: *a\n  x: *a\n", payload=text), "names no file for"),
    "an MLmodel that is no YAML": (mlflow_folder("flavors: [", payload=text), "is no YAML"),
    "an MLmodel with a Python tag": (
        mlflow_folder("flavors: !!python/object/apply:os.system ['true']\n", payload=text), "is no YAML",
    ),
    "an unknown file": (mlflow_folder(sklearn("lib.so"), name="lib.so", payload=lambda *_: b"\x7fELF\x02\x01\x01\x00\xff"), "not known here"),
    "a link": (mlflow_folder(sklearn(), more=link), "a link"),
    "a pipe": (mlflow_folder(sklearn(), more=pipe), "no plain file"),
}  # fmt: skip


def canary_path(folder: Path) -> Path:
    return folder / "canary"
