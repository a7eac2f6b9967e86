"""Tests of server.mcp."""
