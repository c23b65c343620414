"""The live stream: one hub per process, its connections, and how they are written to the wire."""
