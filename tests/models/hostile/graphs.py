"""ONNX and XGBoost: graphs and trees that refer elsewhere, lie, or take their reader down."""

from __future__ import annotations

import json

import xgboost
from onnx import TensorProto, helper

from hostile.files import zipped
from hostile.folders import mlflow_folder
from hostile.pickles import through_os
from workbench.testing.models import tiny_frame


def onnx_graph(*nodes, tensors=(), inputs=("x",)):
    """An ONNX model of some nodes; the last gives ``y``."""
    column = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, 2]) for name in (*inputs, "y")]
    graph = helper.make_graph(list(nodes), "g", column[:-1], column[-1:], list(tensors))
    sets = [helper.make_opsetid("", 20), helper.make_opsetid("evil.domain", 1)]
    return helper.make_model(graph, ir_version=10, opset_imports=sets)


def onnx_tensor(name="w", *, dims=(1,), raw=bytes(4), location=None):
    made = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=dims)
    if location is None:
        made.raw_data = raw
    else:
        made.data_location = TensorProto.EXTERNAL
        made.external_data.add(key="location", value=location)
    return made


def adding(**tensor):
    tensors = [onnx_tensor(**tensor)]
    made = onnx_graph(helper.make_node("Add", ["x", "w"], ["y"]), tensors=tensors)
    return lambda *_: made.SerializeToString()


def hidden_in_a_branch(*_):
    """Weights in another file, in a graph inside a node."""
    inner = helper.make_graph(
        [helper.make_node("Constant", [], ["z"], value=onnx_tensor(location="../../etc/passwd"))],
        "inner", [], [helper.make_tensor_value_info("z", TensorProto.FLOAT, [1])],
    )  # fmt: skip
    branch = helper.make_node("If", ["c"], ["i"], then_branch=inner, else_branch=inner)
    made = onnx_graph(branch, helper.make_node("Identity", ["x"], ["y"]))
    return made.SerializeToString()


def foreign_operators(*_):
    return onnx_graph(helper.make_node("Run", ["x"], ["y"], domain="evil.domain")).SerializeToString()


def onnx_and_zip(folder, canary):
    """Begins as an ONNX model and ends as an archive: two readers would read two files."""
    return adding()() + zipped(through_os(folder, canary))


def onnx_and_field(folder, canary):
    """A model with a field more, of a kind that ONNX's reader skips."""
    hidden = through_os(folder, canary)
    return adding()() + varint((3000 << 3) | 2) + varint(len(hidden)) + hidden


def varint(number):
    """A number as protocol buffers write it."""
    return bytes([number]) if number < 128 else bytes([number & 0x7F | 0x80]) + varint(number >> 7)


def boosted(**wrong):
    """An XGBoost model in JSON, with something in its first tree or its parameters put wrong."""

    def build(folder, canary):
        frame = tiny_frame()
        model = xgboost.XGBClassifier(n_estimators=2, n_jobs=1).fit(frame[["x1", "x2"]], frame["y"])
        described = json.loads(bytes(model.get_booster().save_raw("json")))
        booster = described["learner"]["gradient_booster"]["model"]
        parts = (
            booster["trees"][0],
            booster["trees"][0]["tree_param"],
            described["learner"]["learner_model_param"],
        )
        for name, value in wrong.items():
            [part] = [part for part in parts if name in part]
            if isinstance(part[name], list):
                part[name][0] = value
            else:
                part[name] = value
        return json.dumps(described).encode()

    described = {"flavors": {"xgboost": {"data": "m.json", "model_class": "xgboost.sklearn.XGBClassifier"}}}
    return mlflow_folder(described, payload=build, name="m.json")


def onnx_that_grows(*_):
    """Thirty-two gigabytes of zeros for every answer."""
    nodes = [
        helper.make_node("ConstantOfShape", ["n"], ["zeros"]),
        helper.make_node("ReduceSum", ["zeros"], ["none"], keepdims=0),
        helper.make_node("Add", ["x", "none"], ["y"]),
    ]
    n = helper.make_tensor("n", TensorProto.INT64, [1], [1 << 33])
    return onnx_graph(*nodes, tensors=[n]).SerializeToString()


def onnx_that_never_ends(*_):
    """A loop that adds nothing, for ever."""

    def flag(name):
        return helper.make_tensor_value_info(name, TensorProto.BOOL, [])

    def number(name):
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, 2])

    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["on"]), helper.make_node("Identity", ["before"], ["after"])],
        "body",
        [helper.make_tensor_value_info("i", TensorProto.INT64, []), flag("go"), number("before")],
        [flag("on"), number("after")],
    )
    times = helper.make_tensor("times", TensorProto.INT64, [], [1 << 60])
    yes = helper.make_tensor("yes", TensorProto.BOOL, [], [True])
    loop = helper.make_node("Loop", ["times", "yes", "x"], ["y"], body=body)
    return onnx_graph(loop, tensors=[times, yes]).SerializeToString()
