"""What breaks only under load, at a bad moment or by a bad client; one file for each kind of fault."""
