// Hashes and signatures.
