//! The checks that only PostgreSQL's server can answer, in the order in which a person reads them.

mod follower;
mod replicas;
mod replication;
mod roles;
mod tables;
#[cfg(test)]
mod tests;
mod way_back;

use crate::facts::Server;
use domain::inspection::{Case, Inspection};
use domain::plan::Check;
use domain::request::{Request, Strategy};

impl Inspection for Server {
    fn databases(&self) -> Vec<String> {
        let databases = self.application_databases();
        databases.map(|database| database.name.clone()).collect()
    }

    fn application_roles(&self, request: &Request) -> Vec<String> {
        let roles = self.fenced_roles(request).into_iter();
        roles.map(|role| role.name.clone()).collect()
    }

    fn checks(&self, case: &Case<'_>) -> Vec<Check> {
        let mut checks = vec![replicas::check(case, self), tables::transactions(self)];
        if case.strategy == Strategy::BlueGreen {
            checks.extend(replication::checks(case, self));
            checks.extend(tables::checks(self));
            checks.extend(roles::checks(case, self));
            checks.push(way_back::check(case, self));
            checks.extend(follower::check(case, self));
        }
        checks
    }
}
