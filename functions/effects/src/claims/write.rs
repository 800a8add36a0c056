//! Conditional writes to one item.

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;

/// A change of an item that happens only under a condition. `#name` stands for the attribute `name`.
pub(super) struct Write {
    pub(super) doing: &'static str,
    condition: &'static str,
    change: &'static str,
    values: Vec<(&'static str, AttributeValue)>,
}

impl Write {
    /// `doing` completes “… failed”.
    pub(super) const fn new(
        doing: &'static str,
        condition: &'static str,
        change: &'static str,
    ) -> Self {
        Self {
            doing,
            condition,
            change,
            values: Vec::new(),
        }
    }

    /// Gives a placeholder its value.
    pub(super) fn with(mut self, placeholder: &'static str, value: AttributeValue) -> Self {
        self.values.push((placeholder, value));
        self
    }

    /// Puts condition, change, names and values into a request.
    pub(super) fn into_request(self, update: UpdateItemFluentBuilder) -> UpdateItemFluentBuilder {
        let named = [self.condition, self.change]
            .iter()
            .flat_map(|expression| attributes(expression))
            .fold(update, |update, name| {
                update.expression_attribute_names(format!("#{name}"), name)
            });
        self.values
            .into_iter()
            .fold(named, |update, (placeholder, value)| {
                update.expression_attribute_values(placeholder, value)
            })
            .condition_expression(self.condition)
            .update_expression(self.change)
    }
}

/// The attributes that an expression names.
fn attributes(expression: &str) -> impl Iterator<Item = &str> {
    let named = expression.split('#').skip(1);
    named.map(|rest| {
        let end = rest.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
        end.map_or(rest, |end| &rest[..end])
    })
}

#[cfg(test)]
mod tests {
    use super::attributes;

    #[test]
    fn the_attributes_of_an_expression_are_found() {
        let found: Vec<&str> =
            attributes("(#phase = :ended OR NOT #phase) AND #lease_until < :now").collect();
        assert_eq!(found, ["phase", "phase", "lease_until"]);
    }
}
