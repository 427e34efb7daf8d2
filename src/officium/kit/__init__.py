"""The toolbox: clock, ids, database, secrets and the root error. Knows nothing of the product."""
