"""auth: who people are. Accounts, sign-ins, sessions, and the keys that sign their tokens."""
