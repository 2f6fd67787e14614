"""Commands whose input and output a client holds: one-off containers, and commands inside an instance."""
