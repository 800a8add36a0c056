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

/// What `$states` is made of.
pub struct States<'a> {
    /// Its members but for the context, by name.
    pub members: [Option<(&'static str, &'a Value)>; 2],
    /// Makes the context, which few expressions name.
    pub context: Box<dyn Fn() -> Value + 'a>,
}

impl States<'_> {
    fn whole(&self) -> Value {
        let members = self.members.iter().flatten();
        let members = members.map(|(name, value)| ((*name).to_owned(), (*value).clone()));
        let context = [("context".to_owned(), (self.context)())];
        Value::Object(members.chain(context).collect())
    }
}

/// `$states`, the variables, the time and the dice.
pub struct Scope<'a> {
    states: States<'a>,
    converted: OnceCell<JValue>,
    variables: &'a Map<String, Value>,
    now: i64,
    dice: Rc<Cell<u64>>,
}

impl<'a> Scope<'a> {
    /// `states` becomes `$states`; `variables` are bound by their names.
    #[must_use]
    pub fn new(states: States<'a>, variables: &'a Map<String, Value>, moment: Moment) -> Self {
        Self {
            states,
            converted: OnceCell::new(),
            variables,
            now: moment.now,
            dice: Rc::new(Cell::new(moment.seed)),
        }
    }

    /// What a path of members leads to, without an evaluation. `None` where that is for JSONata to say: a member that is not
    /// there, and lists, over which a path goes.
    pub(super) fn follow(&self, path: &[String]) -> Option<&Value> {
        let (root, path) = path.split_first()?;
        let (mut value, path) = if root == "states" {
            let (name, path) = path.split_first()?;
            let mut members = self.states.members.iter().flatten();
            (members.find(|(member, _)| member == name)?.1, path)
        } else {
            (self.variables.get(root)?, path)
        };
        for name in path {
            value = value.as_object()?.get(name)?;
        }
        (!value.is_array()).then_some(value)
    }

    /// Evaluates an expression. Only what its source names is bound, since a variable may be large.
    pub(super) fn evaluate(&self, source: &str, ast: &AstNode) -> Result<JValue, EvaluatorError> {
        let mut context = Context::new();
        if source.contains("$states") {
            let states = self
                .converted
                .get_or_init(|| JValue::from(self.states.whole()));
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
