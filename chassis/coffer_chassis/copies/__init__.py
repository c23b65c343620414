"""Copies of what other services own: grants, the shape of the tree, people. Each is fed by facts and guarded by sequence.

Only services that need a copy define its table; the owner of a fact is never asked.
"""
