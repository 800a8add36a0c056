//! shift_weight
