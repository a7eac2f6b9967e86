"""The tools that a model is offered, one file each."""
