"""Keys that a service signs tokens with: made, sealed, kept, published, rotated, withdrawn. What stands in a token is its own
business, and believing one is `identity`'s.
"""
