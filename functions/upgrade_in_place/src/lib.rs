//! upgrade_in_place
