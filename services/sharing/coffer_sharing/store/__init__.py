"""The tables and named queries of sharing; the only SQL."""
