"""How many requests a caller may make: policies, the arithmetic, two places to count in, and the layer that asks them.

Who may call a route at all is decided elsewhere (`access_rules`), and so is what a failed sign-in counts for (auth).
"""

from coffer_chassis.limits.limiter import Limited, Limiter
from coffer_chassis.limits.policies import DEFAULT, limited, unlimited

__all__ = ["DEFAULT", "Limited", "Limiter", "limited", "unlimited"]
