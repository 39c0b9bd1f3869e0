"""Small stand-ins for the data sets, drawn by a program in the official layouts."""
