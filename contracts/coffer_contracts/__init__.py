"""What Coffer's services promise each other and the world: events, envelope, ids, problems.

Only pydantic and the standard library may be imported here. No behaviour beyond parsing and describing.
"""
