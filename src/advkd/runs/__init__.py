"""The folder of one run, and what keeps it safe: session, checkpoint, lock, provenance and device."""
