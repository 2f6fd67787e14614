"""The output of instances and of containers that run once, from the files that conmon writes."""
