"""What a model can do besides talking: one file for each tool."""
