"""What auth does: `accounts`, `sessions` and `keys`, one function per command. auth reacts to no event yet."""
