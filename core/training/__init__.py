"""Training in the background: what to train, a queue of jobs, a process for each, and snapshots of how it goes."""
