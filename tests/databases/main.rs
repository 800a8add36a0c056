//! The steps that speak to RDS and PostgreSQL, each as its own compiled binary, on real servers: what they find, make and
//! prove, and what they make of answers that are lost after the work was done.

mod back;
mod crossing;
mod iam;
mod in_place;
mod major;
mod network;
mod plan;
mod privileges;
mod shop;
mod stopped;
