"""The bare application: FastAPI and orjson around a fitted estimator. It checks nothing and keeps nothing.

python benchmarks/servers/bare.py MODEL.joblib PORT
"""

from __future__ import annotations

import sys

import joblib
import orjson
import pandas as pd
import uvicorn
from fastapi import FastAPI, Request, Response

app = FastAPI()
model = joblib.load(sys.argv[1])


@app.get("/ping")
async def ping() -> Response:
    return Response("\n")


@app.post("/invocations")
async def invocations(request: Request) -> Response:
    split = orjson.loads(await request.body())["dataframe_split"]
    answers = model.predict(pd.DataFrame(split["data"], columns=split["columns"]))
    return Response(orjson.dumps({"predictions": answers.tolist()}), media_type="application/json")


uvicorn.run(app, port=int(sys.argv[2]), log_config=None, access_log=False)
