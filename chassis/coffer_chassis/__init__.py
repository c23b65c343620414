"""What every Coffer service stands on: bus, units of work, blobs, identity, HTTP. No business lives here."""

import gc

# Modules being loaded are no garbage: looking through them again and again took a tenth of a start. `freeze_start_up` says
# how it goes on from there.
gc.set_threshold(50_000, 20, 20)
