//! The files in a data folder that say how a server runs.
