"""Data sets: fetching and reading their archives, drawing stand-ins, and preparing the stores that training reads."""
