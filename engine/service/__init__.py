"""The local service: searching and changing collections over HTTP, for programs on this computer."""
