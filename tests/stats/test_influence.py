import numpy as np
import pytest
import statsmodels.api as sm

from workbench.stats import influence


def drawn(n: int = 60):
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.normal(size=(n, 3)), np.ones(n)])
    return X, rng


def test_cooks_distance_is_statsmodels():
    X, rng = drawn()
    y = X @ [1.0, -2.0, 0.5, 3.0] + rng.normal(size=len(X))
    theirs = sm.OLS(y, X).fit()
    ours = influence.cooks_distance(X, y - theirs.fittedvalues)
    assert ours == pytest.approx(theirs.get_influence().cooks_distance[0], rel=1e-8)


def test_the_logistic_distance_is_pregibons_and_close_to_a_fit_without_the_row():
    X, rng = drawn(80)
    y = (X @ [1.0, -1.0, 0.5, 0.2] + rng.logistic(size=80) > 0).astype(float)
    fitted = sm.GLM(y, X, family=sm.families.Binomial()).fit()
    p = fitted.fittedvalues
    ours = influence.logistic_distance(X, y, p, np.zeros(4))
    assert ours == pytest.approx(fitted.get_influence().cooks_distance[0], rel=1e-6)
    hessian = (X * (p * (1 - p))[:, None]).T @ X
    exact = []
    for i in range(80):
        kept = np.arange(80) != i
        move = fitted.params - sm.GLM(y[kept], X[kept], family=sm.families.Binomial()).fit().params
        exact.append(move @ hessian @ move / 4)
    assert np.corrcoef(np.log(ours), np.log(exact))[0, 1] > 0.99


def test_the_top_share_of_equal_rows_is_their_share():
    assert influence.top_share(np.ones(200), 0.01) == pytest.approx(0.01)
    assert influence.top_share(np.r_[np.zeros(99), 5.0], 0.01) == 1.0
    assert influence.top_share(np.zeros(10)) == 0.0


def test_shifted_rows_have_the_greatest_spectral_scores():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(200, 8))
    rows[:10] += 6
    assert set(np.argsort(-influence.spectral_scores(rows))[:10]) == set(range(10))
