"""Tables and the only SQL of the service, one file per noun."""
