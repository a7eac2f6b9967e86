"""What is remembered. Append-only JSONL, and reading it back."""
