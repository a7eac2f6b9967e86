"""Files and folders for clients: contents, trees, watches, searches. Knows no connection and no message."""
