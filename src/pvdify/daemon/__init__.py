"""pvdifyd: wires adapters to ports, starts the server and the worker. The top of the layers: may import everything."""
