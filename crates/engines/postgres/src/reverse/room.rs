//! Whether a server has room for reverse replication.

use crate::facts::Settings;

/// Whether green could send its writes back once it serves: a slot and a sender for each database.
///
/// # Errors
///
/// What is missing, and where to set it.
pub(crate) fn can_send_back(settings: &Settings, databases: usize) -> Result<String, String> {
    let needed = u32::try_from(databases).unwrap_or(u32::MAX);
    let level = &settings.wal_level;
    let remedy = "set it in green's parameter group, or write `way_back`: `none`";
    if level != "logical" {
        return Err(format!(
            "wal_level is {level} on green, so failback is impossible; {remedy}"
        ));
    }
    let scarce = [
        ("max_replication_slots", settings.replication_slots),
        ("max_wal_senders", settings.wal_senders),
    ];
    match scarce.iter().find(|(_, has)| *has < needed) {
        Some((name, has)) => Err(format!(
            "{name} is {has} on green and must be {needed} or more; {remedy}"
        )),
        None => Ok(format!(
            "green can send the writes of {databases} databases back"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_green_that_cannot_send_back_is_refused_with_the_setting() {
        let well = crate::samples::server().settings;
        assert!(can_send_back(&well, 2).is_ok());
        let replica = Settings {
            wal_level: "replica".to_owned(),
            ..well.clone()
        };
        assert!(can_send_back(&replica, 2).is_err_and(|why| why.contains("wal_level")));
        let few = Settings {
            replication_slots: 1,
            ..well
        };
        assert!(can_send_back(&few, 2).is_err_and(|why| why.contains("max_replication_slots")));
    }
}
