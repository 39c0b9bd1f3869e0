"""Small drawn stand-ins for the data sets, so that everything runs without the real ones.

Numbers computed from them say nothing about a paper.
"""
