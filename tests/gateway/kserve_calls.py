"""Run by KServe's own Python (see ``test_kserve_client.py``): its client's calls, their answers as JSON.

Arguments: the gateway's URL, and headers as JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys

import numpy as np
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig

ROW = {"x1": 0.5, "x2": -1.0, "colour": "red"}


def request(*, binary):
    inputs = []
    for name, value, datatype in (("x1", 0.5, "FP64"), ("x2", -1.0, "FP64"), ("colour", "red", "BYTES")):
        tensor = InferInput(name, [1], datatype)
        kind = object if datatype == "BYTES" else float
        tensor.set_data_from_numpy(np.array([value], dtype=kind), binary_data=binary)
        inputs.append(tensor)
    return InferRequest("tiny", inputs, request_id="k-1")


async def call(url, headers):
    def shown():
        return {"headers": dict(headers)}  # the client writes into what it is given

    seen = {}
    async with InferenceRESTClient(RESTConfig(protocol="v1")) as client:
        seen["v1 ready"] = await client.is_model_ready(url, "tiny", **shown())
        for form, row in (("object", ROW), ("list", list(ROW.values()))):
            seen[f"v1 {form}"] = await client.infer(url, {"instances": [row]}, "tiny", **shown())
        try:
            await client.infer(url, {"instances": [[1]]}, "tiny", **shown())
        except Exception as error:  # noqa: BLE001 - it shows our sentence, whatever it raises
            seen["v1 error"] = str(error)
    async with InferenceRESTClient(RESTConfig(protocol="v2")) as client:
        seen["v2 live"] = await client.is_server_live(url)
        seen["v2 ready"] = await client.is_server_ready(url)
        seen["v2 model"] = await client.is_model_ready(url, "tiny", **shown())
        seen["v2 other"] = await client.is_model_ready(url, "other", **shown())
        for binary in (False, True):
            answer = await client.infer(url, request(binary=binary), "tiny", **shown())
            outputs = {output.name: output.as_numpy().tolist() for output in answer.outputs}
            seen[f"v2 {'binary' if binary else 'json'}"] = [answer.id, outputs]
    return seen


sys.stdout.write(json.dumps(asyncio.run(call(sys.argv[1], json.loads(sys.argv[2])))))
