"""Training: the loop, the run folder it leaves behind, and its pictures."""
