"""The tables of the files service and every SQL statement it runs, one file per noun. No rules live here."""
