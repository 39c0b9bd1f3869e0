"""What a run is called and how it is set: names, schemas, layers, the user's configuration, the catalogue. No torch."""
