//! What an expression can see.

use super::functions;
use crate::moment::Moment;
use jsonata_core::ast::AstNode;
use jsonata_core::evaluator::{Context, Evaluator, EvaluatorError, EvaluatorOptions};
use jsonata_core::value::JValue;
use serde_json::{Map, Value};
use std::cell::{Cell, OnceCell};
use std::rc::Rc;

/// An expression that never ends is an error after this time. No other looks at a real clock.
const LONGEST_MS: u64 = 5_000;

/// `$states`, the variables, the time and the dice.
pub struct Scope<'a> {
    states: Value,
    converted: OnceCell<JValue>,
    variables: &'a Map<String, Value>,
    now: i64,
    dice: Rc<Cell<u64>>,
}

impl<'a> Scope<'a> {
    /// `states` becomes `$states`; `variables` are bound by their names.
    #[must_use]
    pub fn new(states: Value, variables: &'a Map<String, Value>, moment: Moment) -> Self {
        Self {
            states,
            converted: OnceCell::new(),
            variables,
            now: moment.now,
            dice: Rc::new(Cell::new(moment.seed)),
        }
    }

    /// Evaluates an expression. Only what its source names is bound, since a variable may be large.
    pub(super) fn evaluate(&self, source: &str, ast: &AstNode) -> Result<JValue, EvaluatorError> {
        let mut context = Context::new();
        if source.contains("$states") {
            let states = self
                .converted
                .get_or_init(|| JValue::from(self.states.clone()));
            context.bind("states".to_owned(), states.clone());
        }
        let named = |name: &str| source.split('$').any(|rest| rest.starts_with(name));
        for (name, value) in self.variables.iter().filter(|(name, _)| named(name)) {
            context.bind(name.clone(), JValue::from(value.clone()));
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
