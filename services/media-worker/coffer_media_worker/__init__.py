"""Bytes: verdicts on uploads and previews of files. Owns jobs and verdicts; has no public routes."""
