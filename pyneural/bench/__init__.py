"""What `pyneural bench` measures and how: the cases, this machine's limits, the tables."""
