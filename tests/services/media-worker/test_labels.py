"""libmagic comes by pip where the system has none."""

import json
import subprocess
import sys

HIDDEN = """
import ctypes, ctypes.util, json, sys
real = ctypes.CDLL.__init__
def without_the_system_s(self, name=None, *given, **more):
    if name and "magic" in str(name) and "pylibmagic" not in str(name):
        raise OSError(f"{name}: cannot open shared object file")
    real(self, name, *given, **more)
ctypes.CDLL.__init__ = without_the_system_s
ctypes.util.find_library = lambda name: None
from coffer_media_worker.labels import Labels
labels = Labels()
told = labels(b"\\x89HDF\\r\\n\\x1a\\n" + bytes(100))
print(json.dumps([told, labels.missing, "pylibmagic" in sys.modules]))
"""


def test_libmagic_comes_by_pip_where_the_system_has_none() -> None:
    told = subprocess.run([sys.executable, "-c", HIDDEN], capture_output=True, text=True, timeout=60, check=True)
    assert json.loads(told.stdout.splitlines()[-1]) == ["application/x-hdf5", None, True]
