"""auth's store: tables in `tables`, then one file of named queries per noun. The only SQL of the service."""
