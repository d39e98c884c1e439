// Reads settings files.
