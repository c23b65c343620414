"""Notifier: telling people: feed, mail, live stream, activity."""
