"""What the media worker does when facts arrive: one function per event. SQL stands elsewhere."""
