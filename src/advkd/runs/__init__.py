"""One run in its folder: session, checkpoint, lock, provenance, device. What keeps a run safe, and changes no number."""
