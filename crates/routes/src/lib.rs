//! Ways to move an application's traffic between blue and green, a file each.
//!
//! A route is generic over [`ports::World`] and consists of free functions: `find` returns what stands under a name when an
//! upgrade is planned, `read` returns it as it is now, and one more changes it to what the domain wants. Each change looks
//! first, lets the caller verify its right to act immediately before it acts, and returns once every nameserver has the
//! change, so that it can be repeated after a lost answer. What is wanted is decided in [`domain::routes`]. Another way to move
//! traffic is another file here, beside its model there.
//!
//! - [`weighted`]: the weighted records by which reads are shared.
//! - [`cname`]: the plain record that leads to the writer.

pub mod cname;
pub mod weighted;
mod zones;
