from __future__ import annotations

import pandas as pd
import pytest

from workbench.core import digests
from workbench.models.compiled import look
from workbench.models.compiled.building import build
from workbench.models.compiled.keeping import keep
from workbench.testing.models import tiny_frame

NUMBERS = ["x1", "x2"]


class Bench:
    """A registry with what compiling needs around it, in this process."""

    def __init__(self, registry, settings) -> None:
        self.registry, self.state = registry, settings.state

    def register(self, model, train, target="y", **more):
        return self.registry.register(model, name="tiny", train=train, target=target, **more)

    def compile(self, version):
        record, content = build(version, self.registry.load(version), self.state)
        keep(record, content, self.state)
        return record

    def look(self, version):
        return look(version, self.registry.load(version), state=self.state)

    def place(self, version):
        return self.state / "compiled" / version.digest.removeprefix("sha256:")

    def forge(self, version, content, **more):
        """Put other bytes in the place of the copy, with a record that fits them."""
        [old] = self.place(version).glob("*.bin")
        old.unlink()
        record = self.look_record(version).model_copy(
            update={"file_digest": digests.of_bytes(content), **more}
        )
        (self.place(version) / f"{record.file_digest.removeprefix('sha256:')}.bin").write_bytes(content)
        (self.place(version) / "record.json").write_text(record.to_json())

    def look_record(self, version):
        from workbench.models.compiled.keeping import record_of

        return record_of(version.digest, self.state)


@pytest.fixture
def bench(registry, settings):
    return Bench(registry, settings)


@pytest.fixture(scope="session")
def train():
    """Rows with numbers of which some are missing, and without the text."""
    frame = tiny_frame(600).drop(columns=["group", "colour"])
    return frame.assign(x2=frame["x2"].where(frame.index % 9 > 0))


@pytest.fixture(scope="session")
def full(train):
    return train.fillna(0.25)


@pytest.fixture(scope="session")
def adult(shared_data):
    """The first rows of Adult; some lack their work class and their occupation."""
    place = shared_data / "adult" / "adult.data.gz"
    columns = "age workclass fnlwgt education education_num marital occupation relationship race sex gain loss hours country income"
    frame = pd.read_csv(place, names=columns.split(), skipinitialspace=True, na_values="?", nrows=4000)
    return frame.drop(columns=["fnlwgt"])
