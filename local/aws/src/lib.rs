//! Local stand-ins for the AWS services that Viridian uses, RDS excepted, and the machine that they share: processes,
//! addresses, certificates, programs.

pub mod calls;
pub mod clock;
pub mod cloudwatch;
pub mod dns;
pub mod events;
pub mod faults;
pub mod gateway;
pub mod iam;
pub mod keeper;
pub mod lambda;
pub mod memory;
pub mod moto;
pub mod network;
mod pattern;
pub mod process;
pub mod states;
pub mod template;
pub mod tls;
pub mod toolchain;
pub mod words;
pub mod xml;

/// The Region that this machine plays.
pub const REGION: &str = "eu-west-1";
/// The account that this machine plays.
pub const ACCOUNT: &str = "123456789012";

/// The ARN of a resource of a service.
#[must_use]
pub fn arn(service: &str, resource: &str) -> String {
    format!("arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}")
}
