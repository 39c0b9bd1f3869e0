"""Training methods, one a file: the losses, and the networks they need beside the student."""
