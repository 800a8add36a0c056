//! Permissions: what no test can see has a source, and the documentation says what the template says.

use crate::root;
use local::iam::{self, DEPENDENT};
use local::template::Template;
use std::collections::{BTreeMap, BTreeSet};

fn shipped() -> Template {
    let path = root().join("infra/template.yaml");
    Template::read(&path, &BTreeMap::new()).expect("infra/template.yaml")
}

#[test]
fn what_services_do_on_our_behalf_is_listed_with_its_source() {
    let template = shipped();
    let allowed = template.roles().flat_map(|(caller, statements)| {
        let dependent = statements.iter().filter(|it| it.is_dependent());
        let actions = dependent.flat_map(|statement| &statement.actions);
        actions.map(move |action| (caller.to_owned(), action.clone()))
    });
    let listed = DEPENDENT.map(|it| (it.caller.to_owned(), it.action.to_owned()));
    assert_eq!(
        allowed.collect::<BTreeSet<_>>(),
        listed.into(),
        "left: `Dependent…` statements of the template; right: local/src/iam/dependent.rs"
    );
    for it in DEPENDENT {
        assert!(
            it.source.starts_with("https://docs.aws.amazon.com/"),
            "{it:?}"
        );
    }
}

#[test]
fn a_service_acts_on_behalf_of_a_call_that_is_allowed_as_well() {
    let template = shipped();
    for it in DEPENDENT {
        // Step Functions names its integrations in its own way.
        let call = it
            .of
            .replace("states:startExecution.sync", "states:StartExecution");
        let (_, statements) = template
            .roles()
            .find(|(caller, _)| *caller == it.caller)
            .expect("a function or a machine");
        let own = statements
            .iter()
            .filter(|statement| !statement.is_dependent());
        assert!(
            own.flat_map(|statement| &statement.actions)
                .any(|action| *action == call),
            "{it:?}"
        );
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
