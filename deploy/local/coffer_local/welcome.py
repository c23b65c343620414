"""What stands at `/` for programs; people get the web app there."""

from importlib.metadata import version


def information() -> dict[str, str]:
    """Name, version and where to read on."""
    return {
        "name": "Coffer",
        "version": version("coffer"),
        "docs": "/docs",
        "openapi": "/schema/openapi.json",
        "asyncapi": "/schema/asyncapi.json",
    }
