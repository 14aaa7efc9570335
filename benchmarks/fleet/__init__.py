"""A model of many servers over PostgreSQL: measured costs, deployments, their limits, and a simulation."""
