"""The training loops and what they share: seeding, checkpoints, history, guards, run folders."""
