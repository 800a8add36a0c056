//! Patterns of actions and ARNs: `*` is any text, `?` any letter.

/// Whether an action matches; IAM doesn't tell upper from lower case here.
pub fn action(pattern: &str, action: &str) -> bool {
    text(&pattern.to_lowercase(), &action.to_lowercase())
}

/// Whether an ARN matches: the parts before the resource one by one, so that no `*` reaches over them.
pub fn arn(pattern: &str, arn: &str) -> bool {
    let parts = |text| str::splitn(text, 6, ':');
    let mut pairs = parts(pattern).zip(parts(arn));
    let alike = parts(pattern).count() == parts(arn).count();
    pattern == "*" || (alike && pairs.all(|(one, other)| text(one, other)))
}

/// Whether a text matches.
pub fn text(pattern: &str, text: &str) -> bool {
    let (mut wanted, mut found) = (pattern.chars(), text.chars());
    match wanted.next() {
        None => text.is_empty(),
        Some('*') => {
            let ends = text.char_indices().map(|(at, _)| &text[at..]);
            let mut ends = ends.chain([""]);
            ends.any(|end| self::text(wanted.as_str(), end))
        }
        Some(letter) => {
            let fits = found.next().is_some_and(|it| letter == '?' || letter == it);
            fits && self::text(wanted.as_str(), found.as_str())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_any_text_and_a_question_mark_one_letter() {
        for (pattern, good) in [
            ("", ""),
            ("*", ""),
            ("*", "a:b"),
            ("a*c", "ac"),
            ("a*c", "abcbc"),
            ("a*b*c", "a-b-b-c"),
            ("a??", "abc"),
            ("*-??????", "viridian/orders-AbCdEf"),
        ] {
            assert!(text(pattern, good), "{pattern} {good}");
        }
        for (pattern, bad) in [
            ("", "a"),
            ("a", "ab"),
            ("a*c", "acb"),
            ("a*b*b", "ab"),
            ("a?", "a"),
            ("ab*bc", "abc"),
        ] {
            assert!(!text(pattern, bad), "{pattern} {bad}");
        }
    }

    #[test]
    fn a_star_stays_within_its_part_of_an_arn() {
        let db = "arn:aws:rds:eu-west-1:123456789012:db:orders";
        assert!(arn("*", "*") && arn("*", db));
        assert!(arn("arn:aws:rds:*:*:db:*", db));
        assert!(!arn("arn:aws:rds:*:db:*", db));
        assert!(!arn("arn:aws:rds:eu-west-1:123456789012:db:*", "*"));
        let every = "arn:aws:rds:eu-west-1:123456789012:db:*";
        assert!(arn("arn:aws:rds:eu-west-1:123456789012:db:*", every));
        assert!(!arn("arn:aws:rds:eu-west-1:123456789012:db:o*", every));
    }

    #[test]
    fn actions_are_alike_in_upper_and_lower_case() {
        assert!(action("RDS:describe*", "rds:DescribeDBInstances"));
        assert!(!action("rds:Describe*", "rds:DeleteDBInstance"));
    }
}
