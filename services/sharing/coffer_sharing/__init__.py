"""Sharing: who may see what: shares."""
