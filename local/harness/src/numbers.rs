//! Numbers as people read them.

/// A number with commas between its thousands.
#[must_use]
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::thousands;

    #[test]
    fn numbers_have_commas_where_people_expect_them() {
        assert_eq!(thousands(7), "7");
        assert_eq!(thousands(48_211), "48,211");
        assert_eq!(thousands(1_204_113), "1,204,113");
    }
}
