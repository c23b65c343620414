"""The OpenAPI 3.1 document of a service, of all services together, and the rules it must keep.

Made at build time from the routes themselves; nothing here answers requests.
"""

from coffer_chassis.openapi.document import Outgoing, describe, documented
from coffer_chassis.openapi.lint import lint
from coffer_chassis.openapi.merge import merge

__all__ = ["Outgoing", "describe", "documented", "lint", "merge"]
