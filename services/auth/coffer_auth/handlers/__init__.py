"""What auth does: `accounts`, `sessions` and `keys`, one function per command. `reactions` holds what it does on facts of
others.
"""
