"""MCP servers of the configuration, run for threads: their tools, resources and questions. Knows no client."""
