"""The last barriers around a job: no path can be opened (landlock), few system calls can be made (seccomp).

By ctypes alone, Linux alone. What a kernel does not offer is left out and said so: whoever starts jobs tells it loudly. To be
put up by a process of one thread, after everything it will ever import: a late import fails.

Sources: landlock(7), kernel documentation userspace-api/landlock and userspace-api/seccomp_filter, seccomp(2).
"""

import ctypes
import errno
import os
import platform
import struct
import sys
from collections.abc import Mapping
from typing import Final

PR_SET_NO_NEW_PRIVS: Final = 38
_PR_SET_SECCOMP = 22
_SECCOMP_MODE_FILTER = 2
_PR_SET_NAME = 15

_LANDLOCK_CREATE_RULESET = 444
_LANDLOCK_RESTRICT_SELF = 446
_LANDLOCK_CREATE_RULESET_VERSION = 1

_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 5: 16}
"""Number of kinds of access to paths that a ruleset may handle, by the ABI that brought them."""

_NET_RIGHTS_SINCE, _NET_RIGHTS = 4, 0b11
_SCOPES_SINCE, _SCOPES = 6, 0b11
"""Abstract sockets and signals to processes outside."""

_AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

_NUMBERS: Mapping[str, Mapping[str, int]] = {
    "x86_64": {
        "read": 0, "write": 1, "close": 3, "fstat": 5, "poll": 7, "lseek": 8, "mmap": 9, "mprotect": 10, "munmap": 11,
        "brk": 12, "rt_sigaction": 13, "rt_sigprocmask": 14, "rt_sigreturn": 15, "pread64": 17, "readv": 19, "writev": 20,
        "sched_yield": 24, "mremap": 25, "madvise": 28, "nanosleep": 35, "getpid": 39, "socket": 41, "connect": 42,
        "sendto": 44, "recvfrom": 45, "sendmsg": 46, "recvmsg": 47, "bind": 49, "clone": 56, "execve": 59, "exit": 60,
        "getcwd": 79, "gettimeofday": 96, "getrusage": 98, "ptrace": 101, "sigaltstack": 131, "mount": 165, "gettid": 186,
        "prctl": 157, "futex": 202, "sched_getaffinity": 204, "clock_gettime": 228, "clock_nanosleep": 230, "exit_group": 231,
        "tgkill": 234, "keyctl": 250, "newfstatat": 262, "unshare": 272, "set_robust_list": 273, "perf_event_open": 298,
        "prlimit64": 302, "setns": 308, "process_vm_readv": 310, "process_vm_writev": 311, "getrandom": 318, "bpf": 321,
        "execveat": 322, "userfaultfd": 323, "membarrier": 324, "rseq": 334, "io_uring_setup": 425, "clone3": 435,
        "getppid": 110, "arch_prctl": 158,
    },
    "aarch64": {
        "read": 63, "write": 64, "close": 57, "fstat": 80, "ppoll": 73, "lseek": 62, "mmap": 222, "mprotect": 226,
        "munmap": 215, "brk": 214, "rt_sigaction": 134, "rt_sigprocmask": 135, "rt_sigreturn": 139, "pread64": 67,
        "readv": 65, "writev": 66, "sched_yield": 124, "mremap": 216, "madvise": 233, "nanosleep": 101, "getpid": 172,
        "socket": 198, "connect": 203, "sendto": 206, "recvfrom": 207, "sendmsg": 211, "recvmsg": 212, "bind": 200,
        "clone": 220, "execve": 221, "exit": 93, "getcwd": 17, "gettimeofday": 169, "getrusage": 165, "ptrace": 117,
        "sigaltstack": 132, "mount": 40, "gettid": 178, "prctl": 167, "futex": 98, "sched_getaffinity": 123,
        "clock_gettime": 113, "clock_nanosleep": 115, "exit_group": 94, "tgkill": 131, "keyctl": 219, "newfstatat": 79,
        "unshare": 97, "set_robust_list": 99, "perf_event_open": 241, "prlimit64": 261, "setns": 268,
        "process_vm_readv": 270, "process_vm_writev": 271, "getrandom": 278, "bpf": 280, "execveat": 281,
        "userfaultfd": 282, "membarrier": 283, "rseq": 293, "io_uring_setup": 425, "clone3": 435, "getppid": 173,
    },
}  # fmt: skip

_ALLOWED = (
    "read write close fstat poll ppoll lseek mmap mprotect munmap brk rt_sigaction rt_sigprocmask rt_sigreturn pread64 readv "
    "writev sched_yield mremap madvise nanosleep getpid getppid gettid sendto recvfrom sendmsg recvmsg exit exit_group getcwd "
    "gettimeofday getrusage sigaltstack futex sched_getaffinity clock_gettime clock_nanosleep set_robust_list getrandom "
    "membarrier rseq arch_prctl"
)
"""What decoding, and talking over the one socket that is open, needs."""

_DEADLY = (
    "socket connect bind execve execveat ptrace mount unshare setns keyctl perf_event_open process_vm_readv process_vm_writev "
    "bpf userfaultfd io_uring_setup"
)
"""What no decoder ever does: whoever does it has been taken over, and ends at once by SIGSYS. All else fails with EPERM."""

_LOAD, _JUMP_IF, _JUMP_IF_SET, _JUMP_IF_AT_LEAST, _RETURN = 0x20, 0x15, 0x45, 0x35, 0x06
_NUMBER_AT, _ARCH_AT, _ARGUMENTS_AT = 0, 4, 16
_ALLOW, _KILL, _FAIL = 0x7FFF0000, 0x80000000, 0x00050000
_CLONE_THREAD = 0x00010000
_AT_EMPTY_PATH = 0x1000
_X32 = 0x40000000

_libc = ctypes.CDLL(None, use_errno=True)


class _RulesetAttributes(ctypes.Structure):
    _fields_ = (("fs", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def _checked(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def prctl(option: int, value: int, argument: object = 0) -> None:
    """Ask the kernel for something about this process; raises OSError. See the manual, section 2."""
    _checked(_libc.prctl(option, value, argument, 0, 0), f"prctl {option}")


def landlock_abi() -> int:
    """Which version of landlock the kernel offers; 0 for none."""
    if sys.platform != "linux":
        return 0
    return max(0, int(_libc.syscall(_LANDLOCK_CREATE_RULESET, None, 0, _LANDLOCK_CREATE_RULESET_VERSION)))


def forbid_paths() -> None:
    """Let no path be opened, listed, made or removed any more, no TCP port be used, no signal leave. Raises OSError where the
    kernel has no landlock.
    """
    abi = landlock_abi()
    if abi == 0:
        raise OSError(errno.EOPNOTSUPP, "no landlock")
    kinds = _FILE_RIGHTS[max(version for version in _FILE_RIGHTS if version <= abi)]
    attributes = _RulesetAttributes(
        (1 << kinds) - 1,
        _NET_RIGHTS if abi >= _NET_RIGHTS_SINCE else 0,
        _SCOPES if abi >= _SCOPES_SINCE else 0,
    )
    # Older kernels take a shorter structure only, or one whose end is zero.
    ruleset = _checked(
        _libc.syscall(_LANDLOCK_CREATE_RULESET, ctypes.byref(attributes), ctypes.sizeof(attributes), 0), "landlock ruleset"
    )
    try:
        _checked(_libc.syscall(_LANDLOCK_RESTRICT_SELF, ruleset, 0), "landlock")
    finally:
        os.close(ruleset)


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)


def _argument(number: int) -> bytes:
    """Load the low half of an argument; both architectures are little-endian."""
    return _step(_LOAD, _ARGUMENTS_AT + 8 * number)


def _for(number: int, *steps: bytes) -> bytes:
    """What is done for one system call; the others pass it by."""
    return _step(_JUMP_IF, number, 0, len(steps)) + b"".join(steps)


def _if_equal(value: int) -> tuple[bytes, ...]:
    return (_step(_JUMP_IF, value, 0, 1), _step(_RETURN, _ALLOW), _step(_RETURN, _FAIL | errno.EPERM))


def _if_set(bits: int) -> tuple[bytes, ...]:
    return (_step(_JUMP_IF_SET, bits, 0, 1), _step(_RETURN, _ALLOW), _step(_RETURN, _FAIL | errno.EPERM))


def _filter(machine: str, pid: int) -> bytes:
    """The program for the kernel, for a process with this id."""
    numbers = _NUMBERS[machine]

    def known(names: str) -> list[int]:
        return [numbers[name] for name in names.split() if name in numbers]

    return b"".join(
        [
            _step(_LOAD, _ARCH_AT),
            _step(_JUMP_IF, _AUDIT_ARCH[machine], 1, 0),
            _step(_RETURN, _KILL),
            _step(_LOAD, _NUMBER_AT),
            *([_step(_JUMP_IF_AT_LEAST, _X32, 0, 1), _step(_RETURN, _KILL)] if machine == "x86_64" else []),
            *(_for(number, _step(_RETURN, _ALLOW)) for number in known(_ALLOWED)),
            *(_for(number, _step(_RETURN, _KILL)) for number in known(_DEADLY)),
            # Threads, but no processes; glibc falls back from clone3, whose flags a filter cannot see.
            _for(numbers["clone"], _argument(0), *_if_set(_CLONE_THREAD)),
            _for(numbers["clone3"], _step(_RETURN, _FAIL | errno.ENOSYS)),
            # Of an open file, never of a path.
            _for(numbers["newfstatat"], _argument(3), *_if_set(_AT_EMPTY_PATH)),
            # Limits are read, never set: the address of new ones is null. Its upper half is looked at as well.
            _for(
                numbers["prlimit64"],
                _step(_LOAD, _ARGUMENTS_AT + 8 * 2 + 4),
                _step(_JUMP_IF, 0, 1, 0),
                _step(_RETURN, _FAIL | errno.EPERM),
                _argument(2),
                *_if_equal(0),
            ),
            _for(numbers["prctl"], _argument(0), *_if_equal(_PR_SET_NAME)),
            # abort() signals itself.
            _for(numbers["tgkill"], _argument(0), *_if_equal(pid)),
            _step(_RETURN, _FAIL | errno.EPERM),
        ]
    )


def filters_here() -> bool:
    """Whether this machine is one whose system calls are known here."""
    return sys.platform == "linux" and platform.machine() in _NUMBERS


def forbid_system_calls() -> None:
    """Let this process decode and talk over what is open, and nothing else, for good. Raises OSError where the machine or the
    kernel has no such filter.
    """
    if not filters_here():
        raise OSError(errno.EOPNOTSUPP, "no filter for this machine")
    content = _filter(platform.machine(), os.getpid())
    program = _Program(len(content) // 8, content)
    prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(program))
