"""The rules of a drive: names, uploads on their way, what may be shown in a browser. Pure: no clock, no ids, no SQL."""
