//! on_alarm
