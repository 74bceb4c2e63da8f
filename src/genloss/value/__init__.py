"""When does synthetic data help, and how much of it, and what may be concluded from it."""
