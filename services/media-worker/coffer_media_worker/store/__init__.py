"""The tables of the media worker and every SQL statement it runs, one file per noun. No rules live here."""
