//! What holds of the stack as a whole: logs, networks, aliases, dead letters.

use crate::machine::Machine;
use crate::machines;
use crate::permissions::{allowing, of_function, of_role};
use crate::template::{functions, reference, resources, template};
use serde_yaml_ng::Value;
use std::collections::BTreeSet;

#[test]
fn every_function_logs_to_a_group_of_its_own_and_nowhere_else() {
    let groups = resources("AWS::Logs::LogGroup");
    for (name, function) in functions() {
        let group = format!("{name}Logs");
        let config = &function["Properties"]["LoggingConfig"];
        assert_eq!(reference(&config["LogGroup"]), format!("!Ref {group}"));
        assert!(groups.contains_key(&group), "{group}");
        for statement in of_function(&function) {
            let mut actions = statement.actions.iter();
            if actions.any(|action| action.starts_with("logs:")) {
                let own = format!("!GetAtt {group}.Arn");
                assert_eq!(statement.resources, [own], "{name}");
            }
        }
    }
}

#[test]
fn logs_are_kept_for_as_long_as_the_stack_says() {
    for (name, group) in resources("AWS::Logs::LogGroup") {
        let days = reference(&group["Properties"]["RetentionInDays"]);
        assert_eq!(days, "!Ref LogRetentionDays", "{name}");
    }
}

#[test]
fn only_functions_that_speak_sql_are_in_the_network() {
    assert!(!template()["Globals"]["Function"]["VpcConfig"].is_null());
    for (name, function) in functions() {
        let properties = &function["Properties"];
        let speaks = !properties["Environment"]["Variables"]["CREDENTIALS_PREFIX"].is_null();
        let stays_out = reference(&properties["VpcConfig"]) == "!Ref AWS::NoValue";
        assert!(properties["VpcConfig"].is_null() || stays_out, "{name}");
        let actions: BTreeSet<String> = of_function(&function)
            .into_iter()
            .flat_map(|statement| statement.actions)
            .collect();
        let may = |action: &str| actions.contains(action);
        assert_eq!(speaks, !stays_out, "{name}");
        assert_eq!(speaks, may("secretsmanager:GetSecretValue"), "{name}");
        assert_eq!(speaks, may("ec2:CreateNetworkInterface"), "{name}");
    }
}

/// The parameters of the stack that a value names, however deep.
fn parameters(value: &Value) -> BTreeSet<String> {
    match value {
        Value::Tagged(tagged) => match tagged.value.as_str() {
            Some(name) if !template()["Parameters"][name].is_null() => [name.to_owned()].into(),
            Some(_) => BTreeSet::new(),
            None => parameters(&tagged.value),
        },
        Value::Sequence(items) => items.iter().flat_map(parameters).collect(),
        Value::Mapping(fields) => fields.values().flat_map(parameters).collect(),
        _ => BTreeSet::new(),
    }
}

#[test]
fn a_changed_parameter_publishes_another_version_and_leaves_the_one_before() {
    let template = template();
    let pinned: BTreeSet<String> = machines().iter().flat_map(Machine::substitutions).collect();
    for (name, function) in functions() {
        let properties = &function["Properties"];
        let mut needed = parameters(&properties["Environment"]);
        if properties["VpcConfig"].is_null() {
            needed.extend(parameters(&template["Globals"]["Function"]["VpcConfig"]));
        }
        let described = parameters(&properties["VersionDescription"]);
        assert_eq!(described, needed, "{name}");
        assert_eq!(properties["AutoPublishAliasAllProperties"], true, "{name}");
        let kept = function["UpdateReplacePolicy"] == "Retain";
        let unpinned = needed.is_empty() || !pinned.contains(&name);
        assert!(kept || unpinned, "{name}");
    }
}

/// The targets of rules and schedules that stand by themselves, with their names.
fn targets() -> Vec<(String, Value)> {
    let rules = resources("AWS::Events::Rule").into_iter();
    let of_rules = rules.flat_map(|(name, rule)| {
        let targets = rule["Properties"]["Targets"].as_sequence().cloned();
        let targets = targets.expect("targets").into_iter();
        targets
            .map(|target| (name.clone(), target))
            .collect::<Vec<_>>()
    });
    let schedules = resources("AWS::Scheduler::Schedule").into_iter();
    let of_schedules =
        schedules.map(|(name, schedule)| (name, schedule["Properties"]["Target"].clone()));
    of_rules.chain(of_schedules).collect()
}

#[test]
fn what_starts_a_machine_aims_at_its_alias() {
    let machines = resources("AWS::Serverless::StateMachine");
    for (name, machine) in &machines {
        let alias = &machine["Properties"]["AutoPublishAlias"];
        assert_eq!(alias, "live", "{name} has no alias");
    }
    let aliases = machines.keys().map(|name| format!("!Ref {name}Aliaslive"));
    let aliases: BTreeSet<String> = aliases.collect();
    for (name, target) in targets() {
        assert!(aliases.contains(&reference(&target["Arn"])), "{name}");
    }
    let sweep = &functions()["Sweep"]["Properties"]["Environment"]["Variables"];
    assert!(aliases.contains(&reference(&sweep["ROLLBACK_MACHINE_ARN"])));
    let upgrade = &machines["UpgradeMachine"]["Properties"]["DefinitionSubstitutions"];
    assert!(aliases.contains(&reference(&upgrade["RollbackMachine"])));
}

#[test]
fn a_role_that_may_start_a_machine_may_start_its_alias_only() {
    let mut starting = 0;
    for (name, statement) in allowing("states:StartExecution") {
        let qualifier =
            &statement.condition["ForAnyValue:StringEquals"]["states:StateMachineQualifier"];
        assert_eq!(qualifier, "live", "{name}");
        starting += 1;
    }
    assert!(starting > 0);
}

#[test]
fn what_could_not_be_delivered_is_kept() {
    for (name, target) in targets() {
        let kept = reference(&target["DeadLetterConfig"]["Arn"]);
        assert_eq!(kept, "!GetAtt LostEvents.Arn", "{name}");
    }
    let alarm = &functions()["OnAlarm"]["Properties"];
    let failed = &alarm["EventInvokeConfig"]["DestinationConfig"]["OnFailure"]["Destination"];
    for kept in [
        &alarm["Events"]["Alarm"]["Properties"]["DeadLetterConfig"]["Arn"],
        failed,
    ] {
        assert_eq!(reference(kept), "!GetAtt LostEvents.Arn");
    }
}

#[test]
fn a_machine_may_invoke_every_version_of_its_steps() {
    let roles = resources("AWS::IAM::Role");
    for (name, machine) in resources("AWS::Serverless::StateMachine") {
        let substitutions = machine["Properties"]["DefinitionSubstitutions"].as_mapping();
        let called = substitutions.expect("DefinitionSubstitutions").keys();
        let called: BTreeSet<String> = called
            .filter_map(|name| name.as_str())
            .filter(|name| functions().contains_key(*name))
            .map(|name| format!("!Sub ${{{name}.Arn}}:*"))
            .collect();
        let statements = of_role(&roles[&format!("{name}Role")]);
        let invoking = statements
            .iter()
            .find(|statement| statement.actions == ["lambda:InvokeFunction"]);
        let resources = &invoking.expect("a statement").resources;
        assert_eq!(resources.iter().cloned().collect::<BTreeSet<_>>(), called);
    }
}
