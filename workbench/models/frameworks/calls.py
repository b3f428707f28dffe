"""The MLflow Python model a function is wrapped in. Its own module: defining it needs MLflow."""

from __future__ import annotations

from typing import Any

import pandas as pd
from mlflow.pyfunc.model import PythonModel


class Call(PythonModel):
    """Calls a function with the rows it is given."""

    def __init__(self, function: Any) -> None:
        self.function = function

    # MLflow reads the hint of model_input, and warns of none and of any other.
    def predict(self, context: Any, model_input: pd.DataFrame, params: Any = None) -> Any:  # noqa: ARG002
        """Return the function's answer."""
        return self.function(model_input)
