"""Pickles that run something when they are read: each would write the canary file."""

from __future__ import annotations

import logging.config
import os
import pickle
import runpy
import sys

import cloudpickle


class Reduced:
    """Pickles as a call."""

    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


def through_os(folder, canary):
    return pickle.dumps(Reduced(os.system, f"touch {canary}"))


def through_runpy(folder, canary):
    script = folder / "payload.txt"
    script.write_text(f"open({str(canary)!r}, 'w')")
    return pickle.dumps(Reduced(runpy.run_path, str(script)))


def through_logging(folder, canary):
    configuration = {"version": 1, "formatters": {"f": {"()": "os.system", "command": f"touch {canary}"}}}
    return pickle.dumps(Reduced(logging.config.dictConfig, configuration))


def through_importlib(folder, canary):
    """Imports a module of the attacker's from the folder it is told of."""
    (folder / "payload_module.py").write_text(f"open({str(canary)!r}, 'w')")
    return (
        f"cbuiltins\ngetattr\n(cimportlib\nimport_module\n(S'sys'\ntRS'path'\ntR0cbuiltins\nexec\n"
        f"(S'import sys, importlib; sys.path.append({str(folder)!r}); importlib.import_module(\"payload_module\")'\ntR."
    ).encode()


def through_pkgutil(folder, canary):
    """Protocol 0: plain text, with no magic number to know it by."""
    return f"cpkgutil\nresolve_name\n(S'os:system'\ntR(S'touch {canary}'\ntR.".encode()


def through_hexadecimal(folder, canary):
    """Begins with a number that readers take and ``pickletools`` does not."""
    return b"I0x10\n0" + through_pkgutil(folder, canary)


def through_unfinished_text(folder, canary):
    """Runs, and then ends without a STOP: what reads it raises, too late."""
    return f"cos\nsystem\n(S'touch {canary}'\ntR".encode()


def through_cloudpickle(folder, canary):
    def payload(path=str(canary)):
        open(path, "w").close()  # noqa: PTH123 - it brings no import along
        return 1

    payload.__module__ = "__main__"
    return cloudpickle.dumps(Reduced(payload))


def behind_a_megabyte(folder, canary):
    """Text for a megabyte. Where it may write nothing it goes on, and an estimator is what it leaves."""
    code = f"try: open({str(canary)!r}, 'w').close()\nexcept Exception: pass".replace("\n", "\\u000a")
    model = "__import__('sklearn.linear_model', fromlist=['x']).LogisticRegression().fit([[0., 1], [1, 0]], [0, 1])"
    word = "a" * (1 << 20)
    return f"S'{word}'\n0cbuiltins\nexec\n(V{code}\ntR0cbuiltins\neval\n(V{model}\ntR.".encode()


PICKLES = {
    builder.__name__.removeprefix("through_"): builder
    for builder in (
        through_os,
        through_runpy,
        through_logging,
        through_importlib,
        through_pkgutil,
        through_hexadecimal,
        through_unfinished_text,
        through_cloudpickle,
    )
}


def by_value(model):
    """A pickle that brings its class along."""
    module = sys.modules[type(model).__module__]
    cloudpickle.register_pickle_by_value(module)
    try:
        return cloudpickle.dumps(model)
    finally:
        cloudpickle.unregister_pickle_by_value(module)
