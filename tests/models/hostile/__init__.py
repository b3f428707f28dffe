"""Artifacts that would run something when they are read, or take their reader down. Each that can write the
canary file would; none may.

A builder is ``(folder, canary) -> path to register``, or the bytes of a file. ``WAIVABLE`` are programs,
refused until somebody answers for them; ``REFUSED`` are refused for good, each with what must be said;
``BOMBS`` are in a known format without code, and end the process that opens them or answers with them.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import zipfile
import zlib
from pathlib import Path

import pyarrow as pa

from hostile.files import (
    array_and_zip,
    as_file,
    as_tar,
    encrypted,
    hdf5_file,
    keras_file,
    linked,
    lying_array,
    nested,
    object_array,
    overlapping,
    packed,
    safetensors,
    skops_node,
    skops_that_calls,
    skops_with,
    string_node,
    text,
    text_of,
    torch_file,
    untrusted_skops,
    weights,
    zipped,
)
from hostile.folders import (
    beside,
    boosted_and_zip,
    buried,
    deep,
    described_below,
    device,
    door,
    hard_link,
    honest,
    link,
    loaded,
    many,
    mlflow_folder,
    module,
    named,
    pipe,
    pyfunc,
    sklearn,
    source,
)
from hostile.graphs import (
    adding,
    boosted,
    foreign_operators,
    hidden_in_a_branch,
    onnx_and_field,
    onnx_and_zip,
    onnx_that_grows,
    onnx_that_never_ends,
)
from hostile.pickles import (
    PICKLES,
    behind_a_megabyte,
    through_os,
    through_pkgutil,
)

#: A pickle is refused for want of a waiver; all else, for good.
WAIVABLE = {
    f"{name} in a {kind}": as_file(kind, builder) for name, builder in PICKLES.items() for kind in ["m.pkl"]
} | {
    "a pickle as joblib": as_file("m.joblib", through_os),
    "a pickle behind a long word": as_file(
        "m.pkl", lambda f, c: b"V" + b"x" * 9000 + b"\n0" + through_pkgutil(f, c)
    ),
    "a pickle behind a word of two megabytes": as_file(
        "m.pkl", lambda f, c: b"V" + b"x" * (2 << 20) + b"\n0" + through_pkgutil(f, c)
    ),
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
    "a loader module of somebody's package": mlflow_folder(
        {"flavors": {"python_function": {"loader_module": "logging.config", "data": "model.skops"}}},
        payload=honest, name="model.skops",
    ),
    "code paths beside an honest model": mlflow_folder(
        sklearn("model.skops", code="code"), payload=honest, name="model.skops", more=module("code/os.py")
    ),
    "a model code path": mlflow_folder(
        pyfunc(python_model="python_model.pkl", model_code_path="model.txt"),
        name="python_model.pkl", more=module("model.txt"),
    ),
    "source beside an honest model": mlflow_folder(
        sklearn("model.skops"), payload=honest, name="model.skops", more=module("sitecustomize.PY")
    ),
    "a path file beside an honest model": mlflow_folder(
        sklearn("model.skops"), payload=honest, name="model.skops", more=module("evil.pth")
    ),
}  # fmt: skip

#: Formats with no code in them, that take down who opens them or answers with them.
BOMBS = {
    "a tree that points at other memory": boosted(left_children=10**9),
    "a tree that points at itself": boosted(left_children=0),
    "a tree of two thousand million nodes": boosted(num_nodes="2147483647"),
    "a thousand million classes": boosted(num_class="1000000000"),
    "a graph that grows": as_file("m.onnx", onnx_that_grows),
}

#: Data that opens and never answers.
ENDLESS = as_file("m.onnx", onnx_that_never_ends)

REFUSED = {
    "gzip": (as_file("m.pkl", packed(gzip.compress)), "packed with gzip"),
    "xz": (as_file("m.pkl", packed(lzma.compress)), "packed with xz"),
    "bzip2": (as_file("m.joblib", packed(bz2.compress)), "packed with bzip2"),
    "zlib": (as_file("m.joblib", packed(zlib.compress)), "packed with zlib"),
    "zip": (as_file("m.pkl", packed(zipped)), "which is a pickle"),
    "lzma": (as_file("m.joblib", packed(lambda c: lzma.compress(c, lzma.FORMAT_ALONE))), "packed with lzma"),
    "zstandard": (as_file("m.joblib", packed(lambda c: pa.compress(c, codec="zstd", asbytes=True))), "packed with zstandard"),
    "lz4": (as_file("m.joblib", packed(lambda c: pa.compress(c, codec="lz4", asbytes=True))), "packed with lz4"),
    "brotli": (as_file("m.joblib", packed(lambda c: pa.compress(c, codec="brotli", asbytes=True))), "not known here"),
    "tar": (as_file("m.pkl", as_tar), "packed with tar"),
    "torch": (as_file("m.pkl", torch_file), "which is a pickle"),
    "torch in a folder": (mlflow_folder(sklearn(), payload=honest, more=beside("weights.pt", torch_file)), "which is a pickle"),
    "keras": (mlflow_folder(sklearn(), payload=honest, more=beside("m.keras", keras_file)), "not known here"),
    "HDF5": (mlflow_folder(sklearn(), payload=honest, more=beside("m.h5", hdf5_file)), "not known here"),
    "an array of objects": (mlflow_folder(sklearn(), payload=honest, more=beside("a.npy", object_array)), "as a pickle"),
    "an archive of arrays of objects": (
        mlflow_folder(sklearn(), payload=honest, more=beside("a.npz", lambda f, c: zipped(object_array(f, c), "a.npy"))),
        "as a pickle",
    ),
    "an array that declares a terabyte": (
        mlflow_folder(sklearn(), payload=honest, more=beside("a.npy", lying_array)), "declares another size than it has",
    ),
    "such an array in skops": (as_file("m.skops", skops_with(("9.npy", lying_array))), "declares another size than it has"),
    **{
        f"safetensors with {what}": (mlflow_folder(sklearn(), payload=honest, more=beside("m.safetensors", made)), said)
        for what, made, said in (
            ("a header longer than the file", safetensors({}, 8, length=1 << 40), "declares a header that is not there"),
            ("tensors that overlap", safetensors({"a": weights(0, 4), "b": weights(2, 6)}, 6), "overlap"),
            ("a gap", safetensors({"a": weights(4, 8)}, 8), "leave a gap"),
            ("a tensor of a terabyte", safetensors({"a": weights(shape=(1 << 38,))}), "of another size"),
            ("a negative shape", safetensors({"a": weights(shape=(-1, -1))}), "of another size"),
            ("bytes after its end", safetensors({"a": weights()}, 400), "bytes after it"),
            ("one name twice", safetensors({}, header='{"a": {}, "a": {}}'), "is not safetensors'"),
            ("a type nobody knows", safetensors({"a": weights(dtype="PICKLE")}), "is not safetensors'"),
        )
    },
    "ONNX with weights elsewhere": (as_file("m.onnx", adding(location="../../etc/passwd")), "in another file"),
    "ONNX with weights elsewhere, hidden": (as_file("m.onnx", hidden_in_a_branch), "in another file"),
    "ONNX with a terabyte": (as_file("m.onnx", adding(dims=(1 << 38,))), "too small for the declared shape"),
    "ONNX with operators of its own": (as_file("m.onnx", foreign_operators), "uses operators of 'evil.domain'"),
    "ONNX that ends as an archive": (as_file("m.onnx", onnx_and_zip), "is not a whole ONNX model|holds more than an ONNX model does"),
    "ONNX that holds something more": (as_file("m.onnx", onnx_and_field), "holds more than an ONNX model does"),
    "a pickle in a skops in a zip": (
        as_file("m.skops", lambda f, c: zipped(skops_with(("1.npy", through_os))(f, c), "inner.skops")), "packed",
    ),
    "a method by its name": (
        as_file("m.skops", skops_node(
            __class__="method", __module__="builtins", __loader__="MethodNode",
            content={"func": "system", "obj": {"__class__": "module", "__module__": "os", "__loader__": "TypeNode", "__id__": 2}},
        )), "not on the reviewed list|damaged",
    ),
    "an operator by its name": (
        as_file("m.skops", skops_node(
            __class__="methodcaller", __module__="operator", __loader__="OperatorFuncNode",
            attrs={"__class__": "tuple", "__module__": "builtins", "__loader__": "TupleNode", "__id__": 2, "content": [string_node("system")]},
        )), "not on the reviewed list|damaged",
    ),
    "a type that says it is another": (
        as_file("m.skops", skops_node(__class__="system", __module__="os", __loader__="TypeNode")), "not on the reviewed list",
    ),
    "a loader nobody knows": (as_file("m.skops", skops_node(__class__="x", __module__="os", __loader__="Evil")), "damaged"),
    "members that overlap": (as_file("m.skops", overlapping), "overlap"),
    "an encrypted member": (as_file("m.skops", encrypted), "is encrypted"),
    "a member packed in another way": (
        as_file("m.skops", lambda f, c: zipped(b"x", "1.npy", compression=zipfile.ZIP_LZMA)), "packed in a way that is not known",
    ),
    "a member whose name cannot be shown": (as_file("m.skops", skops_with(("1\u202eyp.npy", text_of("x")))), "a name that cannot be shown"),
    "a file whose name cannot be shown": (as_file("m\x1b[2J.pkl", through_os), "has a name that cannot be shown"),
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
    "an MLmodel whose data is a pickle behind a megabyte of text": (
        mlflow_folder(
            loaded("mlflow.sklearn", model_path="model.skops", data="notes.txt"),
            payload=honest, name="model.skops", more=beside("notes.txt", behind_a_megabyte),
        ),
        "describes no flavour 'sklearn'",
    ),
    "such an MLmodel that describes the flavour": (
        mlflow_folder(
            loaded("mlflow.sklearn", sklearn={"pickled_model": "model.skops"}, model_path="model.skops", data="notes.txt"),
            payload=honest, name="model.skops", more=beside("notes.txt", text),
        ),
        "opens 'notes.txt', which holds text",
    ),
    "an MLmodel whose data is a folder with another MLmodel": (
        mlflow_folder(
            loaded("mlflow.sklearn", model_path="model.skops", data="sub"),
            payload=honest, name="model.skops", more=described_below,
        ),
        "names 'sub', which is not in its folder|describes no flavour",
    ),
    "an MLmodel whose data lies beside another MLmodel": (
        mlflow_folder(
            loaded("mlflow.sklearn", sklearn={"pickled_model": "sub/model.skops"}, data="sub/model.skops"),
            payload=honest, name="sub/model.skops", more=lambda m, c: (m / "sub" / "MLmodel").write_text("flavors: {}"),
        ),
        "would obey what lies beside that",
    ),
    "an MLmodel of a Python model with data": (
        mlflow_folder(loaded("mlflow.pyfunc.model", python_model="model.pkl", data="notes.txt"), more=beside("notes.txt", text)),
        "as data for mlflow.pyfunc.model",
    ),
    "an MLmodel that has words unpickled": (
        mlflow_folder(loaded("workbench.models.frameworks.program"), payload=text), "opens 'model.pkl', which holds text",
    ),
    "XGBoost that ends as an archive": (
        mlflow_folder(loaded("mlflow.xgboost", xgboost={"data": "m.ubj"}, data="m.ubj"), payload=boosted_and_zip, name="m.ubj"),
        "m.ubj holds bytes after its end",
    ),
    "an array that ends as an archive": (
        mlflow_folder(sklearn("model.skops"), payload=honest, name="model.skops", more=beside("a.npy", array_and_zip)),
        "ends as a zip archive",
    ),
    "an MLmodel that refers to itself": (mlflow_folder("flavors: &a\n  sklearn: *a\n  x: *a\n", payload=text), "names no file for"),
    "an MLmodel that is no YAML": (mlflow_folder("flavors: [", payload=text), "is no YAML"),
    "an MLmodel with a Python tag": (
        mlflow_folder("flavors: !!python/object/apply:os.system ['true']\n", payload=text), "is no YAML",
    ),
    "an unknown file": (mlflow_folder(sklearn("lib.so"), name="lib.so", payload=lambda *_: b"\x7fELF\x02\x01\x01\x00\xff"), "not known here"),
    "an MLmodel with a path behind eleven thousand values": (
        mlflow_folder(buried(), payload=honest, name="model.skops"), "points outside its folder",
    ),
    "an MLmodel with a configuration outside": (
        mlflow_folder({"flavors": {**sklearn("model.skops")["flavors"], "python_function": {"loader_module": "mlflow.sklearn", "model_path": "model.skops", "config": "/dev/zero"}}},
            payload=honest, name="model.skops"), "points outside its folder: config",
    ),
    "a link": (mlflow_folder(sklearn(), more=link), "a link"),
    "a hard link": (mlflow_folder(sklearn(), more=hard_link), "a hard link"),
    "a pipe": (mlflow_folder(sklearn(), more=pipe), "no plain file"),
    "a device": (mlflow_folder(sklearn(), more=device), "no plain file"),
    "a socket": (mlflow_folder(sklearn(), more=door), "no plain file"),
    "ten thousand files and more": (mlflow_folder(sklearn(), more=many), "more than 10000 files"),
    "folders twenty deep": (mlflow_folder(sklearn(), more=deep), "folders more than 16 deep"),
    "a line break in a name": (mlflow_folder(sklearn(), more=named("a\nMLmodel")), r"a file named 'a\\nMLmodel'"),
    "a name that turns around": (mlflow_folder(sklearn(), more=named("a\u202etxt.py")), r"a file named 'a\\u202etxt"),
    "a name that is no text": (mlflow_folder(sklearn(), more=named("a\udcff")), r"a file named 'a\\udcff'"),
    "a name with a backslash": (mlflow_folder(sklearn(), more=named("..\\evil")), "a file named"),
    "two names that are one elsewhere": (mlflow_folder(sklearn(), more=named("mlMODEL")), "some systems take for one name"),
}  # fmt: skip


def canary_path(folder: Path) -> Path:
    return folder / "canary"
