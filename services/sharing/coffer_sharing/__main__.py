"""`python -m coffer_sharing serve|api|consume|relay|migrate|snapshot|list-keys|rotate-keys|drop-key|...`"""

import sys

from coffer_chassis.commands import Program, main
from coffer_chassis.signing.commands import key_commands
from coffer_sharing.app import build
from coffer_sharing.settings import SharingSettings

RENEWAL = "visitors unlock their links again."

if __name__ == "__main__":
    sys.exit(main(Program("coffer_sharing", SharingSettings, build, key_commands(RENEWAL))))
