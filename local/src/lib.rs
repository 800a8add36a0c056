//! What AWS is, on this machine.

pub mod calls;
pub mod clock;
pub mod dns;
pub mod faults;
pub mod gateway;
pub mod lambda;
