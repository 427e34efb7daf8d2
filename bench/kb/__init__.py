"""How well, how honestly and how fast questions are answered from public knowledge bases."""
