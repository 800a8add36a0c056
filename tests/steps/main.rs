//! Each step against the local platform, as its own compiled binary: what it does, what it refuses, and what it makes of
//! throttling and of answers that are lost after the work was done.

mod approval;
mod claim;
mod nlb;
mod on_green;
mod parameter;
mod privileges;
mod rollback;
mod shift_weight;
mod sweep;
mod watch;
mod world;
