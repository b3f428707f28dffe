"""Files that are packed, lie about themselves, or hide something. A builder returns the bytes."""

from __future__ import annotations

import io
import json
import os
import stat
import struct
import tarfile
import zipfile

import numpy as np
import skops.io

from hostile.pickles import Reduced, through_os
from workbench.testing.models import Threshold, tiny_classifier


def as_file(name, content):
    def build(folder, canary):
        file = folder / name
        file.write_bytes(content(folder, canary))
        return file

    return build


def text(folder, canary):
    return b"only words"


def text_of(words):
    return lambda *_: words.encode()


def packed(pack):
    return lambda folder, canary: pack(through_os(folder, canary))


def zipped(content, name="model.pkl", **options):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", **options) as archive:
        archive.writestr(name, content)
    return buffer.getvalue()


def as_tar(folder, canary):
    """A pickle, a link out of the archive, and a hard link to it."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        content = through_os(folder, canary)
        member = tarfile.TarInfo("model.pkl")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
        for name, kind in (("link", tarfile.SYMTYPE), ("../hard", tarfile.LNKTYPE)):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, "/etc/passwd"
            archive.addfile(member)
    return buffer.getvalue()


def skops_with(*members, compression=zipfile.ZIP_STORED):
    """An honest skops file with members added."""

    def build(folder, canary):
        buffer = io.BytesIO(skops.io.dumps(tiny_classifier()))
        with zipfile.ZipFile(buffer, "a", compression) as archive:
            for name, content in members:
                archive.writestr(name, content(folder, canary) if callable(content) else content)
        return buffer.getvalue()

    return build


def linked(name="link.npy", target="/etc/passwd"):
    info = zipfile.ZipInfo(name)
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info, target


def untrusted_skops(folder, canary):
    return skops.io.dumps(Threshold())


def skops_that_calls(folder, canary):
    """A schema that asks for a function by name."""
    model = json.dumps(
        {
            "__class__": "system",
            "__module__": "os",
            "__loader__": "FunctionNode",
            "__id__": 1,
            "content": {"module_path": "os", "function": "system"},
            "protocol": 2,
            "_skops_version": "0.16",
        }
    )
    return zipped(model, "schema.json")


def skops_node(**node):
    """A schema of one node of skops, as its readers of functions, methods and operators take it."""
    described = {"__id__": 1, "protocol": 2, "_skops_version": "0.16", **node}
    return lambda *_: zipped(json.dumps(described), "schema.json")


def string_node(text):
    return {"__class__": "str", "__module__": "builtins", "__loader__": "JsonNode", "content": json.dumps(text), "is_json": True, "__id__": 7}  # fmt: skip


def overlapping(folder, canary):
    """Two members that lie in the same bytes: what unpacks is many times what is there."""
    content = bytearray(zipped(bytes(100_000), "1.npy"))
    directory = content.index(b"PK\x01\x02")
    entry, end = content[directory : content.index(b"PK\x05\x06")], content[content.index(b"PK\x05\x06") :]
    again = entry.replace(b"1.npy", b"2.npy")
    end[8:12] = struct.pack("<HH", 2, 2)
    end[12:16] = struct.pack("<I", len(entry) * 2)
    return bytes(content[:directory] + entry + again + end)


def encrypted(folder, canary):
    content = bytearray(zipped(b"secret", "1.npy"))
    for magic, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(magic) + place] |= 1
    return bytes(content)


def torch_file(folder, canary):
    """What ``torch.save`` writes: a zip with the pickle in it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("archive/data.pkl", through_os(folder, canary))
        archive.writestr("archive/data/0", bytes(64))
        archive.writestr("archive/version", "3\n")
    return buffer.getvalue()


def keras_file(folder, canary):
    """What ``model.save`` of Keras 3 writes, with a layer that is a function."""
    import base64
    import marshal

    code = compile(f"open({str(canary)!r}, 'w')", "x", "eval")
    function = {
        "class_name": "__lambda__",
        "config": {"code": base64.b64encode(marshal.dumps(code)).decode()},
    }
    layers = [{"class_name": "Lambda", "config": {"function": function}}]
    return zipped(json.dumps({"class_name": "Sequential", "config": {"layers": layers}}), "config.json")


def hdf5_file(folder, canary):
    """The signature and first block of HDF5, as Keras wrote before: a function in it is marshalled code."""
    return b"\x89HDF\r\n\x1a\n\x00\x00\x00\x00\x00\x08\x08\x00" + bytes(80) + through_os(folder, canary)


def safetensors(tensors, size=4, *, length=None, header=None):
    text = (json.dumps(tensors) if header is None else header).encode()
    content = struct.pack("<Q", len(text) if length is None else length) + text + bytes(size)
    return lambda *_: content


def weights(start=0, stop=4, shape=(1,), dtype="F32"):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [start, stop]}


def lying_array(*_):
    """A header that declares a terabyte."""
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        buffer, {"descr": "<f8", "fortran_order": False, "shape": (1 << 37,)}
    )
    return buffer.getvalue() + bytes(8)


def array_and_zip(folder, canary):
    """Numbers that are the bytes of an archive."""
    buffer = io.BytesIO()
    np.save(buffer, np.frombuffer(zipped(b"words", "1.txt"), np.uint8))
    return buffer.getvalue()


def object_array(folder, canary):
    buffer = io.BytesIO()
    np.save(buffer, np.array([Reduced(os.system, f"touch {canary}")], object), allow_pickle=True)
    return buffer.getvalue()


def nested(folder, canary):
    return zipped(zipped(through_os(folder, canary)), "inner.zip")
