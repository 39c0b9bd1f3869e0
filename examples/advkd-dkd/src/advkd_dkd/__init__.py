"""Decoupled Knowledge Distillation as a method of advkd. Nothing is imported here: every command of advkd does so."""
