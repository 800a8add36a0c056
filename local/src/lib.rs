//! What AWS is, on this machine.
