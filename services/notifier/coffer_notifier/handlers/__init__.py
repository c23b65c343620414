"""What happens on facts and on requests, one file per concern; the tables of reactions stand in `reactions.py`."""
