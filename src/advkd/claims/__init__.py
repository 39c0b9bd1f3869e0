"""What the papers claim, whether it holds on their numbers and on ours, and where the printed numbers contradict."""
