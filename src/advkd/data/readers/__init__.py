"""One reader for each official layout, and one for folders of one's own."""
