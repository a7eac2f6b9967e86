"""What a client hears, by the version of the protocol that it speaks. Inside the server all things have one form."""
