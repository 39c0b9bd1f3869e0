"""Network architectures, one a file."""
