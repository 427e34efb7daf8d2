"""The doors, one module for each room, and the dialects the gateway's are spoken to in."""
