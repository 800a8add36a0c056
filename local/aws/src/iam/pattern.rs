//! Patterns of actions and ARNs: `*` is any text, `?` any letter.

/// Whether an action matches; IAM doesn't tell upper from lower case here.
pub fn action(pattern: &str, action: &str) -> bool {
    text(&pattern.to_lowercase(), &action.to_lowercase())
}

/// Whether an ARN matches: the parts before the resource one by one, so that no `*` reaches over them.
pub fn arn(pattern: &str, arn: &str) -> bool {
    let parts = |text: &str| -> Vec<String> { text.splitn(6, ':').map(str::to_owned).collect() };
    if pattern == "*" {
        return true;
    }
    let (pattern, arn) = (parts(pattern), parts(arn));
    pattern.len() == arn.len()
        && pattern
            .iter()
            .zip(&arn)
            .all(|(one, other)| text(one, other))
}

/// Whether a text matches.
pub fn text(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = strip(first, text) else {
        return false;
    };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else {
        return rest.is_empty();
    };
    for part in parts {
        let found = starts(rest).find_map(|from| strip(part, from));
        match found {
            Some(after) => rest = after,
            None => return false,
        }
    }
    starts(rest).any(|from| strip(last, from) == Some(""))
}

/// Every end of a text, the whole text first.
fn starts(text: &str) -> impl Iterator<Item = &str> {
    let inner = text.char_indices().map(|(at, _)| &text[at..]);
    inner.chain([""])
}

/// What follows `part`, in which `?` is any letter, at the beginning of a text.
fn strip<'a>(part: &str, text: &'a str) -> Option<&'a str> {
    let mut letters = text.chars();
    for wanted in part.chars() {
        let found = letters.next()?;
        if wanted != '?' && wanted != found {
            return None;
        }
    }
    Some(letters.as_str())
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
