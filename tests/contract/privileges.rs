//! Permissions: what no test can see has a source, and the documentation says what the template says.

use crate::root;
use local_aws::iam::{self, DEPENDENT, Roles};
use local_aws::template::Template;
use std::collections::BTreeMap;

fn shipped(parameters: &BTreeMap<String, String>) -> Roles {
    let path = root().join("infra/template.yaml");
    let template = Template::read(&path, parameters);
    template.expect("infra/template.yaml").roles()
}

#[test]
fn what_services_do_on_our_behalf_is_listed_by_action_with_its_source() {
    let roles = shipped(&iam::everything());
    let statements = roles.values().flatten();
    let dependent: Vec<_> = statements.filter(|it| it.is_dependent()).collect();
    for statement in &dependent {
        assert!(
            DEPENDENT.iter().any(|listed| listed.is(statement)),
            "local/aws/src/iam/dependent.rs has no {} with {:?}",
            statement.sid,
            statement.actions
        );
    }
    for listed in DEPENDENT {
        let known = "https://docs.aws.amazon.com/";
        assert!(listed.source.starts_with(known), "{listed:?}");
        assert!(
            dependent.iter().any(|statement| listed.is(statement)),
            "the template has no {listed:?}"
        );
    }
}

#[test]
fn every_role_of_the_template_has_a_caller() {
    let roles = crate::template::resources("AWS::IAM::Role").len();
    assert_eq!(shipped(&iam::everything()).len(), roles);
}

#[test]
fn the_documentation_has_every_permission() {
    let (all, plain) = (shipped(&iam::everything()), shipped(&BTreeMap::new()));
    let written = std::fs::read_to_string(root().join("docs/iam.md")).unwrap_or_default();
    assert!(
        iam::table(&all, &plain) == written,
        "docs/iam.md is not what infra/template.yaml says: run `make iam-table` again"
    );
}
