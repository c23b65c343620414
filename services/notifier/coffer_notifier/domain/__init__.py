"""The rules of notices, activity, mail and places of the stream: pure, without clock, store or network."""
