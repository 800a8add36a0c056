use super::*;
use crate::samples::deployment_at as deployment;

#[test]
fn available_means_the_deployment_and_every_member() {
    assert!(deployment("AVAILABLE", &["AVAILABLE", "AVAILABLE"]).is_available());
    assert!(!deployment("AVAILABLE", &["AVAILABLE", "PROVISIONING"]).is_available());
    assert!(!deployment("AVAILABLE", &[]).is_available());
    assert!(!deployment("PROVISIONING", &["AVAILABLE"]).is_available());
}

#[test]
fn switched_means_the_deployment_and_every_member() {
    let done = "SWITCHOVER_COMPLETED";
    assert!(deployment(done, &[done, done]).is_switched());
    assert!(!deployment(done, &[done, "SWITCHOVER_IN_PROGRESS"]).is_switched());
    assert!(!deployment(done, &[]).is_switched());
}

#[test]
fn a_record_that_is_being_deleted_still_tells_that_it_was_switched() {
    let done = "SWITCHOVER_COMPLETED";
    let deleting = deployment("DELETING", &[done, done]);
    assert!(deleting.is_switched() && !deleting.keeps_old());
    assert!(!deployment("DELETING", &[done, "AVAILABLE"]).is_switched());
    assert!(deployment(done, &[done]).keeps_old());
}

#[test]
fn an_unknown_status_is_neither_good_nor_lost() {
    let unknown = deployment("RESTING", &["AVAILABLE"]);
    assert_eq!(unknown.status, DeploymentStatus::Other("RESTING".into()));
    assert!(!unknown.is_available() && !unknown.is_switched());
}

#[test]
fn an_arn_ends_in_the_name() {
    let arn = "arn:aws:rds:eu-west-1:123456789012:db:orders-old1";
    assert_eq!(instance_of(arn).as_str(), "orders-old1");
}
