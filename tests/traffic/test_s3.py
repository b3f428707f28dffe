"""Against a server that speaks S3, in a process of its own."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request

import pytest

#: What a project does with its traffic in a bucket, and what came of it.
SCRIPT = """
import json, logging, sys, time
from datetime import UTC, datetime, timedelta
from pathlib import Path
import s3fs
import workbench as wb
from workbench.traffic import CaptureWriter, Exchange, TrafficStore

logging.disable(logging.CRITICAL)
START = datetime(2026, 3, 1, 12, tzinfo=UTC)

def exchange(n):
    return Exchange(request_id=f"r{n}", time=START + timedelta(seconds=n), endpoint="lending", table_version=1,
        arm="champion", share=0.0, version=1, served_by=1, status=200, latency_ms=1.0,
        inputs=[{"person": n % 50}], outputs=["good"])

bench = wb.open(Path(sys.argv[1]), actor="ada")
traffic, said = bench.traffic, {}

def capture(start, stop):
    writer = CaptureWriter.of(bench.settings, "lending")
    for n in range(start, stop):
        writer.put(exchange(n))
    writer.flush()
    waiting = len(traffic.storage.local.names("lending"))
    return writer, waiting

# There is no bucket yet: exchanges wait here, and nobody waits for them.
writer, said["waiting"] = capture(0, 1000)
time.sleep(1)
s3fs.S3FileSystem(use_listings_cache=False).mkdir("bucket")
end = time.monotonic() + 60
while traffic.storage.local.names("lending") and time.monotonic() < end:
    time.sleep(0.1)
writer.close()
said["lost"] = writer.lost
writer, _ = capture(1000, 2000)
writer.close()
said["left"] = len(traffic.storage.local.names("lending"))

elsewhere = TrafficStore(Path(sys.argv[1]) / "another", traffic.storage.remote)
said["read"] = elsewhere.frame("lending")["request_id"].tolist() == [f"r{n}" for n in range(2000)]
names = elsewhere.storage.names("lending")
said["segments"] = len(names)
new, cursor = elsewhere.after("lending", names[1])
said["after"] = [len(new) + sum(elsewhere.segment("lending", name).num_rows for name in names[:2]), cursor == names[-1]]
said["erased"] = traffic.erase("person", "7").exchanges
said["remain"] = len(elsewhere.frame("lending"))
said["names stay"] = elsewhere.storage.names("lending") == names
said["dropped"] = traffic.retain(days=1).exchanges
said["end"] = [len(elsewhere.frame("lending")), elsewhere.storage.names("lending") == names[-1:]]
bench.journal.close()
print(json.dumps(said))
"""


@pytest.fixture
def server():
    """The environment in which ``s3://`` leads to a server of this test's own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    running = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_for(url, running)
        yield {
            **os.environ,
            "AWS_ENDPOINT_URL": url,
            "AWS_ACCESS_KEY_ID": "some",
            "AWS_SECRET_ACCESS_KEY": "body",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
    finally:
        running.kill()
        running.wait()


def _wait_for(url, running, seconds=60.0):
    end = time.monotonic() + seconds
    while True:
        assert running.poll() is None, "the server ended"
        assert time.monotonic() < end, "the server does not answer"
        try:
            urllib.request.urlopen(f"{url}/moto-api/", timeout=5).close()
        except OSError:
            time.sleep(0.1)
        else:
            return


@pytest.mark.slow
def test_traffic_in_a_bucket_is_captured_read_erased_and_dropped(server, tmp_path):
    (tmp_path / "workbench.toml").write_text('capture_url = "s3://bucket/some/prefix"\n')
    ran = subprocess.run(
        [sys.executable, "-c", SCRIPT, tmp_path],
        env=server,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    said = json.loads(ran.stdout)
    segments = said.pop("segments")
    assert 4 <= segments <= 40
    assert said == {
        "waiting": said["waiting"],
        "lost": 0,
        "left": 0,
        "read": True,
        "after": [2000, True],
        "erased": 40,
        "remain": 1960,
        "names stay": True,
        "dropped": 1960,
        "end": [0, True],
    }
    assert said["waiting"] >= 2
