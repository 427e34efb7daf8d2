"""How fast a tenant may ask, and how fast we ask a provider."""
