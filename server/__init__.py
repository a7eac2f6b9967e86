"""What happens. Connections come in, turns run, threads are heard."""
