"""What sharing does, on wishes of people and on facts of other services."""
