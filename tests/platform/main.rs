//! The local platform is AWS to real clients: functions, alarms, events, names and faults, as the SDK for Rust and boto3 see them.

mod faults;
mod functions;
mod privileges;
mod schedules;
mod services;
mod stage;
mod whole;
