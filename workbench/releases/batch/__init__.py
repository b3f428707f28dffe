"""Batch: the rows of a file are scored by a registered version, by the code that answers requests.

The third place where a model answers, beside ``local`` and ``ray``, and yet no ``Target``: a target is told
who answers the requests of an endpoint, by which share, and says who does. Here no request arrives, nothing
is split, and a run is over when its file is read. What it shares with targets is who may answer: the champion
with its bytes checked, and nobody while the endpoint is killed.

* ``reading`` - the rows of a CSV or Parquet file, a chunk at a time.
* ``answering`` - one chunk: checked, answered, what does not fit put aside. Runs in a worker.
* ``parts`` - what is finished, on disk, so that a run goes on where it was killed.
* ``run`` - ``Batches``, which wires them and tells the journal.
"""

from __future__ import annotations

from workbench.releases.batch.records import BatchRun, Done
from workbench.releases.batch.run import Batches

__all__ = ["BatchRun", "Batches", "Done"]
