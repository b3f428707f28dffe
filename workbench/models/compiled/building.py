"""Make a copy: every way is tried until one answers all rows as the model does.

Run as a process of its own (``compiling``): a converter that never comes back, or that crashes, takes nothing
else along.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from workbench.core import digests
from workbench.core.errors import MissingDependency
from workbench.models.compiled.base import TOLERANCE, NotCompiled
from workbench.models.compiled.compare import Model
from workbench.models.compiled.compilers import compiler_for, libraries
from workbench.models.compiled.keeping import keep
from workbench.models.compiled.records import Compiled
from workbench.models.compiled.rows import rows_of
from workbench.models.loading import load_version
from workbench.models.predictors import Predictor
from workbench.models.records import ModelVersion


def build(version: ModelVersion, predictor: Predictor, state: Path) -> tuple[Compiled, bytes]:
    """Return the record of the first copy that answers alike, and its bytes; or of why there is none."""
    about = Compiled(model=version.ref, digest=version.digest)
    try:
        return _tried(about, version, predictor, state)
    except (NotCompiled, MissingDependency) as error:
        return about.model_copy(update={"reason": error.message}), b""


def _tried(
    about: Compiled, version: ModelVersion, predictor: Predictor, state: Path
) -> tuple[Compiled, bytes]:
    one = compiler_for(predictor.model)
    cells, compared = rows_of(version, state)
    model = Model(version, predictor, cells, compared.rows)
    reasons = {}
    for way, make in one.ways(predictor.model, version):
        try:
            content = make()
            difference, left = model.difference(one.open(content, way, version, predictor))
        except NotCompiled as error:
            reasons[way] = error.message
        except Exception as error:  # noqa: BLE001 - converters raise anything
            reasons[way] = f"{type(error).__name__}: {' '.join(str(error).split())[:160]}"
        else:
            found = {
                "kind": one.name,
                "way": way,
                "file_digest": digests.of_bytes(content),
                "libraries": libraries(one),
                "compared": compared,
                "greatest_difference": difference,
                "left_to_model": left,
                "tolerance": TOLERANCE,
            }
            return about.model_copy(update=found), content
    raise NotCompiled(" ".join(f"As {way}: {reason}" for way, reason in reasons.items()))


def main() -> None:
    """Read from standard input what to compile; write record and copy into a folder that only we know."""
    told = json.load(sys.stdin)
    version, state = ModelVersion.model_validate(told["version"]), Path(told["state"])
    record, content = build(version, load_version(version, Path(told["folder"])), state)
    keep(record, content, Path(told["to"]))


if __name__ == "__main__":
    main()
