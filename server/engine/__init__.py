"""One turn: from input to the model's last word. Emits events; knows no connection and no file."""
