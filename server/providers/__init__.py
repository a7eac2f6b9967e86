"""Where answers come from: the Provider protocol and the back ends behind it. Knows no thread and no connection."""

from server.providers.registry import open_provider as open_provider
