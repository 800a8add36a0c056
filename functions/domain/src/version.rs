//! Engine versions, as RDS writes them.
