"""Torch modules under attack. Run with torch on the path; the product does not need it."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import BaseEstimator, ClassifierMixin

from workbench.audits.base import Subject
from workbench.audits.parts.robustness.gradients import sloped
from workbench.audits.robustness import Robustness
from workbench.datasets import Dataset
from workbench.models.predictors import predictor_of


class Net(ClassifierMixin, BaseEstimator):
    """A module behind scikit-learn's interface, as skorch and others have it."""

    classes_ = np.array(["no", "yes"])

    def __init__(self, module: torch.nn.Module) -> None:
        self.module = self.module_ = module

    def fit(self, X, y):
        return self

    def predict(self, X) -> np.ndarray:
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    def predict_proba(self, X) -> np.ndarray:
        self.module_.eval()
        with torch.no_grad():
            out = self.module_(torch.tensor(np.asarray(X, dtype=np.float32)))
        if out.shape[1] == 1:
            share = out[:, 0] if isinstance(self.module_[-1], torch.nn.Sigmoid) else torch.sigmoid(out[:, 0])
            return torch.stack([1 - share, share], dim=1).numpy()
        return torch.softmax(out, dim=1).numpy()


def frame_of(n: int = 300) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(n, 4)), columns=list("abcd"))
    return frame.assign(y=np.where(frame.a + frame.b * frame.c > 0, "yes", "no"))


def trained(frame: pd.DataFrame, outputs: int, *last: torch.nn.Module) -> Net:
    torch.manual_seed(0)
    module = torch.nn.Sequential(
        torch.nn.Linear(4, 16), torch.nn.Tanh(), torch.nn.Dropout(0.2), torch.nn.Linear(16, outputs), *last
    )
    X = torch.tensor(frame[list("abcd")].to_numpy(dtype=np.float32))
    y = torch.tensor((frame.y == "yes").to_numpy())
    optimiser = torch.optim.Adam(module.parameters(), lr=0.02)
    for _ in range(150):
        out = module(X)
        if outputs == 2:
            loss = torch.nn.functional.cross_entropy(out, y.long())
        elif last:
            loss = torch.nn.functional.binary_cross_entropy(out[:, 0], y.float())
        else:
            loss = torch.nn.functional.binary_cross_entropy_with_logits(out[:, 0], y.float())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    optimiser.zero_grad()
    return Net(module)


@pytest.mark.parametrize("outputs", [1, 2])
def test_autograd_gives_the_slope_and_leaves_the_module_as_it_was(outputs):
    net = trained(frame_of(), outputs)
    model = sloped(net)
    X = np.random.default_rng(1).normal(size=(6, 4))
    net.module_.train()
    weights = np.tile([0.0, 1.0], (6, 1))
    gradient = model.gradient(X, weights)
    for j in range(4):
        move = np.zeros(X.shape)
        move[:, j] = 1e-2
        difference = (model.scores(X + move) - model.scores(X - move))[:, 1] / 2e-2
        np.testing.assert_allclose(gradient[:, j], difference, rtol=2e-2, atol=2e-3)
    assert all(part.training for part in net.module_.modules())
    assert all(p.grad is None or not p.grad.any() for p in net.module_.parameters())


@pytest.mark.parametrize(("outputs", "last"), [(2, ()), (1, ()), (1, (torch.nn.Sigmoid(),))])
def test_pgd_follows_autograd_and_beats_noise(outputs, last):
    frame = frame_of()
    data = Dataset.of(frame, target="y", positive="yes")
    subject = Subject(predictor_of(trained(frame, outputs, *last), data=data), data)
    finding = Robustness(rows=60, queries=200).measure(subject)
    named = {(m.metric, m.slice): m for m in finding.measurements}
    pgd = named["attack_success_rate", "attack=pgd"]
    assert pgd.value >= named["attack_success_rate", "attack=hopskipjump"].value - 0.05
    assert named["attack_gain_over_noise", "attack=pgd"].low > 0


def test_a_module_behind_a_scaler_is_attacked_through_it():
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import StandardScaler

    frame = frame_of()
    scaler = StandardScaler().fit(frame[list("abcd")])
    scaled = pd.DataFrame(scaler.transform(frame[list("abcd")]), columns=list("abcd")).assign(y=frame.y)
    net = trained(scaled, 2)
    model = Pipeline([("scale", scaler), ("net", net)])
    data = Dataset.of(frame, target="y", positive="yes")
    finding = Robustness(rows=30, queries=100, attacks=("fgm",)).measure(
        Subject(predictor_of(model, data=data), data)
    )
    named = {(m.metric, m.slice): m for m in finding.measurements}
    assert named["attack_success_rate", "attack=fgm"].value > 0
