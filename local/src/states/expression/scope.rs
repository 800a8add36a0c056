//! What an expression can see.

use super::{Moment, functions};
use jsonata_core::ast::AstNode;
use jsonata_core::evaluator::{Context, Evaluator, EvaluatorError, EvaluatorOptions};
use jsonata_core::value::JValue;
use serde_json::{Map, Value};
use std::cell::Cell;
use std::rc::Rc;

/// An expression that never ends is an error after this time. No other looks at a real clock.
const LONGEST_MS: u64 = 5_000;

/// `$states`, the variables, the time and the dice.
pub struct Scope {
    bindings: Vec<(String, JValue)>,
    now: i64,
    dice: Rc<Cell<u64>>,
}

impl Scope {
    /// `states` becomes `$states`; `variables` are bound by their names.
    #[must_use]
    pub fn new(states: Value, variables: &Map<String, Value>, moment: Moment) -> Self {
        let mut bindings: Vec<_> = variables
            .iter()
            .map(|(name, value)| (name.clone(), JValue::from(value.clone())))
            .collect();
        bindings.push(("states".to_owned(), JValue::from(states)));
        Self {
            bindings,
            now: moment.now,
            dice: Rc::new(Cell::new(moment.seed)),
        }
    }

    pub(super) fn evaluate(&self, ast: &AstNode) -> Result<JValue, EvaluatorError> {
        let mut context = Context::new();
        for (name, value) in &self.bindings {
            context.bind(name.clone(), value.clone());
        }
        let options = EvaluatorOptions {
            timeout_ms: Some(LONGEST_MS),
            ..EvaluatorOptions::default()
        };
        let mut evaluator = Evaluator::with_options(context, options);
        functions::register(&mut evaluator, self.now, &self.dice)?;
        evaluator.evaluate(ast, &JValue::Undefined)
    }
}
