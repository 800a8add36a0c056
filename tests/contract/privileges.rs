//! Permissions: what no test can see has a source, and the documentation says what the template says.

use crate::root;
use local::iam::{self, DEPENDENT};
use local::template::Template;
use std::collections::BTreeMap;

fn shipped() -> Template {
    let path = root().join("infra/template.yaml");
    Template::read(&path, &BTreeMap::new()).expect("infra/template.yaml")
}

#[test]
fn what_services_do_on_our_behalf_is_listed_with_its_source() {
    let template = shipped();
    let dependent = template.roles().flat_map(|(_, statements)| statements);
    for statement in dependent.filter(|statement| statement.is_dependent()) {
        let listed = DEPENDENT.iter().find(|it| it.sid == statement.sid);
        let listed = listed
            .unwrap_or_else(|| panic!("{} is not in local/src/iam/dependent.rs", statement.sid));
        let known = "https://docs.aws.amazon.com/";
        assert!(listed.source.starts_with(known), "{listed:?}");
    }
}

#[test]
fn the_documentation_has_every_permission() {
    let page = iam::table(shipped().roles()).expect("a page");
    let written = std::fs::read_to_string(root().join("docs/iam.md")).unwrap_or_default();
    assert!(
        page == written,
        "docs/iam.md is not what infra/template.yaml says: run `make iam-table` again"
    );
}
