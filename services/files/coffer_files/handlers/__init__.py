"""What the files service does: one function per command or event. HTTP and SQL stand elsewhere."""
