//! Every target exists, and every state can be reached.

use super::fields::Faults;
use super::{Definition, Next, State};
use std::collections::BTreeSet;

pub(super) fn check(definition: &Definition, faults: &Faults) {
    let states = &definition.states;
    if !states.contains_key(&definition.start_at) {
        faults.add("/StartAt", unknown(&definition.start_at));
    }
    for (name, state) in states {
        for (field, target) in targets(state) {
            if !states.contains_key(target) {
                faults.add(format!("/States/{name}/{field}"), unknown(target));
            }
        }
    }
    let (names, reached) = (states.keys(), reached(definition));
    for name in names.filter(|name| !reached.contains(name.as_str())) {
        faults.add(format!("/States/{name}"), "no path leads to this state");
    }
}

fn unknown(target: &str) -> String {
    format!("there is no state `{target}`")
}

fn reached(definition: &Definition) -> BTreeSet<&str> {
    let mut reached = BTreeSet::new();
    let mut ahead = vec![definition.start_at.as_str()];
    while let Some(name) = ahead.pop() {
        if let Some(state) = definition.states.get(name)
            && reached.insert(name)
        {
            ahead.extend(targets(state).into_iter().map(|(_, target)| target));
        }
    }
    reached
}

/// Where a state can lead, each with the field that says so.
fn targets(state: &State) -> Vec<(String, &str)> {
    let mut found = Vec::new();
    match state {
        State::Task(task) => {
            follow(&task.next, &mut found);
            for (i, catcher) in task.catch.iter().enumerate() {
                found.push((format!("Catch/{i}/Next"), catcher.next.as_str()));
            }
        }
        State::Choice(choice) => {
            for (i, rule) in choice.rules.iter().enumerate() {
                found.push((format!("Choices/{i}/Next"), rule.next.as_str()));
            }
            if let Some(default) = &choice.default {
                found.push(("Default".to_owned(), default));
            }
        }
        State::Wait(wait) => follow(&wait.next, &mut found),
        State::Pass(pass) => follow(&pass.next, &mut found),
        State::Succeed(_) | State::Fail { .. } => {}
    }
    found
}

fn follow<'a>(next: &'a Next, found: &mut Vec<(String, &'a str)>) {
    if let Next::State(name) = next {
        found.push(("Next".to_owned(), name));
    }
}
