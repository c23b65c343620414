"""What every Coffer service stands on: bus, units of work, blobs, identity, HTTP. No business lives here."""
