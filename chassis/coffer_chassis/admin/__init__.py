"""What operators see of any service and can do to its messages, over HTTP and from a shell: the same for every service.

Acts of people are recorded here; what the chassis does by itself with the same rows stands outside of this folder.
"""
