//! JSONata inside `{% … %}`, as Step Functions evaluates it.
//!
//! Evaluation is pure: time and random numbers come from the [`Moment`](crate::interpreter::Moment) at which it happens.

mod functions;
mod scope;

pub(crate) use functions::hex;
pub use scope::{Scope, States};

use jsonata_core::ast::AstNode;
use jsonata_core::value::JValue;
use serde_json::{Map, Value};

/// A compiled JSONata expression.
#[derive(Debug, Clone)]
pub struct Expression {
    /// What stands between `{%` and `%}`, trimmed.
    pub source: String,
    ast: AstNode,
    /// The names of a path such as `$states.result.Payload`, if it is nothing else.
    path: Option<Vec<String>>,
}

/// The names of an expression that is a variable and members of it.
fn path(source: &str) -> Option<Vec<String>> {
    let names = source.strip_prefix('$')?.split('.');
    let plain = |name: &str| {
        let mut letters = name.bytes();
        letters
            .next()
            .is_some_and(|first| first.is_ascii_alphabetic())
            && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == b'_')
    };
    names
        .map(|name| plain(name).then(|| name.to_owned()))
        .collect()
}

impl Expression {
    /// `None` if the text is no expression but an ordinary string; an error if it doesn't compile.
    #[must_use]
    pub fn of(text: &str) -> Option<Result<Self, String>> {
        let source = text.strip_prefix("{%")?.strip_suffix("%}")?.trim();
        Some(Self::compile(source))
    }

    fn compile(source: &str) -> Result<Self, String> {
        let ast = jsonata_core::parser::parse(source).map_err(|error| {
            format!(
                "the JSONata expression `{source}` does not compile: {}",
                error.display_message()
            )
        })?;
        if functions::calls_eval(&ast) {
            return Err("`$eval` does not exist in Step Functions; use `$parse`".to_owned());
        }
        Ok(Self {
            source: source.to_owned(),
            path: path(source),
            ast,
        })
    }

    /// The value, which is never undefined.
    fn evaluate(&self, field: &str, scope: &Scope) -> Result<Value, QueryError> {
        let found = self.path.as_ref().and_then(|path| scope.follow(path));
        if let Some(found) = found {
            return Ok(found.clone());
        }
        let value = scope
            .evaluate(&self.source, &self.ast)
            .map_err(|error| self.error(field, &format!("threw an error: {}", error.message())))?;
        if value.is_undefined() {
            return Err(self.error(field, "returned nothing (undefined)."));
        }
        if holds_function(&value) {
            return Err(self.error(field, "returned a function."));
        }
        serde_json::to_value(&value)
            .map_err(|error| self.error(field, &format!("returned no JSON: {error}")))
    }

    /// An error in the words of the service.
    #[must_use]
    pub fn error(&self, field: &str, what: &str) -> QueryError {
        QueryError {
            location: field.to_owned(),
            cause: format!(
                "The JSONata expression '{}' specified for the field '{field}' {what}",
                self.source
            ),
        }
    }
}

fn holds_function(value: &JValue) -> bool {
    value.is_function()
        || value
            .as_array()
            .is_some_and(|items| items.iter().any(holds_function))
        || value
            .as_object()
            .is_some_and(|map| map.values().any(holds_function))
}

/// Why an expression has no value: `States.QueryEvaluationError`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryError {
    /// The field in which it stands.
    pub location: String,
    /// What happened.
    pub cause: String,
}

/// A JSON value in which strings may be expressions.
#[derive(Debug, Clone)]
pub enum Template {
    /// No expression in it.
    Literal(Value),
    /// One expression.
    Expression(Expression),
    /// A list with expressions in it.
    Array(Vec<Template>),
    /// An object with expressions in it; its keys are never expressions.
    Object(Vec<(String, Template)>),
}

impl Template {
    /// Compiles all expressions in `value`; those that don't compile are added to `wrong` with their paths.
    pub fn compile(value: &Value, path: &str, wrong: &mut Vec<(String, String)>) -> Self {
        match value {
            Value::String(text) => match Expression::of(text) {
                Some(Ok(expression)) => Self::Expression(expression),
                Some(Err(message)) => {
                    wrong.push((path.to_owned(), message));
                    Self::Literal(Value::Null)
                }
                None => Self::Literal(value.clone()),
            },
            Value::Array(items) => Self::Array(
                items
                    .iter()
                    .enumerate()
                    .map(|(i, item)| Self::compile(item, &format!("{path}/{i}"), wrong))
                    .collect(),
            ),
            Value::Object(map) => Self::Object(
                map.iter()
                    .map(|(key, item)| {
                        let compiled = Self::compile(item, &format!("{path}/{key}"), wrong);
                        (key.clone(), compiled)
                    })
                    .collect(),
            ),
            _ => Self::Literal(value.clone()),
        }
    }

    /// The value with all expressions evaluated. `field` is where it stands within its state, for the error.
    ///
    /// # Errors
    /// The first expression that has no value.
    pub fn evaluate(&self, field: &str, scope: &Scope) -> Result<Value, QueryError> {
        match self {
            Self::Literal(value) => Ok(value.clone()),
            Self::Expression(expression) => expression.evaluate(field, scope),
            Self::Array(items) => items
                .iter()
                .enumerate()
                .map(|(i, item)| item.evaluate(&format!("{field}[{i}]"), scope))
                .collect(),
            Self::Object(entries) => entries
                .iter()
                .map(|(key, item)| {
                    let value = item.evaluate(&format!("{field}/{key}"), scope)?;
                    Ok((key.clone(), value))
                })
                .collect::<Result<Map<_, _>, _>>()
                .map(Value::Object),
        }
    }
}
