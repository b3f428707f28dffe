"""What a worker process takes away from itself before it opens a model. Linux gives most of it.

Each means is tried and what holds is reported, never assumed: a network namespace of its own (no interface at
all), Landlock (files: only Python, its packages and one private folder; https://docs.kernel.org/userspace-api/
landlock.html), limits on memory, processor time and files, and a hook of Python that refuses sockets and
new processes. The hook alone is no wall: native code walks around it.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from pathlib import Path
from typing import Any

_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
_PR_SET_NO_NEW_PRIVS = 38
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446

#: Landlock's rights on files: those to read and run, and how many bits each version of its interface knows.
_READ = 0b1101
_BITS = {1: 13, 2: 14, 3: 15, 4: 15}
_ALL_BITS = 16

#: Places that Python and its libraries read, beside where they are installed.
_SYSTEM = (
    "/usr",
    "/lib",
    "/lib64",
    "/bin",
    "/dev/null",
    "/dev/urandom",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/etc/mime.types",
    "/proc/self",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/proc/stat",
    "/sys/devices/system/cpu",
    "/sys/fs/cgroup",
)

_REFUSED = frozenset(
    {
        "socket.connect",
        "socket.bind",
        "socket.sendto",
        "socket.getaddrinfo",
        "subprocess.Popen",
        "os.system",
        "os.exec",
        "os.posix_spawn",
        "os.spawn",
        "os.fork",
        "os.forkpty",
    }
)


def confine(*, memory: int, seconds: int, home: Path, readable: Path) -> dict[str, str]:
    """Take away network, files, memory and time. To be called before any thread starts.

    Args:
        memory: bytes of address space.
        seconds: of processor time, all calls together.
        home: the one folder that may be written.
        readable: the model's file or folder, which may be read.

    Returns:
        What holds: ``network`` is ``namespace``, ``landlock`` (TCP alone) or ``hook``; ``files`` is
        ``landlock`` or ``open``; ``limits`` is ``set`` or ``none``.
    """
    held = {"network": "hook", "files": "open", "limits": _limits(memory, seconds)}
    if not sys.platform.startswith("linux"):
        return held
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNET) == 0 or libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET) == 0:
        held["network"] = "namespace"
    version = _landlock(libc, home, readable)
    if version:
        held["files"] = "landlock"
        if version >= 4 and held["network"] == "hook":
            held["network"] = "landlock"
    return held


def refuse_sockets_and_processes() -> None:
    """Let Python itself refuse them from here on; a hook cannot be taken out again."""

    def hook(event: str, _: Any) -> None:
        if event in _REFUSED:
            raise PermissionError(f"{event} is not allowed where a model is examined")

    sys.addaudithook(hook)


def _limits(memory: int, seconds: int) -> str:
    try:
        import resource
    except ImportError:  # not a Unix
        return "none"
    wanted = {
        resource.RLIMIT_AS: memory,
        resource.RLIMIT_CPU: seconds,
        resource.RLIMIT_NOFILE: 256,
        resource.RLIMIT_FSIZE: 1 << 30,
        resource.RLIMIT_CORE: 0,
    }
    for kind, limit in wanted.items():
        ceiling = resource.getrlimit(kind)[1]
        most = limit if ceiling == resource.RLIM_INFINITY else min(limit, ceiling)
        resource.setrlimit(kind, (most, most))
    return "set"


def _landlock(libc: Any, home: Path, readable: Path) -> int:
    """Confine this process to what it needs; return the version of the interface, 0 when there is none."""
    version = int(libc.syscall(_CREATE_RULESET, None, 0, 1))
    if version < 1:
        return 0
    everything = (1 << _BITS.get(version, _ALL_BITS)) - 1
    network = 0b11 if version >= 4 else 0
    scoped = 0b11 if version >= 6 else 0
    attributes = (ctypes.c_uint64 * 3)(everything, network, scoped)
    size = 8 if version < 4 else 16 if version < 6 else 24
    rules = int(libc.syscall(_CREATE_RULESET, attributes, size, 0))
    if rules < 0:
        return 0
    try:
        for place in {*_SYSTEM, sys.prefix, sys.base_prefix, *filter(None, sys.path), str(readable)}:
            _allow(libc, rules, place, _READ)
        _allow(libc, rules, str(home), everything)
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        return version if libc.syscall(_RESTRICT_SELF, rules, 0) == 0 else 0
    finally:
        os.close(rules)


def _allow(libc: Any, rules: int, place: str, rights: int) -> None:
    with contextlib.suppress(OSError):  # a system without that place has nothing there to allow
        handle = os.open(place, os.O_PATH | os.O_CLOEXEC)
        try:
            if not Path(place).is_dir():
                rights &= 0b100 | 0b10  # of a file: read and write
            rule = rights.to_bytes(8, sys.byteorder) + handle.to_bytes(4, sys.byteorder)
            libc.syscall(_ADD_RULE, rules, 1, rule, 0)
        finally:
            os.close(handle)
