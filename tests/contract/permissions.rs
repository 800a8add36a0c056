//! What each role may do: what its code calls, what AWS demands besides, and nothing else.

use crate::root;
use crate::template::{functions, reference, resources};
use domain::rds::OWNER_TAG;
use serde_yaml_ng::Value;
use std::collections::BTreeSet;

/// What the Sid begins with of a statement that no code of ours calls for.
const DEPENDENT: &str = "Dependent";

/// The parts of names that RDS gives to an instance which is not what production is called.
const ASIDE: [&str; 3] = [":db:*-green-*", ":db:*-old?", ":db:*-old??"];

/// A statement of a policy.
#[derive(Debug, Clone)]
pub struct Statement {
    pub sid: String,
    pub allows: bool,
    pub actions: Vec<String>,
    pub resources: Vec<String>,
    pub condition: Value,
}

impl Statement {
    fn read(value: &Value) -> Self {
        let text = |name: &str| value[name].as_str().map(str::to_owned);
        Self {
            sid: text("Sid").unwrap_or_else(|| panic!("a statement without a Sid: {value:?}")),
            allows: text("Effect").as_deref() == Some("Allow"),
            actions: listed(&value["Action"]),
            resources: listed(&value["Resource"]),
            condition: value["Condition"].clone(),
        }
    }

    pub fn is_dependent(&self) -> bool {
        self.sid.starts_with(DEPENDENT)
    }

    fn has(&self, action: &str) -> bool {
        self.allows && self.actions.iter().any(|known| known == action)
    }
}

/// One or several texts, functions shown as `!Sub …`.
fn listed(value: &Value) -> Vec<String> {
    match value {
        Value::Sequence(items) => items.iter().map(reference).collect(),
        one => vec![reference(one)],
    }
}

/// The statements of a document; what stands under a condition of the stack's is taken for there.
fn statements(document: &Value) -> Vec<Statement> {
    let all = document["Statement"].as_sequence().expect("statements");
    all.iter()
        .map(|statement| match statement {
            Value::Tagged(choice) => Statement::read(&choice.value[1]),
            plain => Statement::read(plain),
        })
        .collect()
}

/// Everything that a role may do, by its own policies and by those that it shares.
pub fn of_role(role: &Value) -> Vec<Statement> {
    let shared = resources("AWS::IAM::ManagedPolicy");
    let properties = &role["Properties"];
    let own = properties["Policies"].as_sequence().into_iter().flatten();
    let mut all: Vec<Statement> = own
        .flat_map(|policy| statements(&policy["PolicyDocument"]))
        .collect();
    let attached = properties["ManagedPolicyArns"].as_sequence();
    for policy in attached.into_iter().flatten().map(reference) {
        let name = policy.strip_prefix("!Ref ");
        let policy = name.and_then(|name| shared.get(name));
        let policy = policy.expect("a policy of this template");
        all.extend(statements(&policy["Properties"]["PolicyDocument"]));
    }
    all
}

/// Everything that a function may do.
pub fn of_function(function: &Value) -> Vec<Statement> {
    let role = reference(&function["Properties"]["Role"]);
    let name = role
        .strip_prefix("!GetAtt ")
        .and_then(|role| role.strip_suffix(".Arn"));
    of_role(&resources("AWS::IAM::Role")[name.expect("a role of this template")])
}

/// The statements of all roles, each with its role.
fn of_all() -> impl Iterator<Item = (String, Statement)> {
    let roles = resources("AWS::IAM::Role").into_iter();
    roles.flat_map(|(name, role)| {
        let statements = of_role(&role).into_iter();
        statements.map(move |statement| (name.clone(), statement))
    })
}

/// Those that allow an action.
pub fn allowing(action: &str) -> impl Iterator<Item = (String, Statement)> {
    of_all().filter(move |(_, statement)| statement.has(action))
}

#[test]
fn every_function_has_a_role_of_its_own() {
    let functions = functions();
    for (name, function) in &functions {
        let properties = &function["Properties"];
        assert_eq!(
            reference(&properties["Role"]),
            format!("!GetAtt {name}Role.Arn")
        );
        assert!(properties["Policies"].is_null(), "{name}");
    }
}

#[test]
fn every_role_can_be_bounded() {
    for (name, role) in resources("AWS::IAM::Role") {
        let Value::Tagged(choice) = &role["Properties"]["PermissionsBoundary"] else {
            panic!("{name} has no PermissionsBoundary")
        };
        assert_eq!(
            reference(&choice.value[1]),
            "!Ref PermissionsBoundary",
            "{name}"
        );
    }
}

#[test]
fn nothing_is_allowed_by_a_pattern_of_actions() {
    for (role, statement) in of_all().filter(|(_, statement)| statement.allows) {
        for action in &statement.actions {
            let patterned = action.contains('*') && action != "kms:GenerateDataKey*";
            assert!(!patterned, "{role}: {action}");
        }
    }
}

/// `describe_db_instances` and `DescribeDBInstances` alike.
fn plain(name: &str) -> String {
    name.replace('_', "").to_lowercase()
}

/// The operations of AWS that the code calls, as `service:operation`.
fn called() -> BTreeSet<String> {
    let capabilities = [
        ("alarms", "cloudwatch"),
        ("executions", "states"),
        ("listeners", "elasticloadbalancing"),
        ("logins", "secretsmanager"),
        ("notices", "sns"),
        ("parameters", "ssm"),
        ("rds", "rds"),
        ("tokens", "states"),
        ("upgrades", "dynamodb"),
        ("zones", "route53"),
    ];
    let mut files = Vec::new();
    crate::environment::sources(&root().join("crates/aws/src"), &mut files);
    let mut called = BTreeSet::new();
    for (path, text) in files {
        let within = |name: &str| {
            path.contains(&format!("src/{name}.rs")) || path.contains(&format!("src/{name}/"))
        };
        let service = capabilities.iter().find(|(name, _)| within(name));
        let operations = service.into_iter().flat_map(|(_, service)| {
            let names = operations(&text).into_iter();
            names.map(move |name| format!("{service}:{}", plain(name)))
        });
        called.extend(operations);
    }
    called
}

/// What is called of a client: `client.describe_db_instances()`, on one line or two.
fn operations(text: &str) -> Vec<&str> {
    let word =
        |name: &&str| *name != "clone" && name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    text.split("client")
        .skip(1)
        .filter_map(|after| after.trim_start().strip_prefix('.')?.split_once("()"))
        .map(|(name, _)| name)
        .filter(word)
        .collect()
}

/// All functions together, also where no test walks. What each role uses of its own is held by `local privileges check` after
/// all tests.
#[test]
fn functions_may_call_just_what_the_code_calls() {
    let functions = functions();
    let statements = functions.values().flat_map(of_function);
    let actions = statements
        .filter(|statement| !statement.is_dependent())
        .flat_map(|statement| statement.actions);
    let allowed: BTreeSet<String> = actions.map(|action| plain(&action)).collect();
    assert_eq!(allowed, called());
}

#[test]
fn a_deployment_is_deleted_or_switched_only_by_the_tag_of_an_upgrade() {
    let tag = format!("aws:ResourceTag/{OWNER_TAG}");
    let mut found = BTreeSet::new();
    for action in [
        "rds:DeleteBlueGreenDeployment",
        "rds:SwitchoverBlueGreenDeployment",
    ] {
        for (role, statement) in allowing(action) {
            let owner = reference(&statement.condition["StringLike"][tag.as_str()]);
            let ours = owner.ends_with(":execution:${AWS::StackName}-upgrade:*");
            assert!(ours, "{role}: {}", statement.sid);
            assert_eq!(statement.actions.len(), 1, "{role}: {}", statement.sid);
            found.insert((role, action));
        }
    }
    assert!(found.len() >= 4, "{found:?}");
}

#[test]
fn a_deployment_is_made_only_with_the_tag_of_an_upgrade() {
    let tag = format!("aws:RequestTag/{OWNER_TAG}");
    let creating: Vec<_> = allowing("rds:CreateBlueGreenDeployment").collect();
    assert!(!creating.is_empty());
    for (_, statement) in creating {
        assert!(!statement.condition["StringLike"][tag.as_str()].is_null());
    }
}

#[test]
fn no_role_may_delete_an_instance_by_production_s_own_name() {
    let mut deleting = 0;
    for (role, statement) in allowing("rds:DeleteDBInstance") {
        let aside = |name: &String| ASIDE.iter().any(|part| name.ends_with(part));
        // RDS takes no part of a name where green goes with its deployment.
        let with_green = role == "RollbackRole" && statement.is_dependent();
        let all_aside = statement.resources.iter().all(aside);
        assert!(with_green || all_aside, "{role}: {:?}", statement.resources);
        deleting += 1;
    }
    assert!(deleting > 0);
}
