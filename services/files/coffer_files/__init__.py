"""The files service: drives with their folders and files, and uploads on their way into them."""
