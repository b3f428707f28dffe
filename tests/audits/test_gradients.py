"""Gradients against differences, the numpy graphs against the libraries whose models they read."""

from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression, RidgeClassifier, SGDClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from workbench.audits.parts.robustness.gradients import Graph, Node, sloped


def data(k: int):
    return make_classification(200, 5, n_informative=4, n_redundant=0, n_classes=k, random_state=0)


def assert_slope(model, X, k):
    """The gradient of each label's score is what a small step does to it."""
    step = 1e-5
    for label in range(k):
        weights = np.zeros((len(X), k))
        weights[:, label] = 1.0
        gradient = model.gradient(X, weights)
        for j in range(X.shape[1]):
            move = np.zeros(X.shape)
            move[:, j] = step
            difference = (model.scores(X + move) - model.scores(X - move))[:, label] / (2 * step)
            np.testing.assert_allclose(gradient[:, j], difference, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("k", [2, 3])
@pytest.mark.parametrize(
    "kind", [LogisticRegression(), LinearSVC(), RidgeClassifier(), SGDClassifier(random_state=0)]
)
def test_linear_scores_decide_as_the_model_does(kind, k):
    X, y = data(k)
    model = sloped(kind.fit(X, y))
    np.testing.assert_array_equal(model.scores(X).argmax(axis=1), kind.predict(X))
    assert_slope(model, X[:10], k)


@pytest.mark.parametrize("k", [2, 3])
@pytest.mark.parametrize("activation", ["relu", "tanh", "logistic", "identity"])
def test_a_perceptron_is_read_with_its_gradient(activation, k):
    X, y = data(k)
    network = MLPClassifier((8, 6), activation=activation, max_iter=400, tol=1e-2, random_state=0).fit(X, y)
    model = sloped(network)
    scores = model.scores(X)
    shares = np.exp(scores - scores.max(axis=1, keepdims=True))
    np.testing.assert_allclose(
        shares / shares.sum(axis=1, keepdims=True), network.predict_proba(X), atol=1e-9
    )
    assert_slope(model, X[:10], k)


@pytest.mark.parametrize("k", [2, 3])
def test_an_onnx_graph_gives_the_runtimes_scores_and_their_gradient(k):
    import onnxruntime
    from skl2onnx import to_onnx

    X, y = data(k)
    network = MLPClassifier((7,), activation="tanh", max_iter=400, tol=1e-2, random_state=0).fit(X, y)
    proto = to_onnx(network, X[:1].astype(np.float32), options={"zipmap": False})
    model = sloped(SimpleNamespace(proto=proto))
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    labels, _ = session.run(None, {session.get_inputs()[0].name: X.astype(np.float32)})
    np.testing.assert_array_equal(model.scores(X).argmax(axis=1), labels)
    assert_slope(model, X[:10], k)


def test_every_operator_of_an_onnx_graph_has_its_gradient():
    import onnxruntime
    from onnx import TensorProto, checker, helper, numpy_helper

    rng = np.random.default_rng(0)
    constants = {
        "mean": rng.normal(size=4), "scale": rng.random(4) + 0.5, "w": rng.normal(size=(6, 4)),
        "b": rng.normal(size=6), "v": rng.normal(size=(6, 3)), "half": np.array([0.5]), "five": np.array([5.0]),
    }  # fmt: skip
    nodes = [
        ("Sub", ["x", "mean"], "centred", {}),
        ("Div", ["centred", "scale"], "scaled", {}),
        ("Gemm", ["scaled", "w", "b"], "hidden", {"transB": 1, "alpha": 0.7, "beta": 1.2}),
        ("Relu", ["hidden"], "relu", {}),
        ("Sigmoid", ["hidden"], "sigmoid", {}),
        ("Tanh", ["hidden"], "tanh", {}),
        ("Mul", ["sigmoid", "tanh"], "gated", {}),
        ("Add", ["gated", "relu"], "sum", {}),
        ("Identity", ["sum"], "same", {}),
        ("Flatten", ["same"], "flat", {}),
        ("MatMul", ["flat", "v"], "out", {}),
        ("Softmax", ["out"], "soft", {"axis": -1}),
        ("Sub", ["half", "soft"], "rest", {}),
        ("Div", ["soft", "five"], "part", {}),
        ("Concat", ["rest", "part"], "scores", {"axis": 1}),
    ]
    graph = helper.make_graph(
        [helper.make_node(op, reads, [makes], **attributes) for op, reads, makes, attributes in nodes],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 4])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, [None, 6])],
        [numpy_helper.from_array(v.astype(np.float32), k) for k, v in constants.items()],
    )
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    checker.check_model(proto)
    X = rng.normal(size=(9, 4))
    model = sloped(proto)
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    [theirs] = session.run(None, {"x": X.astype(np.float32)})
    np.testing.assert_allclose(model.scores(X), theirs, atol=1e-5)
    assert_slope(model, X, 6)


def test_what_has_no_gradient_says_so():
    from onnx import TensorProto, helper

    X, y = data(2)
    assert sloped(DecisionTreeClassifier().fit(X, y)) is None
    assert sloped(lambda frame: frame) is None
    graph = helper.make_graph(
        [helper.make_node("Floor", ["x"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 2])],
    )
    assert sloped(helper.make_model(graph)) is None


def test_a_weight_made_from_the_inputs_is_refused_and_not_guessed():
    graph = Graph((Node("MatMul", ("x", "x"), "y", {}),), {}, "x", "y")
    with pytest.raises(NotImplementedError, match="computed from the inputs"):
        graph.gradient(np.eye(3), np.ones((3, 3)))
