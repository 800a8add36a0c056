//! check_lag
