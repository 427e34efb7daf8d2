"""The rooms: what customers come for. No room knows another."""
