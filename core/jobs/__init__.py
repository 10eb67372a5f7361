"""Jobs that outlive a visit: a queue of folders, and a process of its own for each; training and batches are two."""
