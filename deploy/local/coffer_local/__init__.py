"""Coffer on one machine: database, local cloud, all services and the gateway, started and stopped together."""
