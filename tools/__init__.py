"""What helps to develop pvdify; none of it is installed with it."""
