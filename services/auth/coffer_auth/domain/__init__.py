"""The rules of accounts, sign-ins and sessions: values in, values or refusals out. No clock, no store, no randomness."""
