"""`python -m coffer_media_worker serve|consume|relay|migrate|...`"""

import sys

from coffer_chassis.commands import Program, main
from coffer_media_worker.app import build
from coffer_media_worker.settings import MediaWorkerSettings

if __name__ == "__main__":
    sys.exit(main(Program("coffer_media_worker", MediaWorkerSettings, build)))
