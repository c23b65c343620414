"""`python -m coffer_sharing serve|api|consume|relay|migrate|snapshot|...`"""

import sys

from coffer_chassis.commands import Program, main
from coffer_sharing.app import build
from coffer_sharing.settings import SharingSettings

if __name__ == "__main__":
    sys.exit(main(Program("coffer_sharing", SharingSettings, build)))
