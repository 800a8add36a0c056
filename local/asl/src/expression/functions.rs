//! The functions that Step Functions adds to JSONata, and those that it takes away.

use crate::moment::next_random;
use jsonata_core::ast::AstNode;
use jsonata_core::evaluator::{Context, Evaluator, EvaluatorError};
use jsonata_core::value::JValue;
use serde_json::Value;
use sha2::Digest;
use std::cell::Cell;
use std::fmt::Write;
use std::rc::Rc;

type Answer = Result<JValue, EvaluatorError>;

/// The longest array that `$range` makes.
const MAX_RANGE: usize = 1_000;

pub(super) fn register(
    evaluator: &mut Evaluator,
    now: i64,
    dice: &Rc<Cell<u64>>,
) -> Result<(), EvaluatorError> {
    evaluator.register_fn("partition", partition)?;
    evaluator.register_fn("range", range)?;
    evaluator.register_fn("hash", hash)?;
    evaluator.register_fn("parse", parse)?;
    let rolls = Rc::clone(dice);
    evaluator.register_fn("uuid", move |_: &[JValue]| Ok(uuid(&rolls)))?;
    let rolls = Rc::clone(dice);
    evaluator.register_fn_override("random", move |args: &[JValue]| Ok(random(args, &rolls)))?;
    evaluator.register_fn_override("millis", move |_: &[JValue]| Ok(JValue::from_i64(now)))?;
    evaluator.register_fn_override("now", move |args: &[JValue]| clock(now, args))?;
    evaluator.register_fn_override("eval", |_: &[JValue]| {
        refuse("$eval does not exist in Step Functions")
    })
}

fn refuse(message: &str) -> Answer {
    Err(EvaluatorError::EvaluationError(message.to_owned()))
}

/// Whether `$eval` is named anywhere in an expression.
pub(super) fn calls_eval(ast: &AstNode) -> bool {
    fn names_eval(value: &Value) -> bool {
        match value {
            Value::Object(map) => {
                map.get("Function")
                    .is_some_and(|call| call["name"] == "eval")
                    || map.get("Variable").is_some_and(|name| name == "eval")
                    || map.values().any(names_eval)
            }
            Value::Array(items) => items.iter().any(names_eval),
            _ => false,
        }
    }
    serde_json::to_value(ast).is_ok_and(|tree| names_eval(&tree))
}

fn partition(args: &[JValue]) -> Answer {
    let [JValue::Array(items), size] = args else {
        return refuse("$partition takes an array and a size");
    };
    let Some(size) = whole(size)
        .and_then(|n| usize::try_from(n).ok())
        .filter(|n| *n > 0)
    else {
        return refuse("$partition needs a positive whole size");
    };
    Ok(JValue::array(
        items
            .chunks(size)
            .map(|chunk| JValue::array(chunk.to_vec()))
            .collect(),
    ))
}

fn range(args: &[JValue]) -> Answer {
    let numbers: Option<Vec<i64>> = args.iter().map(whole).collect();
    let Some(&[first, last, step]) = numbers.as_deref() else {
        return refuse("$range takes three whole numbers");
    };
    if step == 0 {
        return refuse("$range needs a step other than 0");
    }
    let within = |n: &i64| if step > 0 { *n <= last } else { *n >= last };
    let items: Vec<JValue> = std::iter::successors(Some(first), |n| n.checked_add(step))
        .take_while(within)
        .take(MAX_RANGE + 1)
        .map(JValue::from_i64)
        .collect();
    if items.len() > MAX_RANGE {
        return refuse("$range makes at most 1000 items");
    }
    Ok(JValue::array(items))
}

fn whole(value: &JValue) -> Option<i64> {
    value
        .as_f64()
        .filter(|n| n.fract() == 0.0)
        .and_then(|_| value.as_i64())
}

fn hash(args: &[JValue]) -> Answer {
    let (Some(data), Some(algorithm)) = (
        args.first().and_then(JValue::as_str),
        args.get(1).and_then(JValue::as_str),
    ) else {
        return refuse("$hash takes a string and an algorithm");
    };
    let digest = match algorithm {
        "SHA-256" => hex(&sha2::Sha256::digest(data)),
        "SHA-384" => hex(&sha2::Sha384::digest(data)),
        "SHA-512" => hex(&sha2::Sha512::digest(data)),
        _ => return refuse("$hash is implemented here for SHA-256, SHA-384 and SHA-512"),
    };
    Ok(JValue::from(digest))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn parse(args: &[JValue]) -> Answer {
    let Some(text) = args.first().and_then(JValue::as_str) else {
        return refuse("$parse takes a string");
    };
    JValue::from_json_str(text).or_else(|error| refuse(&format!("$parse: {error}")))
}

/// Uniform in `[0, 1)`; the same for the same seed.
fn random(args: &[JValue], dice: &Cell<u64>) -> JValue {
    let bits = match args.first().and_then(JValue::as_f64) {
        Some(seed) => next_random(&Cell::new(seed.to_bits())),
        None => next_random(dice),
    };
    #[expect(
        clippy::cast_precision_loss,
        reason = "53 bits are all that a double holds"
    )]
    let fraction = (bits >> 11) as f64 / (1_u64 << 53) as f64;
    JValue::from_f64(fraction)
}

fn uuid(dice: &Cell<u64>) -> JValue {
    let bits = u128::from(next_random(dice)) << 64 | u128::from(next_random(dice));
    JValue::from(
        uuid::Builder::from_random_bytes(bits.to_be_bytes())
            .into_uuid()
            .to_string(),
    )
}

/// `$now()` is JSONata's own `$fromMillis` of the moment, so that pictures and zones work alike.
fn clock(now: i64, args: &[JValue]) -> Answer {
    let call = match args.len() {
        0 => "$fromMillis($at)",
        1 => "$fromMillis($at, $picture)",
        _ => "$fromMillis($at, $picture, $zone)",
    };
    let mut context = Context::new();
    context.bind("at".to_owned(), JValue::from_i64(now));
    for (name, value) in ["picture", "zone"].into_iter().zip(args) {
        context.bind(name.to_owned(), value.clone());
    }
    match jsonata_core::parser::parse(call) {
        Ok(ast) => Evaluator::with_context(context).evaluate(&ast, &JValue::Undefined),
        Err(error) => refuse(&error.display_message()),
    }
}
